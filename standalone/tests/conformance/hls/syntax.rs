//! Lines, numbers and byte ranges (RFC 8216bis §4.1, §4.2).

/// A line that means something.
#[derive(Debug, Clone, Copy)]
pub(super) enum Line<'a> {
    /// Its name, and what follows the colon.
    Tag(&'a str, Option<&'a str>),
    Uri(&'a str),
}

/// The lines of a playlist after `#EXTM3U`.
pub(super) fn lines<'a>(text: &'a str, wrong: &mut Vec<String>) -> Vec<Line<'a>> {
    if text.starts_with('\u{feff}') {
        wrong.push("it begins with a byte order mark".into());
    }
    let Some(body) = text.strip_prefix("#EXTM3U\n") else {
        wrong.push("its first line is not #EXTM3U".into());
        return Vec::new();
    };
    if !text.ends_with('\n') {
        wrong.push("its last line has no end".into());
    }
    let mut lines = Vec::new();
    for line in body.lines() {
        if line.chars().any(char::is_control) || line.trim() != line {
            wrong.push(format!(
                "a line holds control characters or white space around it: {line:?}"
            ));
        }
        match line.strip_prefix('#') {
            Some(tag) if tag.starts_with("EXT") => {
                let (name, value) = match tag.split_once(':') {
                    Some((name, value)) => (name, Some(value)),
                    None => (tag, None),
                };
                lines.push(Line::Tag(name, value));
            }
            Some(_comment) => {}
            None if line.is_empty() => {}
            None => lines.push(Line::Uri(line)),
        }
    }
    lines
}

/// A decimal-integer.
pub(super) fn integer(text: &str) -> Result<u64, String> {
    let digits = (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit());
    match text.parse() {
        Ok(number) if digits => Ok(number),
        _ => Err(format!("{text:?} is no decimal integer")),
    }
}

/// A decimal-floating-point: digits and a point, without sign or exponent.
pub(super) fn float(text: &str) -> Result<f64, String> {
    let plain = text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    match text.parse() {
        Ok(number) if plain => Ok(number),
        _ => Err(format!("{text:?} is no decimal floating-point number")),
    }
}

/// `<length>[@<offset>]`.
pub(super) fn byte_range(text: &str) -> Result<(u64, Option<u64>), String> {
    match text.split_once('@') {
        Some((len, offset)) => Ok((integer(len)?, Some(integer(offset)?))),
        None => Ok((integer(text)?, None)),
    }
}
