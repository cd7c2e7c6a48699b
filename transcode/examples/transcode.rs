//! Transcodes a file or a URL into a folder: `cargo run --release --example transcode -- IN OUT_DIR`

use std::error::Error;

use transcode::{Control, FolderSink, HttpSource, Options, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (Some(input), Some(folder)) = (arguments.next(), arguments.next()) else {
        return Err("usage: transcode IN OUT_DIR".into());
    };
    let source = if input.starts_with("http") {
        Source::http(HttpSource::new(move || Ok(input.clone())))
    } else {
        Source::path(input)?
    };
    let control = Control {
        on_progress: Some(Box::new(|progress| {
            eprint!("\r{:3.0} %", progress.fraction * 100.0);
        })),
        ..Control::default()
    };
    let report = transcode::transcode(
        source,
        &Options::default(),
        &FolderSink::new(folder)?,
        &control,
    )?;
    for rendition in &report.renditions {
        let transcode::Rendition {
            name,
            width_px,
            height_px,
            codecs,
            ..
        } = rendition;
        println!(
            "{name}: {width_px}×{height_px} {codecs} {} bit/s",
            rendition.bandwidth_bps
        );
    }
    Ok(())
}
