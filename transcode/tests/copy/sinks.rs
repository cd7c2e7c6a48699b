//! A sink that remembers what was begun in it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::Mutex;

use transcode::{
    Control, Extra, MemorySink, Options, RenditionPlan, RenditionSink, Report, Sink, Source,
};

/// Completed renditions in memory, and the name of each that was begun, completed or not.
#[derive(Default)]
pub(crate) struct WatchedSink {
    files: MemorySink,
    begun: Mutex<Vec<String>>,
}

impl Sink for WatchedSink {
    fn rendition(&self, plan: &RenditionPlan) -> io::Result<Box<dyn RenditionSink>> {
        self.begun.lock().unwrap().push(plan.name.clone());
        self.files.rendition(plan)
    }

    fn extra(&self, extra: Extra) -> io::Result<()> {
        self.files.extra(extra)
    }
}

/// What came of a transcode into memory.
pub(crate) struct Outcome {
    pub(crate) report: Report,
    /// By name of the rendition.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    /// What stands beside them.
    pub(crate) extras: Vec<Extra>,
    /// How often each rendition was completed.
    pub(crate) completed: usize,
    /// Names of the renditions that were begun, in that order.
    pub(crate) begun: Vec<String>,
}

pub(crate) fn transcode(
    path: &Path,
    options: &Options,
    control: &Control,
) -> Result<Outcome, transcode::Error> {
    let sink = WatchedSink::default();
    let report = transcode::transcode(Source::path(path).unwrap(), options, &sink, control)?;
    let extras = sink.files.take_extras();
    let files = sink.files.into_files();
    Ok(Outcome {
        report,
        extras,
        completed: files.len(),
        files: files.into_iter().collect(),
        begun: sink.begun.into_inner().unwrap(),
    })
}
