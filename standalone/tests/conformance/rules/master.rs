//! The master playlist (RFC 8216bis §4.4.6; authoring specification 9).

use crate::hls::Variant;
use crate::package::Package;
use crate::violations::Violations;

const MASTER: &str = "master.m3u8";

pub(super) fn check(package: &Package, violations: &mut Violations) {
    let master = &package.master;
    violations.require(!master.variants.is_empty(), MASTER, || {
        "it has no variant".into()
    });
    violations.require(master.version >= 6, MASTER, || {
        format!("its version is {}, its playlists need 6", master.version)
    });
    violations.require(master.independent_segments, MASTER, || {
        "it has no EXT-X-INDEPENDENT-SEGMENTS".into()
    });
    for (kind, variants) in [
        ("variants", &master.variants),
        ("I-frame streams", &master.iframe_variants),
    ] {
        let rates: Vec<u64> = variants.iter().map(|v| v.bandwidth_bps).collect();
        violations.require(kind != "variants" || rates.is_sorted(), MASTER, || {
            format!("its {kind} are not sorted by BANDWIDTH: {rates:?}")
        });
        for variant in variants {
            check_variant(variant, violations);
        }
    }
    for rung in &package.rungs {
        violations.require(rung.iframes.is_some(), &rung.name, || {
            "no EXT-X-I-FRAME-STREAM-INF leads to its I-frames".into()
        });
    }
    for stray in &package.strays {
        violations.add(stray, "its I-frames are of no variant, or there twice");
    }
}

fn check_variant(variant: &Variant, violations: &mut Violations) {
    let Variant {
        uri,
        bandwidth_bps,
        average_bandwidth_bps,
        ..
    } = variant;
    violations.require(average_bandwidth_bps <= bandwidth_bps, uri, || {
        format!("AVERAGE-BANDWIDTH {average_bandwidth_bps} is above BANDWIDTH {bandwidth_bps}")
    });
    let is_beside = !uri.contains(':') && !uri.starts_with('/');
    violations.require(is_beside, MASTER, || format!("{uri} is not a relative URI"));
}
