//! An original behind a URL in, one small rendition in memory out; nothing touches the disk:
//! `cargo run --release -p transcode --example url_to_memory -- http://localhost:8080/holiday.mov`
//!
//! The server must serve ranges, as nginx and every S3 do.

use std::error::Error;

use transcode::{Control, HttpSource, MemorySink, Options, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let Some(url) = std::env::args().nth(1) else {
        return Err("usage: url_to_memory URL".into());
    };
    // Called again when the server refuses the last URL: here is the place to sign a fresh one.
    let source = HttpSource::new(move || Ok(url.clone()));
    let options = Options {
        ladder: "360:23:800k".parse()?,
        ..Options::default()
    };
    let sink = MemorySink::new();
    let report = transcode::transcode(Source::http(source), &options, &sink, &Control::default())?;
    for (name, bytes) in sink.into_files() {
        println!("{name}: {} bytes", bytes.len());
    }
    let fetched = report.fetched;
    println!(
        "{} bytes fetched in {} requests",
        fetched.bytes, fetched.requests
    );
    Ok(())
}
