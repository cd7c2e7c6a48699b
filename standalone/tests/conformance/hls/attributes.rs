//! Attribute lists (RFC 8216bis §4.2).

use super::syntax::{float, integer};

/// The attributes of a tag, each as it is written: with quotes or without.
#[derive(Debug)]
pub(super) struct Attributes<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Attributes<'a> {
    pub(super) fn read(text: &'a str) -> Result<Self, String> {
        let mut attributes: Vec<(&str, &str)> = Vec::new();
        let mut rest = text;
        loop {
            let (name, value) = rest
                .split_once('=')
                .ok_or_else(|| format!("{rest:?} is no attribute"))?;
            let named = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '-';
            if name.is_empty() || !name.chars().all(named) {
                return Err(format!("{name:?} is no attribute's name"));
            }
            if attributes.iter().any(|(other, _)| *other == name) {
                return Err(format!("{name} is there twice"));
            }
            let len = match value.strip_prefix('"') {
                Some(quoted) => {
                    let len = quoted.find('"');
                    len.ok_or_else(|| format!("the quotes of {name} are not closed"))? + 2
                }
                None => value.find(',').unwrap_or(value.len()),
            };
            attributes.push((name, &value[..len]));
            match &value[len..] {
                "" => return Ok(Self(attributes)),
                more => {
                    let more = more.strip_prefix(',');
                    rest = more.ok_or_else(|| format!("no comma follows the value of {name}"))?;
                }
            }
        }
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.0.iter().map(|(name, _)| *name)
    }

    fn raw(&self, name: &str) -> Option<&'a str> {
        let found = self.0.iter().find(|(other, _)| *other == name);
        found.map(|(_, value)| *value)
    }

    /// A quoted-string, without its quotes.
    pub(super) fn quoted(&self, name: &str) -> Result<Option<&'a str>, String> {
        let unquote = |value: &'a str| {
            let inner = value.strip_prefix('"').and_then(|v| v.strip_suffix('"'));
            inner.ok_or_else(|| format!("{name}={value} has no quotes"))
        };
        self.raw(name).map(unquote).transpose()
    }

    /// An enumerated-string: a word without quotes.
    pub(super) fn enumerated(&self, name: &str) -> Option<&'a str> {
        self.raw(name)
    }

    pub(super) fn integer(&self, name: &str) -> Result<Option<u64>, String> {
        let read = |value| integer(value).map_err(|why| format!("{name}: {why}"));
        self.raw(name).map(read).transpose()
    }

    pub(super) fn float(&self, name: &str) -> Result<Option<f64>, String> {
        let read = |value| float(value).map_err(|why| format!("{name}: {why}"));
        self.raw(name).map(read).transpose()
    }

    /// A decimal-resolution: width and height.
    pub(super) fn resolution(&self, name: &str) -> Result<Option<(u64, u64)>, String> {
        let read = |value: &str| {
            let (width, height) = value
                .split_once('x')
                .ok_or_else(|| format!("{name}={value} is no resolution"))?;
            Ok((integer(width)?, integer(height)?))
        };
        self.raw(name).map(read).transpose()
    }
}
