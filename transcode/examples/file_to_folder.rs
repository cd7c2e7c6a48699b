//! A file in, MP4 renditions in a folder out:
//! `cargo run --release -p transcode --example file_to_folder -- holiday.mov out`

use std::error::Error;

use transcode::{Control, FolderSink, Options, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder] = arguments.as_slice() else {
        return Err("usage: file_to_folder IN OUT_DIR".into());
    };
    let report = transcode::transcode(
        Source::path(input)?,
        &Options::default(),
        &FolderSink::new(folder)?,
        &Control::default(),
    );
    // What is wrong with a file is said in a sentence for whoever sent it.
    let report = report.map_err(|error| error.user_message())?;
    for warning in &report.warnings {
        eprintln!("{warning}");
    }
    for rendition in &report.renditions {
        println!(
            "{folder}/{}.mp4: {}×{}, {} segments, {}, {} bit/s",
            rendition.name,
            rendition.width_px,
            rendition.height_px,
            rendition.segments.len(),
            rendition.codecs,
            rendition.average_bandwidth_bps,
        );
    }
    Ok(())
}
