//! What a job is said to have made, where nothing is transcoded.

use store::{Extras, Outcome, RenditionSummary, SourceSummary};

pub(crate) fn outcome() -> Outcome {
    Outcome {
        duration_ms: 10_000,
        warnings: vec![],
        source: SourceSummary {
            container: "mov,mp4".into(),
            ..SourceSummary::default()
        },
        renditions: vec![RenditionSummary {
            name: "360p".parse().unwrap(),
            width: 640,
            height: 360,
            codecs: "avc1.64001e".into(),
            bandwidth: 800_000,
            average_bandwidth: 600_000,
            frame_rate: 24.0,
            bytes: 750_000,
            copied: false,
        }],
        extras: Extras::default(),
    }
}
