//! Looks for a part of a file name as people do: neither case nor the way a letter is encoded matters.

use icu_normalizer::ComposingNormalizerBorrowed;

/// A part of a file name that is looked for.
#[derive(Debug, Clone)]
pub struct NamePart(String);

impl NamePart {
    /// Takes it as somebody typed it. None for nothing but blanks.
    #[must_use]
    pub fn new(typed: &str) -> Option<Self> {
        let typed = typed.trim();
        (!typed.is_empty()).then(|| Self(folded(typed)))
    }

    /// Whether a file name has this part.
    pub(crate) fn is_in(&self, filename: &str) -> bool {
        folded(filename).contains(&self.0)
    }
}

/// Composed, since macOS writes `ä` as two characters and others as one, and before the case is folded, too:
/// what stands for a letter or some (`ℌ`, `㎒`) has no case of its own. Up and down again makes `ß` and `SS`,
/// `ς` and `Σ` one; each letter by itself, since a word's end must not matter to a part of it.
fn folded(text: &str) -> String {
    let composer = ComposingNormalizerBorrowed::new_nfkc();
    let cased: String = composer
        .normalize(text)
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    composer.normalize(&cased).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_case_nor_encoding_matters() {
        for (part, filename) in [
            ("HOLIDAY", "my holiday.mov"),
            (" käse ", "KÄSE.mp4"),
            ("Käse", "Ka\u{308}se.mp4"),
            ("STRASSE", "Straße.mp4"),
            ("ΟΔΟΣ", "οδος.mp4"),
            ("οδοσ", "ΟΔΟΣ.mp4"),
            ("МОСКВА", "Утро в москва.avi"),
            ("映画", "私の映画.mp4"),
            ("clip 1", "ｃｌｉｐ １.mp4"),
            ("home", "𝐇ome.mp4"),
            ("ℌOME", "home.mp4"),
            ("tel", "℡ 5.mp4"),
            ("mhz", "500 ㎒.mp4"),
        ] {
            let part = NamePart::new(part).unwrap();
            assert!(part.is_in(filename), "{part:?} in {filename}");
        }
        for (part, filename) in [("a", "ä.mp4"), ("x", "holiday.mp4"), ("mp4 ", "a.mp3")] {
            let part = NamePart::new(part).unwrap();
            assert!(!part.is_in(filename), "{part:?} in {filename}");
        }
        for blank in ["", " ", "\u{3000}\t"] {
            assert!(NamePart::new(blank).is_none());
        }
    }
}
