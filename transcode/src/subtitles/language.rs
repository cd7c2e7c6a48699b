//! Languages as containers name them, as the web does (BCP 47), and in English.

use isolang::Language as Iso639;

/// Codes of ISO 639-2/B, which are made after English names, and of the two that became others.
const BIBLIOGRAPHIC: [(&str, &str); 22] = [
    ("alb", "sqi"),
    ("arm", "hye"),
    ("baq", "eus"),
    ("bur", "mya"),
    ("chi", "zho"),
    ("cze", "ces"),
    ("dut", "nld"),
    ("fre", "fra"),
    ("geo", "kat"),
    ("ger", "deu"),
    ("gre", "ell"),
    ("ice", "isl"),
    ("mac", "mkd"),
    ("mao", "mri"),
    ("may", "msa"),
    ("per", "fas"),
    ("rum", "ron"),
    ("scc", "srp"),
    ("scr", "hrv"),
    ("slo", "slk"),
    ("tib", "bod"),
    ("wel", "cym"),
];

/// Undetermined, none, several, not in the standard.
const NO_LANGUAGE: [&str; 4] = ["und", "zxx", "mul", "mis"];

/// Subtags after the language that are kept: script, region, variant.
const MAX_SUBTAGS: usize = 3;

/// Most characters of a name, which is to fit into a menu.
const MAX_NAME_CHARS: usize = 60;

/// The language of a track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Language {
    /// BCP 47.
    pub(crate) tag: String,
    name: String,
}

impl Language {
    /// What a container states: a code of ISO 639-2 or 639-1, or a tag that begins with one.
    pub(crate) fn stated(text: &str) -> Option<Self> {
        let mut subtags = text.trim().split(['-', '_']);
        let code = subtags.next()?.to_ascii_lowercase();
        let code = BIBLIOGRAPHIC
            .iter()
            .find(|(bibliographic, _)| *bibliographic == code)
            .map_or(code.as_str(), |(_, terminological)| terminological);
        if NO_LANGUAGE.contains(&code) {
            return None;
        }
        let language = Iso639::from_639_3(code).or_else(|| Iso639::from_639_1(code))?;
        let mut tag = language
            .to_639_1()
            .unwrap_or(language.to_639_3())
            .to_owned();
        // “Norwegian Bokmål” as it is, “Malay (macrolanguage)” without what only linguists need.
        let name = language.to_name().split(" (").next().unwrap_or_default();
        let mut name = match code {
            "ell" | "el" => "Greek".to_owned(),
            _ => name.to_owned(),
        };
        let is_subtag = |subtag: &&str| {
            (2..=8).contains(&subtag.len()) && subtag.chars().all(|ch| ch.is_ascii_alphanumeric())
        };
        let subtags: Vec<&str> = subtags.take(MAX_SUBTAGS).take_while(is_subtag).collect();
        if !subtags.is_empty() {
            tag = format!("{tag}-{}", subtags.join("-"));
            name = format!("{name} ({})", subtags.join("-"));
        }
        Some(Self { tag, name })
    }
}

/// What is known of a track when it is to be named.
pub(crate) struct Unnamed<'a> {
    pub(crate) title: Option<&'a str>,
    pub(crate) language: Option<&'a Language>,
    pub(crate) is_forced: bool,
}

/// A name for each track: its title, or its language, or that it is one; no two are the same.
pub(crate) fn name_tracks<'a>(tracks: impl IntoIterator<Item = Unnamed<'a>>) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for track in tracks {
        let title = track.title.map(printable).filter(|title| !title.is_empty());
        let name = title.unwrap_or_else(|| {
            let language = track
                .language
                .map_or("Subtitles", |language| &language.name);
            match track.is_forced {
                true => format!("{language} (forced)"),
                false => language.to_owned(),
            }
        });
        let numbered = (2..).map(|n| format!("{name} {n}"));
        let mut candidates = std::iter::once(name.clone()).chain(numbered);
        names.extend(candidates.find(|candidate| !names.contains(candidate)));
    }
    names
}

/// One line of letters, as long as fits.
fn printable(title: &str) -> String {
    let words = title.split(|ch: char| ch.is_whitespace() || ch.is_control());
    let words = words.filter(|word| !word.is_empty()).take(MAX_NAME_CHARS);
    let words: Vec<&str> = words.collect();
    let short: String = words.join(" ").chars().take(MAX_NAME_CHARS).collect();
    short.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stated(text: &str) -> Option<(String, String)> {
        Language::stated(text).map(|language| (language.tag, language.name))
    }

    #[test]
    fn every_way_to_write_a_language_is_the_same_tag() {
        for text in ["ger", "deu", "de", "GER", " de "] {
            assert_eq!(stated(text), Some(("de".into(), "German".into())), "{text}");
        }
        let tags =
            ["eng", "fre", "chi", "gre", "yue", "fil", "nob"].map(|text| stated(text).unwrap());
        assert_eq!(
            tags.map(|(tag, name)| format!("{tag} {name}")),
            [
                "en English",
                "fr French",
                "zh Chinese",
                "el Greek",
                "yue Yue Chinese",
                "fil Filipino",
                "nb Norwegian Bokmål"
            ]
        );
    }

    #[test]
    fn what_is_no_language_is_none() {
        for text in [
            "",
            "und",
            "zxx",
            "mul",
            "mis",
            "xx",
            "qaa",
            "-",
            "english",
            "e\u{301}n",
        ] {
            assert_eq!(stated(text), None, "{text}");
        }
    }

    #[test]
    fn regions_and_scripts_stay() {
        assert_eq!(
            stated("por-BR"),
            Some(("pt-BR".into(), "Portuguese (BR)".into()))
        );
        assert_eq!(stated("zh_Hant-TW").unwrap().0, "zh-Hant-TW");
        assert_eq!(stated("en-\"x\r\n").unwrap().0, "en");
    }

    #[test]
    fn no_two_names_are_the_same() {
        let english = Language::stated("eng").unwrap();
        let track = |title, language, is_forced| Unnamed {
            title,
            language,
            is_forced,
        };
        let names = name_tracks([
            track(None, Some(&english), false),
            track(None, Some(&english), true),
            track(Some("English"), None, false),
            track(Some("Director's\r\n\u{0}comment "), Some(&english), false),
            track(None, None, false),
            track(Some("  "), None, false),
        ]);
        assert_eq!(
            names,
            [
                "English",
                "English (forced)",
                "English 2",
                "Director's comment",
                "Subtitles",
                "Subtitles 2"
            ]
        );
        let long = "x".repeat(1000);
        assert_eq!(
            name_tracks([track(Some(&long), None, false)])[0].len(),
            MAX_NAME_CHARS
        );
    }
}
