//! WebVTT that a file holds already: cue by cue, with what a player's page would have to style taken out. And
//! times, as WebVTT has them.

use super::markup::{Style, StyledText};

/// The payload of a cue, written anew: with bold, italics and underline, and without classes, voices,
/// languages and times within it (WebVTT §4.2.2).
pub(crate) fn payload_of(cue: &str) -> String {
    let mut shown = StyledText::default();
    let mut style = Style::default();
    // So that text full of opening signs is not searched once for each.
    let last_tag_end = cue.rfind('>').unwrap_or(0);
    let mut at = 0;
    while let Some(ch) = cue[at..].chars().next() {
        let rest = &cue[at..];
        let tag_len = match ch {
            '<' if at < last_tag_end => rest.find('>'),
            _ => None,
        };
        if let Some(end) = tag_len {
            apply(&rest[1..end], &mut style);
            at += end + 1;
            continue;
        }
        let (ch, len) = match ch {
            '&' => reference(rest).unwrap_or((ch, 1)),
            '\r' => ('\n', 1),
            ch => (ch, ch.len_utf8()),
        };
        shown.push(ch, style);
        at += len;
    }
    shown.payload()
}

fn apply(tag: &str, style: &mut Style) {
    let (name, is_set) = match tag.strip_prefix('/') {
        Some(name) => (name, false),
        None => (tag, true),
    };
    let name_len = name.find(|ch: char| ch == '.' || ch.is_whitespace());
    match &name[..name_len.unwrap_or(name.len())] {
        "b" => style.bold = is_set,
        "i" => style.italic = is_set,
        "u" => style.underline = is_set,
        _ => {}
    }
}

/// The character that a reference at the start of a text stands for, and the length of the reference.
fn reference(text: &str) -> Option<(char, usize)> {
    /// Of `&#1114111;`.
    const MAX_LEN: usize = 10;
    let end = text.bytes().take(MAX_LEN).position(|byte| byte == b';')?;
    let ch = match &text[1..end] {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "nbsp" => '\u{a0}',
        "lrm" => '\u{200e}',
        "rlm" => '\u{200f}',
        name => char::from_u32(name.strip_prefix('#')?.parse().ok()?)?,
    };
    Some((ch, end + 1))
}

/// The payloads of the cues in a sample of an MP4 (ISO/IEC 14496-30 §6): one box each, with the text in a
/// box of its own. An empty sample holds a box that says so.
pub(crate) fn samples(sample: &[u8]) -> impl Iterator<Item = &[u8]> {
    let cues = boxes(sample).filter(|(kind, _)| *kind == b"vttc");
    cues.filter_map(|(_, cue)| {
        let mut parts = boxes(cue).filter(|(kind, _)| *kind == b"payl");
        parts.next().map(|(_, payload)| payload)
    })
}

fn boxes(mut bytes: &[u8]) -> impl Iterator<Item = (&[u8; 4], &[u8])> {
    std::iter::from_fn(move || {
        let (len, rest) = bytes.split_first_chunk::<4>()?;
        let (kind, _) = rest.split_first_chunk::<4>()?;
        let len = usize::try_from(u32::from_be_bytes(*len)).ok()?;
        let content = bytes.get(8..len)?;
        bytes = &bytes[len..];
        Some((kind, content))
    })
}

/// `01:02:03.004` (WebVTT §4.1).
pub(crate) fn timestamp(ms: u64) -> String {
    let (seconds, ms) = (ms / 1000, ms % 1000);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}.{ms:03}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_hours_and_thousandths() {
        assert_eq!(timestamp(0), "00:00:00.000");
        assert_eq!(timestamp(61_042), "00:01:01.042");
        assert_eq!(timestamp(100 * 3_600_000 + 59_999), "100:00:59.999");
    }

    #[test]
    fn styles_stay_and_the_rest_of_the_markup_goes() {
        assert_eq!(
            payload_of(
                "<v Ann><i.loud>Oh</i></v> <c.red>no</c>, <00:01.500><b>you</b>\r\n<u>there"
            ),
            "<i>Oh</i> no, <b>you</b>\n<u>there</u>"
        );
    }

    #[test]
    fn references_are_characters() {
        assert_eq!(
            payload_of("&lt;b&gt; &amp;amp; &nbsp;x &#233; &bogus; & 1 < 2"),
            "&lt;b&gt; &amp;amp; \u{a0}x é &amp;bogus; &amp; 1 &lt; 2"
        );
        assert_eq!(payload_of("&#0;a&#55296;&é;"), "a&amp;#55296;&amp;é;");
    }

    #[test]
    fn samples_of_an_mp4_are_taken_apart() {
        let of = |kind: &[u8; 4], content: &[u8]| {
            let len = (content.len() as u32 + 8).to_be_bytes();
            [&len[..], kind, content].concat()
        };
        let cue = |text: &[u8]| {
            of(
                b"vttc",
                &[of(b"sttg", b"line:0"), of(b"payl", text)].concat(),
            )
        };
        let sample = [cue(b"one"), of(b"vttx", b"?"), cue(b"two")].concat();
        assert_eq!(samples(&sample).collect::<Vec<_>>(), [b"one", b"two"]);
        assert_eq!(samples(&of(b"vtte", b"")).count(), 0);
        for len in 0..sample.len() {
            assert!(samples(&sample[..len]).count() < 2);
        }
        assert_eq!(samples(&[0, 0, 0, 0, b'v', b't', b't', b'c']).count(), 0);
    }
}
