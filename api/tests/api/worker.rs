//! What a worker does, but for the transcoding.

use store::package::{Range, Rendition};
use store::queue::{Claim, Queue};
use store::{
    Extras, MediaUpload, Outcome, Poster, SourceSummary, StatusWriter, Storyboard, SubtitleTrack,
    VideoId,
};

use crate::site::Site;

/// The bytes of a rendition: nothing here looks into them.
pub(crate) const MEDIA: &[u8] = b"an MP4 in name alone, long enough for the ranges of its playlist";

/// The files beside the renditions.
pub(crate) const EXTRAS: [&str; 5] = [
    "poster.jpg",
    "storyboard.vtt",
    "storyboard-0.jpg",
    "storyboard-1.jpg",
    "subtitles-0.vtt",
];

/// What such a file holds: nothing here looks into it, either.
pub(crate) fn extra_bytes(name: &str) -> String {
    format!("{name}, in name alone")
}

fn rendition(name: &str, bandwidth_bps: u64) -> Rendition {
    let range = Range {
        duration_s: 4.0,
        offset_bytes: 16,
        len_bytes: 32,
    };
    Rendition {
        name: name.parse().unwrap(),
        width: 640,
        height: 360,
        codecs: "avc1.64001e,mp4a.40.2".into(),
        bandwidth_bps,
        average_bandwidth_bps: bandwidth_bps / 2,
        frame_rate: 24.0,
        len_bytes: MEDIA.len() as u64,
        init_len_bytes: 8,
        copied: false,
        segments: vec![range],
        keyframes: vec![range],
    }
}

/// An uploaded video that went the worker's whole path.
pub(crate) async fn done(site: &Site, filename: &str) -> VideoId {
    let id = site.uploaded(filename, b"\0an original").await;
    let (claim, status) = begin(site).await;
    assert_eq!(claim.id(), id);
    finish(site, claim, status).await;
    id
}

/// Takes the oldest job; its video is being processed then.
pub(crate) async fn begin(site: &Site) -> (Claim, StatusWriter) {
    let queue = Queue::new(site.store.clone(), "test");
    queue.claim(1).await.unwrap().unwrap()
}

pub(crate) async fn finish(site: &Site, claim: Claim, mut status: StatusWriter) {
    let id = claim.id();
    let renditions = [rendition("360p", 800_000), rendition("720p", 3_500_000)];
    for rendition in &renditions {
        let name = &rendition.name;
        let (head, rest) = MEDIA.split_at(16);
        let mut upload = MediaUpload::begin(&site.store, id, claim.take(), name, head.len());
        upload.append(rest.into()).await.unwrap();
        upload.finish(head).await.unwrap();
    }
    let extras = Extras {
        poster: Some(Poster {
            width: 1280,
            height: 720,
        }),
        storyboard: Some(Storyboard {
            interval_ms: 1000,
            tile_width: 160,
            tile_height: 90,
            columns: 2,
            rows: 1,
            tiles: 4,
        }),
        subtitles: vec![SubtitleTrack {
            index: 0,
            language: Some("en".into()),
            name: "English".into(),
            default: true,
            forced: false,
        }],
    };
    for name in EXTRAS {
        let bytes = extra_bytes(name);
        let name = name.parse().unwrap();
        let written = site.store.write_extra(id, claim.take(), name, bytes.into());
        written.await.unwrap();
    }
    site.store
        .write_playlists(id, claim.take(), &renditions, &extras.subtitles)
        .await
        .unwrap();
    let outcome = Outcome {
        duration_ms: 4000,
        warnings: vec![],
        source: SourceSummary::default(),
        renditions: renditions.iter().map(Rendition::summary).collect(),
        extras,
    };
    status.done(outcome).await.unwrap();
    claim.finish().await.unwrap();
}
