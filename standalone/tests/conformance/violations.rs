//! What is wrong with a package: sentences that name the place and the figures, so that one run
//! tells everything.

use std::fmt::Display;

#[derive(Debug, Default)]
pub(crate) struct Violations(Vec<String>);

impl Violations {
    pub(crate) fn add(&mut self, place: impl Display, what: impl Display) {
        self.0.push(format!("{place}: {what}"));
    }

    pub(crate) fn add_all(&mut self, place: impl Display, all: impl IntoIterator<Item = String>) {
        for what in all {
            self.add(&place, what);
        }
    }

    /// Adds a sentence unless the rule holds.
    pub(crate) fn require(
        &mut self,
        holds: bool,
        place: impl Display,
        what: impl FnOnce() -> String,
    ) {
        if !holds {
            self.add(place, what());
        }
    }

    /// What could be read; else why not is added.
    pub(crate) fn ok<T>(&mut self, place: impl Display, read: Result<T, String>) -> Option<T> {
        read.map_err(|why| self.add(place, why)).ok()
    }

    pub(crate) fn into_sentences(self) -> Vec<String> {
        self.0
    }
}
