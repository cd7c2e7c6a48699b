//! libavfilter graphs with one way in and one way out.

mod jpeg;
mod picture;
mod sound;

use ffmpeg_next as ffmpeg;
use ffmpeg_next::{Rational, filter};

use crate::ffi;
use crate::media_error::{Doing, MediaError};

pub(crate) use jpeg::JpegColors;
pub(crate) use picture::{PictureFormat, Scaler};
pub(crate) use sound::SoundFormat;

/// A graph of one input, a chain and one output.
pub(crate) struct Chain {
    // Its ends are looked up by name: kept contexts could outlive the graph that owns them.
    graph: filter::Graph,
}

impl Chain {
    fn new(
        kind: [&str; 2],
        arguments: &str,
        chain: &str,
        threads: u32,
    ) -> Result<Self, MediaError> {
        let build = || {
            let mut graph = filter::Graph::new();
            ffi::set_filter_threads(&mut graph, threads);
            let find = |name| filter::find(name).ok_or(ffmpeg::Error::FilterNotFound);
            graph.add(&find(kind[0])?, "in", arguments)?;
            graph.add(&find(kind[1])?, "out", "")?;
            graph.output("in", 0)?.input("out", 0)?.parse(chain)?;
            graph.validate()?;
            Ok(Self { graph })
        };
        build().doing("setting up a filter")
    }

    /// Gives a frame to the chain, which takes its content.
    pub(crate) fn push(&mut self, frame: &ffmpeg::Frame) -> Result<(), MediaError> {
        let mut input = self
            .graph
            .get("in")
            .ok_or(ffmpeg::Error::Bug)
            .doing("filtering")?;
        input.source().add(frame).doing("filtering")
    }

    /// Tells the chain that nothing more will come.
    pub(crate) fn flush(&mut self) -> Result<(), MediaError> {
        let mut input = self
            .graph
            .get("in")
            .ok_or(ffmpeg::Error::Bug)
            .doing("filtering")?;
        input.source().flush().doing("filtering")
    }

    /// Moves the next finished frame into `frame`; false if more input is needed or none is left.
    pub(crate) fn pull(&mut self, frame: &mut ffmpeg::Frame) -> Result<bool, MediaError> {
        let mut output = self
            .graph
            .get("out")
            .ok_or(ffmpeg::Error::Bug)
            .doing("filtering")?;
        match output.sink().frame(frame) {
            Ok(()) => Ok(true),
            Err(
                ffmpeg::Error::Eof
                | ffmpeg::Error::Other {
                    errno: ffmpeg::error::EAGAIN,
                },
            ) => Ok(false),
            Err(error) => Err(error).doing("filtering"),
        }
    }

    /// The time base of what comes out.
    pub(crate) fn time_base(&mut self) -> Result<Rational, MediaError> {
        let mut output = self
            .graph
            .get("out")
            .ok_or(ffmpeg::Error::Bug)
            .doing("filtering")?;
        Ok(output.sink().time_base())
    }
}
