//! Our side of a comparison: a child process of this binary that transcodes a file to a folder.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::bail;
use transcode::{Control, CopyMode, FolderSink, Options, Source};

/// Transcode a file into a folder, and print what was copied
#[derive(clap::Args)]
pub(crate) struct Args {
    input: PathBuf,
    folder: PathBuf,
    /// Whether the top rung may be copied
    #[arg(long, default_value = "never")]
    copy: CopyMode,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let options = Options {
        copy: args.copy,
        ..Options::default()
    };
    let source = Source::path(&args.input)?;
    let sink = FolderSink::new(&args.folder)?;
    let report = transcode::transcode(source, &options, &sink, &Control::default())?;
    for rendition in report.renditions.iter().filter(|r| r.copied) {
        println!("{}", rendition.name);
    }
    Ok(())
}

/// The command that runs [`run`] in a process of its own.
pub(crate) fn command(input: &Path, folder: &Path, copy: &str) -> anyhow::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("ours").args([input, folder]);
    command.args(["--copy", copy]).stdout(Stdio::null());
    Ok(command)
}

/// The rungs that are copied of a clip where copying is allowed.
pub(crate) fn copied_rungs(input: &Path) -> anyhow::Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let output = command(input, folder.path(), "auto")?
        .stdout(Stdio::piped())
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr));
    }
    let names = String::from_utf8(output.stdout)?;
    Ok(names.lines().map(str::to_owned).collect())
}
