//! A whole rendition, read.

use super::{Fragment, Index, Track, TrackFragment, boxes, one};

#[derive(Debug)]
pub(crate) struct File {
    /// Every box at the top, in order.
    pub(crate) boxes: Vec<TopBox>,
    pub(crate) video: Track,
    pub(crate) audio: Option<Track>,
    /// The indexes, each with where its box ends.
    pub(crate) indexes: Vec<(Index, usize)>,
    pub(crate) fragments: Vec<Fragment>,
}

#[derive(Debug)]
pub(crate) struct TopBox {
    pub(crate) kind: String,
    pub(crate) end: usize,
}

impl File {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let top = boxes(bytes)?;
        let moov = one(&top, "moov")?;
        let tracks = Track::read_all(moov.content).map_err(|why| format!("moov: {why}"))?;
        let pictures = tracks.iter().filter(|track| track.avcc().is_some()).count();
        let sounds = tracks.len() - pictures;
        if pictures != 1 || sounds > 1 {
            return Err(format!("it has {pictures} video and {sounds} audio tracks"));
        }
        let mut fragments = Vec::new();
        for pair in top.windows(2).filter(|pair| pair[0].kind == "moof") {
            if pair[1].kind != "mdat" {
                return Err(format!("no mdat follows the moof at {}", pair[0].start));
            }
            let number = fragments.len();
            let fragment = Fragment::read(pair[0], pair[1], &tracks);
            fragments.push(fragment.map_err(|why| format!("fragment {number}: {why}"))?);
        }
        if fragments.is_empty() {
            return Err("there is no fragment".into());
        }
        let indexes = top.iter().filter(|b| b.kind == "sidx");
        let indexes = indexes.map(|b| Ok::<_, String>((Index::read(b.content)?, b.start + b.len)));
        let (mut video, mut audio): (Vec<_>, Vec<_>) =
            tracks.into_iter().partition(|track| track.avcc().is_some());
        Ok(Self {
            indexes: indexes.collect::<Result<_, _>>()?,
            boxes: top
                .iter()
                .map(|b| TopBox {
                    kind: b.kind.to_owned(),
                    end: b.start + b.len,
                })
                .collect(),
            video: video.remove(0),
            audio: audio.pop(),
            fragments,
        })
    }

    pub(crate) fn tracks(&self) -> impl Iterator<Item = &Track> {
        std::iter::once(&self.video).chain(&self.audio)
    }

    /// A track's part of each fragment that has one, with the fragment's number.
    pub(crate) fn parts(&self, track: &Track) -> impl Iterator<Item = (usize, &TrackFragment)> {
        let fragments = self.fragments.iter().enumerate();
        fragments.filter_map(|(number, fragment)| Some((number, fragment.track(track.id)?)))
    }

    pub(crate) fn duration_s(&self, track: &Track) -> f64 {
        let ticks: u64 = self
            .parts(track)
            .map(|(_, part)| part.duration_ticks())
            .sum();
        track.seconds(ticks as i64)
    }

    /// When each IDR frame is shown, in seconds; a fragment begins with one.
    pub(crate) fn idr_times_s(&self) -> Vec<f64> {
        let shift = self.video.edits.first().copied().unwrap_or(0);
        let at = |part: &TrackFragment| {
            let offset = part.samples.first()?.composition_offset_ticks;
            Some(self.video.seconds(part.tfdt as i64 + offset - shift))
        };
        self.parts(&self.video)
            .filter_map(|(_, part)| at(part))
            .collect()
    }
}
