//! The rules of RFC 8216bis, of Apple's HLS authoring specification and of our own output, on a
//! fetched package.

mod container;
mod decoding;
mod frame_rate;
mod master;
mod playlist;
mod rates;
mod serving;
mod stream;
mod subtitles;
mod timeline;

use crate::mp4::File;
use crate::package::{Package, Rung};
use crate::violations::Violations;

/// Everything that is wrong with a package; nothing where it conforms.
pub(crate) async fn check(mut package: Package) -> Vec<String> {
    let mut violations = without_decoding(&mut package);
    for rung in &package.rungs {
        decoding::check(rung, &mut violations).await;
    }
    violations.into_sentences()
}

/// What can be told without a decoder.
pub(crate) fn without_decoding(package: &mut Package) -> Violations {
    let mut violations = std::mem::take(&mut package.syntax);
    serving::check(package, &mut violations);
    master::check(package, &mut violations);
    subtitles::check(package, &mut violations);
    let mut read = Vec::new();
    for rung in &package.rungs {
        playlist::check(rung, &mut violations);
        rates::check(rung, &mut violations);
        let Some(file) = violations.ok(&rung.name, File::read(&rung.file)) else {
            continue;
        };
        container::check(rung, &file, &mut violations);
        timeline::check(rung, &file, &mut violations);
        playlist::check_against_file(rung, &file, &mut violations);
        stream::check(rung, &file, &mut violations);
        read.push((rung, file));
    }
    check_agreement(&read, &mut violations);
    violations
}

/// A player may go from any rung to any other at the start of any segment, or at any IDR frame.
fn check_agreement(rungs: &[(&Rung, File)], violations: &mut Violations) {
    let differ = |a: &[f64], b: &[f64]| {
        a.len() != b.len() || a.iter().zip(b).any(|(a, b)| (a - b).abs() > 0.001)
    };
    let Some((first, first_file)) = rungs.first() else {
        return;
    };
    for (rung, file) in &rungs[1..] {
        let (a, b) = (first.playlist.starts_s(), rung.playlist.starts_s());
        violations.require(!differ(&a, &b), &rung.name, || {
            format!(
                "its segments start at {b:?} s, those of {} at {a:?} s",
                first.name
            )
        });
        let (a, b) = (first_file.idr_times_s(), file.idr_times_s());
        violations.require(!differ(&a, &b), &rung.name, || {
            format!(
                "its IDR frames are at {b:?} s, those of {} at {a:?} s",
                first.name
            )
        });
        let (a, b) = (first_file.audio.is_some(), file.audio.is_some());
        violations.require(a == b, &rung.name, || {
            format!("its sound is {b}, that of {} {a}", first.name)
        });
    }
}
