//! `assetlab transcode`: a file in, a folder that any web server can stream out.

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use transcode::{Control, FolderSink, Limits, Options, Source};

use crate::config::TranscodeCommand;

/// Steps of the progress bar.
const STEPS: u64 = 1000;

pub(crate) fn run(command: TranscodeCommand) -> anyhow::Result<()> {
    let input = command.input.display().to_string();
    let source = Source::path(&command.input).with_context(|| format!("cannot open {input}"))?;
    let sink = FolderSink::new(&command.out_dir)
        .with_context(|| format!("cannot create {}", command.out_dir.display()))?;
    // Limits protect a server from strangers; whoever runs this knows the file.
    let options = Options {
        limits: Limits {
            len_bytes: u64::MAX,
            duration_s: u32::MAX.into(),
            ..Limits::default()
        },
        ..command.transcode.into()
    };

    let style =
        ProgressStyle::with_template("{bar:40} {percent:>3} %  {elapsed} gone, {eta} to go")?;
    let bar = ProgressBar::new(STEPS).with_style(style);
    let control = Control {
        on_progress: Some(Box::new({
            let bar = bar.clone();
            move |progress| bar.set_position((progress.fraction * STEPS as f64) as u64)
        })),
        ..Control::default()
    };
    let report = transcode::transcode(source, &options, &sink, &control);
    bar.finish_and_clear();
    let report = report.with_context(|| format!("cannot transcode {input}"))?;

    let master = worker::package::write_playlists(&command.out_dir, &report)
        .with_context(|| format!("cannot write playlists to {}", command.out_dir.display()))?;
    for warning in &report.warnings {
        eprintln!("{warning}");
    }
    for rendition in &report.renditions {
        println!(
            "{:>6}  {}×{}  {:.1} MB{}",
            rendition.name,
            rendition.width_px,
            rendition.height_px,
            rendition.len_bytes as f64 / 1e6,
            if rendition.copied { ", copied" } else { "" }
        );
    }
    println!("{}", master.display());
    Ok(())
}
