//! `RESULTS.md`: one section a subcommand, renewed one at a time.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

/// A part of the file. They stand in it in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Compare,
}

impl Section {
    const ALL: [Self; 1] = [Self::Compare];

    fn name(self) -> &'static str {
        match self {
            Self::Compare => "compare",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Compare => "Against the ffmpeg CLI",
        }
    }

    fn marks(self) -> (String, String) {
        let name = self.name();
        (format!("<!-- {name} -->\n"), format!("<!-- /{name} -->\n"))
    }

    /// What stands between its marks.
    fn read(self, text: &str) -> Option<&str> {
        let (begin, end) = self.marks();
        let (_, rest) = text.split_once(&begin)?;
        rest.split_once(&end).map(|(section, _)| section)
    }
}

/// Prints a section and puts it in the place of what the file held of it.
pub(crate) fn publish(section: Section, body: &str) -> anyhow::Result<()> {
    let path = path();
    let before = fs::read_to_string(&path).unwrap_or_default();
    let section_text = format!("## {}\n\n{}\n", section.title(), body.trim_end());
    println!("{section_text}");
    fs::write(&path, replace(&before, section, &section_text))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn path() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("RESULTS.md")
}

const HEAD: &str = "# How fast AssetLab is\n\nWritten by `make bench`; edits are lost.\n";

fn replace(text: &str, section: Section, section_text: &str) -> String {
    let mut whole = HEAD.to_owned();
    for each in Section::ALL {
        let kept = if each == section {
            Some(section_text)
        } else {
            each.read(text)
        };
        if let Some(kept) = kept {
            let (begin, end) = each.marks();
            whole += &format!("\n{begin}{kept}{end}");
        }
    }
    whole
}
