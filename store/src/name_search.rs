//! Looks for a part of a file name as people do: neither case nor the way a letter is encoded matters.

use icu_normalizer::ComposingNormalizerBorrowed;

/// A part of a file name that is looked for.
#[derive(Debug, Clone)]
pub struct NamePart(String);

impl NamePart {
    /// Takes it as somebody typed it.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        Self(folded(typed.trim()))
    }

    /// Whether a file name has this part.
    pub(crate) fn is_in(&self, filename: &str) -> bool {
        folded(filename).contains(&self.0)
    }
}

/// Up and down again makes `ß` and `SS`, `ς` and `Σ` one; each letter by itself, since a word's end must not
/// matter to a part of it. macOS writes `ä` as two characters, and others as one: composed, they are the same.
fn folded(text: &str) -> String {
    let cased: String = text
        .chars()
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
        .collect();
    ComposingNormalizerBorrowed::new_nfkc()
        .normalize(&cased)
        .into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neither_case_nor_encoding_matters() {
        for (part, filename) in [
            ("", "any.mp4"),
            ("HOLIDAY", "my holiday.mov"),
            (" käse ", "KÄSE.mp4"),
            ("Käse", "Ka\u{308}se.mp4"),
            ("STRASSE", "Straße.mp4"),
            ("ΟΔΟΣ", "οδος.mp4"),
            ("οδοσ", "ΟΔΟΣ.mp4"),
            ("МОСКВА", "Утро в москва.avi"),
            ("映画", "私の映画.mp4"),
            ("clip 1", "ｃｌｉｐ １.mp4"),
        ] {
            assert!(NamePart::new(part).is_in(filename), "{part} in {filename}");
        }
        for (part, filename) in [("a", "ä.mp4"), ("x", "holiday.mp4"), ("mp4 ", "a.mp3")] {
            assert!(!NamePart::new(part).is_in(filename), "{part} in {filename}");
        }
    }
}
