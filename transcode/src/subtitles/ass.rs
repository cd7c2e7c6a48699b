//! Events of Advanced SubStation Alpha, the form to which libav's decoders bring every text subtitle.

use std::collections::HashMap;

use super::markup::{Style, StyledText};

/// Fields before an event's text: ReadOrder, Layer, Style, Name, three margins, Effect.
const FIELDS_BEFORE_TEXT: usize = 8;
const STYLE_FIELD: usize = 2;

/// Styles of a script that are remembered: some name one for each sign in the film.
const MAX_STYLES: usize = 2000;
/// Fields of a style that are looked at: twice as many as there are.
const MAX_STYLE_FIELDS: usize = 46;

/// From this weight on, 100 to 900, letters are bold.
const BOLD_FROM: i32 = 600;

/// What stands in braces without being an override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Braces {
    /// In a script: a note of its author's.
    Comment,
    /// In what libav made an event of: text.
    Text,
}

/// The styles that a script defines.
#[derive(Debug, Default)]
pub(crate) struct Styles(HashMap<String, Style>);

impl Styles {
    /// Reads the header of a script. What it does not define is plain.
    pub(crate) fn parse(header: &str) -> Self {
        let mut styles = HashMap::new();
        let mut format: Vec<String> = Vec::new();
        for line in header.lines() {
            let Some((key, value)) = line.split_once(':') else {
                continue;
            };
            let mut values = value.split(',').map(str::trim).take(MAX_STYLE_FIELDS);
            match key.trim() {
                "Format" => format = values.map(str::to_ascii_lowercase).collect(),
                "Style" if styles.len() < MAX_STYLES => {
                    let name = values.next().unwrap_or_default();
                    let is_set = |field: &str| {
                        let at = format.iter().position(|name| name == field)?;
                        let value: i32 = value.split(',').nth(at)?.trim().parse().ok()?;
                        Some(value != 0)
                    };
                    let style = Style {
                        // There, a weight is a matter of the font, often of the whole film's.
                        bold: false,
                        italic: is_set("italic").unwrap_or(false),
                        underline: is_set("underline").unwrap_or(false),
                    };
                    styles.insert(name.trim_start_matches('*').to_owned(), style);
                }
                _ => {}
            }
        }
        Self(styles)
    }

    fn named(&self, name: &str) -> Option<Style> {
        self.0.get(name.trim().trim_start_matches('*')).copied()
    }

    /// The WebVTT payload of an event; empty if there is nothing to show.
    pub(crate) fn payload(&self, event: &str, braces: Braces) -> String {
        let mut fields = event.splitn(FIELDS_BEFORE_TEXT + 1, ',');
        let style = fields.nth(STYLE_FIELD).unwrap_or_default();
        let text = fields
            .nth(FIELDS_BEFORE_TEXT - STYLE_FIELD - 1)
            .unwrap_or_default();
        let base = self.named(style).or_else(|| self.named("Default"));
        let base = base.unwrap_or_default();
        let mut reader = Reader {
            styles: self,
            base,
            style: base,
            is_drawing: false,
            shown: StyledText::default(),
        };
        reader.read(text, braces);
        reader.shown.payload()
    }
}

struct Reader<'a> {
    styles: &'a Styles,
    base: Style,
    style: Style,
    /// What follows are strokes of a pen, not words.
    is_drawing: bool,
    shown: StyledText,
}

impl Reader<'_> {
    fn read(&mut self, text: &str, braces: Braces) {
        // So that text full of opening braces is not searched once for each.
        let last_brace = text.rfind('}').unwrap_or(0);
        let mut at = 0;
        while let Some(ch) = text[at..].chars().next() {
            let rest = &text[at..];
            let mut others = rest[ch.len_utf8()..].chars();
            let is_block = ch == '{'
                && at < last_brace
                && (braces == Braces::Comment || rest.starts_with("{\\"));
            if is_block && let Some(end) = rest.find('}') {
                self.overrides(&rest[1..end]);
                at += end + 1;
                continue;
            }
            let (shown, len) = match (ch, others.next()) {
                ('\\', Some('N')) => ('\n', 2),
                // A break where lines are not wrapped by the player, as ours are.
                ('\\', Some('n')) => (' ', 2),
                ('\\', Some('h')) => ('\u{a0}', 2),
                ('\\', Some(brace @ ('{' | '}'))) => (brace, 2),
                ('\r', _) => ('\n', 1),
                (ch, _) => (ch, ch.len_utf8()),
            };
            if !self.is_drawing {
                self.shown.push(shown, self.style);
            }
            at += len;
        }
    }

    /// A block of override codes. What stands in parentheses belongs to the code before it.
    fn overrides(&mut self, block: &str) {
        let mut depth = 0i64;
        for code in block.split('\\').skip(1) {
            if depth == 0 {
                self.apply(code.trim());
            }
            let of = |paren: char| code.matches(paren).count() as i64;
            depth = (depth + of('(') - of(')')).max(0);
        }
    }

    fn apply(&mut self, code: &str) {
        if let Some(weight) = argument(code, "b") {
            let is_bold = |weight| weight == 1 || weight >= BOLD_FROM;
            self.style.bold = weight.map_or(self.base.bold, is_bold);
        } else if let Some(set) = argument(code, "i") {
            self.style.italic = set.map_or(self.base.italic, |set| set != 0);
        } else if let Some(set) = argument(code, "u") {
            self.style.underline = set.map_or(self.base.underline, |set| set != 0);
        } else if let Some(scale) = argument(code, "p") {
            self.is_drawing = scale.is_some_and(|scale| scale > 0);
        } else if let Some(name) = code.strip_prefix('r') {
            self.style = self.styles.named(name).unwrap_or(self.base);
        }
    }
}

/// The number after a code's name, if there is one; none at all if the code has another name.
fn argument(code: &str, name: &str) -> Option<Option<i32>> {
    match code.strip_prefix(name)? {
        "" => Some(None),
        number => number.trim().parse().ok().map(Some),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        styled("Default", text, Braces::Comment)
    }

    fn styled(style: &str, text: &str, braces: Braces) -> String {
        let header = "[V4+ Styles]\n\
            Format: Name, Fontname, Fontsize, Bold, Italic, Underline\n\
            Style: Default,Arial,20,0,0,0\n\
            Style: *Song,Arial,20,-1,-1,0\n";
        Styles::parse(header).payload(&format!("3,0,{style},Ann,0,0,0,,{text}"), braces)
    }

    #[test]
    fn commas_belong_to_the_text() {
        assert_eq!(shown("Well, well, well"), "Well, well, well");
    }

    #[test]
    fn bold_italics_and_underline_stay() {
        assert_eq!(
            shown(r"{\b1}a{\b0}{\i1}b{\i}{\u1}c{\r}d{\b700}e{\b400}f"),
            "<b>a</b><i>b</i><u>c</u>d<b>e</b>f"
        );
    }

    #[test]
    fn codes_with_such_letters_in_front_are_others() {
        assert_eq!(
            shown(r"{\blur2\be1\bord3\iclip(1,2,3,4)\pos(5,6)\fad(1,2)\1c&HFF&\k20}word"),
            "word"
        );
        assert_eq!(shown(r"{\t(0,500,\b1\i1)}word"), "word");
    }

    #[test]
    fn drawings_are_not_text() {
        assert_eq!(shown(r"{\p1}m 0 0 l 100 0 100 100{\p0}sign"), "sign");
        assert_eq!(shown(r"{\p4\pos(1,2)}m 0 0 b 1 2 3 4 5 6"), "");
    }

    #[test]
    fn a_style_of_the_script_applies_until_it_is_left() {
        assert_eq!(
            styled("Song", r"la {\rDefault}la{\rSong} la", Braces::Comment),
            "<i>la </i>la<i> la</i>"
        );
        assert_eq!(styled("Unheard of", "la", Braces::Comment), "la");
    }

    #[test]
    fn no_style_has_more_fields_than_are_looked_at() {
        let italic_at = |at: usize| {
            let format = "Format: Name".to_owned() + &",x".repeat(at - 1) + ",Italic\n";
            let style = "Style: Default".to_owned() + &",0".repeat(at - 1) + ",1\n";
            Styles::parse(&(format + &style)).payload("0,0,Default,,0,0,0,,la", Braces::Comment)
        };
        assert_eq!(italic_at(MAX_STYLE_FIELDS - 1), "<i>la</i>");
        assert_eq!(italic_at(MAX_STYLE_FIELDS), "la");
    }

    #[test]
    fn breaks_and_hard_spaces() {
        assert_eq!(shown(r"one\Ntwo\nthree\hfour"), "one\ntwo three\u{a0}four");
        assert_eq!(shown(r"one\N\N\Ntwo\N"), "one\ntwo");
    }

    #[test]
    fn braces_are_notes_in_a_script_and_text_elsewhere() {
        assert_eq!(shown(r"a{note}b\{c\}{"), "ab{c}{");
        let text = r"{\an8}a{b}c{\i1}d";
        assert_eq!(styled("Default", text, Braces::Text), "a{b}c<i>d</i>");
    }

    #[test]
    fn anything_at_all_becomes_lines_that_end_no_cue() {
        let parts = [
            "{", "}", "\\", "\\N", "{\\b1", "{\\p1}", "(", ")", "-->", "<", "&", "é", "\n", "\r",
            " ", ",", "x", "{\\r}", "\u{0}",
        ];
        // A generator of our own, so that a failure repeats.
        let mut seed = 1u32;
        for _ in 0..20_000 {
            let mut event = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                event += parts[(seed >> 16) as usize % parts.len()];
            }
            for braces in [Braces::Comment, Braces::Text] {
                let payload = styled("Song", &event, braces);
                assert!(!payload.contains("-->"), "{event:?}: {payload:?}");
                assert!(
                    payload.is_empty() || payload.lines().all(|line| !line.trim().is_empty()),
                    "{event:?}: {payload:?}"
                );
                for tag in ["b", "i", "u"] {
                    let count = |of: String| payload.matches(&of).count();
                    let (opened, closed) = (count(format!("<{tag}>")), count(format!("</{tag}>")));
                    assert_eq!(opened, closed, "{event:?}: {payload:?}");
                }
            }
        }
    }
}
