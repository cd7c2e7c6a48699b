//! The HTML that every page begins with, and the place in it where what a page adds goes: that of its title.

/// `index.html`, cut open.
pub(super) struct Template {
    before: String,
    title: String,
    after: String,
}

impl Template {
    /// None where there is no title, and so no telling what stands where.
    pub(super) fn of(index: &[u8]) -> Option<Self> {
        let html = std::str::from_utf8(index).ok()?;
        let (before, rest) = html.split_once("<title>")?;
        let (title, after) = rest.split_once("</title>")?;
        Some(Self {
            before: before.to_owned(),
            title: format!("<title>{title}</title>"),
            after: after.to_owned(),
        })
    }

    /// The frontend's own title.
    pub(super) fn title(&self) -> &str {
        &self.title
    }

    /// The HTML with this, a title among it, where the title was.
    pub(super) fn with(&self, head: &str) -> String {
        [&*self.before, head, &*self.after].concat()
    }
}
