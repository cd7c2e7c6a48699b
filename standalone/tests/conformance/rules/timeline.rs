//! Time: both tracks begin at zero, go on without a gap, and an IDR frame comes every two seconds,
//! or every four where the original's are kept.

use crate::mp4::{File, Track, nal_types};
use crate::package::{Pictures, Rung};
use crate::violations::Violations;

/// Between IDR frames, but for the one frame that the grid falls into.
const IDR_DISTANCE_S: f64 = 2.0;
/// Between those of an original that is copied.
const COPIED_IDR_DISTANCE_S: f64 = 4.0;
/// An AAC-LC frame; also what our encoder puts before the first sample.
const AAC_FRAME_TICKS: i64 = 1024;
/// A coded slice of an IDR picture, and of another (ITU-T H.264 Table 7-1).
const IDR_SLICE: u8 = 5;
const OTHER_SLICE: u8 = 1;
const PARAMETER_SETS: [u8; 2] = [7, 8];

pub(super) fn check(rung: &Rung, file: &File, violations: &mut Violations) {
    let name = &rung.name;
    for track in file.tracks() {
        continuity(
            &format!("{name}, track {}", track.id),
            file,
            track,
            violations,
        );
    }
    first_picture(name, file, violations);
    idr_frames(rung, file, violations);
    pictures(rung, file, violations);
    if let Some(audio) = &file.audio {
        sound(name, file, audio, violations);
    }
}

/// A fragment's `tfdt` is where the one before ended; the first is 0.
fn continuity(place: &str, file: &File, track: &Track, violations: &mut Violations) {
    let mut end = 0;
    for (number, fragment) in file.fragments.iter().enumerate() {
        let Some(part) = fragment.track(track.id).filter(|p| !p.samples.is_empty()) else {
            // Only a last moment of video can be too short for a sample of sound.
            let may_lack = track.avcc().is_none() && number + 1 == file.fragments.len();
            violations.require(may_lack && number > 0, place, || {
                format!("fragment {number} has no sample of it")
            });
            continue;
        };
        violations.require(part.tfdt == end, place, || {
            let tfdt = part.tfdt;
            format!("the tfdt of fragment {number} is {tfdt}, what is before it ends at {end}")
        });
        end = part.tfdt + part.duration_ticks();
    }
    let edits = &track.edits;
    violations.require(
        edits.len() <= 1 && edits.iter().all(|at| *at >= 0),
        place,
        || format!("its edits are {edits:?}: more than one, or an empty one"),
    );
}

/// The edit takes away the delay of B-frames, and nothing else.
fn first_picture(name: &str, file: &File, violations: &mut Violations) {
    let edit = file.video.edits.first().copied().unwrap_or(0);
    let part = file.fragments[0].track(file.video.id);
    let mut decode_ticks = 0;
    let mut earliest = None;
    for sample in part.map_or(&[][..], |part| &part.samples) {
        let shown = decode_ticks + sample.composition_offset_ticks;
        earliest = Some(earliest.map_or(shown, |other: i64| other.min(shown)));
        decode_ticks += i64::from(sample.duration_ticks);
    }
    violations.require(earliest == Some(edit), name, || {
        format!("the first picture is at {earliest:?} ticks, its edit begins at {edit}")
    });
}

fn idr_frames(rung: &Rung, file: &File, violations: &mut Violations) {
    let grid_s = match rung.pictures {
        Pictures::Encoded => IDR_DISTANCE_S,
        Pictures::BesideCopied | Pictures::Copied => COPIED_IDR_DISTANCE_S,
    };
    let mut times_s = file.idr_times_s();
    times_s.push(file.duration_s(&file.video));
    let parts = file.parts(&file.video);
    for ((number, part), pair) in parts.zip(times_s.windows(2)) {
        let frames = part.samples.iter().map(|s| s.duration_ticks);
        let frame_s = file.video.seconds(frames.max().unwrap_or(0).into());
        let distance_s = pair[1] - pair[0];
        let most_s = grid_s + frame_s + 0.001;
        violations.require(distance_s <= most_s, &rung.name, || {
            format!("the IDR frame of fragment {number} is followed by none for {distance_s} s")
        });
    }
}

/// Each fragment begins with an IDR picture, and has no other but of an original's own; they, and
/// no others, are marked as sync samples.
fn pictures(rung: &Rung, file: &File, violations: &mut Violations) {
    let Some(avcc) = file.video.avcc() else {
        return;
    };
    for (fragment, part) in file.parts(&file.video) {
        for (number, sample) in part.samples.iter().enumerate() {
            let place = format!("{}, fragment {fragment}, picture {number}", rung.name);
            let bytes = rung
                .file
                .get(sample.start..sample.end())
                .unwrap_or_default();
            let Some(types) = violations.ok(&place, nal_types(avcc, bytes)) else {
                continue;
            };
            let is_idr = types.contains(&IDR_SLICE) && !types.contains(&OTHER_SLICE);
            let is_other = types.contains(&OTHER_SLICE) && !types.contains(&IDR_SLICE);
            let may_be_idr = number == 0 || rung.pictures == Pictures::Copied;
            let may_be_other = number > 0;
            let holds = (is_idr && may_be_idr) || (is_other && may_be_other);
            violations.require(holds, &place, || {
                let wanted = if may_be_other {
                    "none"
                } else {
                    "an IDR picture"
                };
                format!("its NAL units are {types:?}, it must be {wanted}")
            });
            let should_be_sync = match rung.pictures {
                Pictures::Copied => is_idr,
                Pictures::Encoded | Pictures::BesideCopied => number == 0,
            };
            violations.require(sample.is_sync() == should_be_sync, &place, || {
                format!("that it is a sync sample is {}", sample.is_sync())
            });
            // 14496-15 §5.4.2.1: under the name avc1 they are in the avcC alone.
            let in_band = types.iter().any(|kind| PARAMETER_SETS.contains(kind));
            violations.require(!in_band, &place, || {
                "it holds parameter sets, which avc1 does not allow".into()
            });
        }
    }
}

/// In every fragment the sound starts with the first AAC frame that is not before the picture
/// (hls.js shifts it otherwise), and it ends with the pictures.
fn sound(name: &str, file: &File, audio: &Track, violations: &mut Violations) {
    let place = format!("{name}, track {}", audio.id);
    for (number, part) in file.parts(audio) {
        let Some(video) = file.fragments[number].track(file.video.id) else {
            continue;
        };
        // In units of 1/(both timescales), exactly.
        let audio_at = i128::from(part.tfdt) * i128::from(file.video.timescale);
        let video_at = i128::from(video.tfdt) * i128::from(audio.timescale);
        let frame = i128::from(AAC_FRAME_TICKS) * i128::from(file.video.timescale);
        violations.require((0..frame).contains(&(audio_at - video_at)), &place, || {
            let audio_s = audio.seconds(part.tfdt as i64);
            let video_s = file.video.seconds(video.tfdt as i64);
            format!(
                "in fragment {number} the sound starts at {audio_s} s, the picture at {video_s} s"
            )
        });
        let marked = part.samples.iter().all(|sample| sample.is_sync());
        violations.require(marked, &place, || {
            format!("in fragment {number} not every AAC frame is a sync sample")
        });
    }
    let edit = audio.edits.first().copied().unwrap_or(0);
    violations.require((0..=AAC_FRAME_TICKS).contains(&edit), &place, || {
        format!("its edit leaves out {edit} samples, the encoder's delay is {AAC_FRAME_TICKS}")
    });
    let audio_s = file.duration_s(audio) - audio.seconds(edit);
    let video_s = file.duration_s(&file.video);
    let frame_s = audio.seconds(AAC_FRAME_TICKS);
    violations.require((audio_s - video_s).abs() <= frame_s + 0.001, &place, || {
        format!("the sound lasts {audio_s} s, the pictures {video_s} s")
    });
}
