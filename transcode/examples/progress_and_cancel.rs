//! Shows progress, and stops half-way, or wherever it is told to:
//! `cargo run --release -p transcode --example progress_and_cancel -- holiday.mov 50`

use std::error::Error;

use transcode::{CancelToken, Control, MemorySink, Options, Source};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let Some(input) = arguments.next() else {
        return Err("usage: progress_and_cancel IN [STOP_AT_PERCENT]".into());
    };
    let stop_at: f64 = arguments.next().unwrap_or("50".into()).parse()?;

    // Any thread may hold a clone: the handler of a signal, a watchdog.
    let cancel = CancelToken::new();
    let control = Control {
        cancel: cancel.clone(),
        on_progress: Some(Box::new(move |progress| {
            let percent = progress.fraction * 100.0;
            println!("{percent:3.0} %, at {} ms", progress.position_ms);
            if percent >= stop_at {
                cancel.cancel();
            }
        })),
    };
    let sink = MemorySink::new();
    match transcode::transcode(Source::path(input)?, &Options::default(), &sink, &control) {
        Ok(report) => println!("done: {} renditions", report.renditions.len()),
        Err(transcode::Error::Cancelled) => println!("stopped"),
        Err(error) => return Err(error.into()),
    }
    Ok(())
}
