//! `RESULTS.md`: one section a subcommand, renewed one at a time.

use std::fs;
use std::path::PathBuf;

use anyhow::Context;

/// A part of the file. They stand in it in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Section {
    Compare,
    Copy,
    Duration,
    Job,
    Claims,
    Throughput,
    Viewers,
    Cost,
    Uploads,
}

impl Section {
    const ALL: [Self; 9] = [
        Self::Compare,
        Self::Copy,
        Self::Duration,
        Self::Job,
        Self::Claims,
        Self::Throughput,
        Self::Viewers,
        Self::Cost,
        Self::Uploads,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Copy => "copy",
            Self::Duration => "duration",
            Self::Job => "job",
            Self::Claims => "claims",
            Self::Throughput => "throughput",
            Self::Viewers => "viewers",
            Self::Cost => "cost",
            Self::Uploads => "uploads",
        }
    }

    fn title(self) -> &'static str {
        match self {
            Self::Compare => "Against the ffmpeg CLI",
            Self::Copy => "With the top rung copied",
            Self::Duration => "Long videos",
            Self::Job => "A job from its claim to done, and what it asks of S3",
            Self::Claims => "From upload to claim, and idling",
            Self::Throughput => "Many clips at once",
            Self::Viewers => "Many viewers of one video",
            Self::Cost => "What it costs",
            Self::Uploads => "Uploads: speed and memory",
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

const HEAD: &str = "\
# How fast AssetLab is

Written by `make bench`; edits are lost. Each section is renewed by a subcommand of its own, and says when and where it
was measured.

How to read it: figures are medians. Ratios below 1 are in our favour; they are taken in each round, between runs that
follow one another, and the median of the ratios stands here, so it need not be the ratio of the medians. Seconds are
this machine's, ratios travel. CPU seconds are user and system time of all threads. Peak memory is the largest
resident set. “met” and “not met” hold a figure against its target. SSIM and PSNR are of all planes, against the
source scaled by libswscale (`bicubic+accurate_rnd`). That takes chroma samples for centred between luma's and so
shifts chroma, by a quarter of a pixel at half the size; (a) scales the same way, ours leaves chroma where H.264 has
it. So where chroma is sharp, as on screens, these figures favour (a).
";

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_renewed_in_its_place_and_the_others_stay() {
        let cost_alone = replace("", Section::Cost, "## Cost\n\n12 s\n");
        let both = replace(&cost_alone, Section::Compare, "## Compare\n\n0.9\n");
        assert!(both.starts_with(HEAD));
        assert!(both.find("## Compare") < both.find("## Cost"), "{both}");
        let renewed = replace(&both, Section::Cost, "## Cost\n\n11 s\n");
        assert_eq!(renewed, both.replace("12 s", "11 s"));
        assert_eq!(
            replace(&renewed, Section::Cost, "## Cost\n\n11 s\n"),
            renewed
        );
    }
}
