//! Text in bold, italics or underlined, and how WebVTT writes it (WebVTT §4.2.2).

/// What of a style WebVTT can say without a style sheet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Style {
    pub(super) bold: bool,
    pub(super) italic: bool,
    pub(super) underline: bool,
}

/// A cue's text as it is shown, character by character.
#[derive(Debug, Default)]
pub(super) struct StyledText(Vec<(char, Style)>);

impl StyledText {
    pub(super) fn push(&mut self, ch: char, style: Style) {
        match ch {
            '\n' => self.0.push((ch, style)),
            '\t' => self.0.push((' ', style)),
            // A byte order mark may stand at the start of a text that was a file of its own.
            '\u{feff}' => {}
            ch if ch.is_control() => {}
            ch => self.0.push((ch, style)),
        }
    }

    /// The cue's payload; empty if there is nothing to show. An empty line would end the cue, so
    /// there is none.
    pub(super) fn payload(&self) -> String {
        let is_blank = |(ch, _): &(char, Style)| ch.is_whitespace();
        let lines = self.0.split(|(ch, _)| *ch == '\n').filter_map(|line| {
            let first = line.iter().position(|at| !is_blank(at))?;
            let last = line.iter().rposition(|at| !is_blank(at))?;
            Some(&line[first..=last])
        });
        let mut payload = Payload::default();
        for line in lines {
            if !payload.text.is_empty() {
                payload.leave(line[0].1);
                payload.text.push('\n');
            }
            for run in line.chunk_by(|(_, a), (_, b)| a == b) {
                payload.leave(run[0].1);
                payload.enter(run[0].1);
                run.iter().for_each(|(ch, _)| payload.escaped(*ch));
            }
        }
        payload.leave(Style::default());
        payload.text
    }
}

#[derive(Default)]
struct Payload {
    text: String,
    /// The tags that are open, the innermost last.
    open: Vec<char>,
}

impl Payload {
    /// Closes tags until only such are open that belong to a style.
    fn leave(&mut self, style: Style) {
        let wanted = tags(style);
        while self.open.iter().any(|tag| !wanted.contains(&Some(*tag))) {
            if let Some(tag) = self.open.pop() {
                self.text.extend(['<', '/', tag, '>']);
            }
        }
    }

    fn enter(&mut self, style: Style) {
        for tag in tags(style).into_iter().flatten() {
            if !self.open.contains(&tag) {
                self.open.push(tag);
                self.text.extend(['<', tag, '>']);
            }
        }
    }

    /// With `>` escaped, no text holds an arrow.
    fn escaped(&mut self, ch: char) {
        match ch {
            '&' => self.text.push_str("&amp;"),
            '<' => self.text.push_str("&lt;"),
            '>' => self.text.push_str("&gt;"),
            ch => self.text.push(ch),
        }
    }
}

fn tags(style: Style) -> [Option<char>; 3] {
    let Style {
        bold,
        italic,
        underline,
    } = style;
    [
        bold.then_some('b'),
        italic.then_some('i'),
        underline.then_some('u'),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        bold: false,
        italic: false,
        underline: false,
    };
    const BOLD: Style = Style {
        bold: true,
        ..PLAIN
    };
    const ITALIC: Style = Style {
        italic: true,
        ..PLAIN
    };
    const BOTH: Style = Style {
        bold: true,
        italic: true,
        ..PLAIN
    };

    fn payload(runs: &[(&str, Style)]) -> String {
        let mut text = StyledText::default();
        for (run, style) in runs {
            run.chars().for_each(|ch| text.push(ch, *style));
        }
        text.payload()
    }

    #[test]
    fn what_means_something_to_webvtt_is_escaped() {
        assert_eq!(
            payload(&[("a --> b & <i>", PLAIN)]),
            "a --&gt; b &amp; &lt;i&gt;"
        );
    }

    #[test]
    fn tags_nest_and_all_are_closed() {
        let runs = [("a", BOLD), ("b", BOTH), ("c", ITALIC), ("d", PLAIN)];
        assert_eq!(payload(&runs), "<b>a<i>b</i></b><i>c</i>d");
        assert_eq!(payload(&[("a\nb", ITALIC)]), "<i>a\nb</i>");
        assert_eq!(
            payload(&[("a\n", ITALIC), ("b", BOLD)]),
            "<i>a</i>\n<b>b</b>"
        );
    }

    #[test]
    fn no_line_is_empty_and_blanks_at_its_ends_go() {
        assert_eq!(payload(&[("\n\n a \n \u{a0}\n\tb\u{0}\n", PLAIN)]), "a\nb");
        assert_eq!(payload(&[(" \n ", BOLD)]), "");
    }
}
