//! The file's boxes: their order, the indexes, and fragments that tile their data.

use crate::mp4::{File, Index, Track};
use crate::package::Rung;
use crate::violations::Violations;

pub(super) fn check(rung: &Rung, file: &File, violations: &mut Violations) {
    let name = &rung.name;
    order(name, file, violations);
    let indexed: Vec<u32> = file
        .indexes
        .iter()
        .map(|(index, _)| index.track_id)
        .collect();
    let tracks: Vec<u32> = file.tracks().map(|track| track.id).collect();
    violations.require(indexed == tracks, name, || {
        format!("its indexes are of tracks {indexed:?}, its tracks are {tracks:?}")
    });
    for ((index, end), track) in file.indexes.iter().zip(file.tracks()) {
        let place = format!("{name}, sidx of track {}", index.track_id);
        check_index(&place, index, *end, file, track, violations);
    }
    let numbers: Vec<u32> = file.fragments.iter().map(|f| f.sequence_number).collect();
    violations.require(numbers.windows(2).all(|w| w[0] < w[1]), name, || {
        format!("its fragments are numbered {numbers:?}")
    });
    for number in 0..file.fragments.len() {
        check_data(
            &format!("{name}, fragment {number}"),
            file,
            number,
            violations,
        );
    }
}

/// `ftyp moov free sidx(video) sidx(audio) moof mdat …`: Chromium reads on from where an index ends.
fn order(name: &str, file: &File, violations: &mut Violations) {
    let kinds: Vec<&str> = file.boxes.iter().map(|b| b.kind.as_str()).collect();
    let head_len = 3 + file.tracks().count();
    let mut expected = vec!["ftyp", "moov", "free", "sidx", "sidx"];
    expected.truncate(head_len);
    let (head, fragments) = kinds.split_at(head_len.min(kinds.len()));
    violations.require(head == expected, name, || {
        format!("its first boxes are {head:?}, not {expected:?}")
    });
    let pairs = fragments.chunks(2).all(|pair| pair == ["moof", "mdat"]);
    violations.require(pairs, name, || {
        format!("after the indexes come {fragments:?}, not moof and mdat in turns")
    });
}

/// Every reference leads from one `moof` to another, or to the end, and lasts as long as what is
/// between them.
fn check_index(
    place: &str,
    index: &Index,
    end: usize,
    file: &File,
    track: &Track,
    violations: &mut Violations,
) {
    violations.require(index.timescale == track.timescale, place, || {
        let timescales = (index.timescale, track.timescale);
        format!("its timescale and its track's are {timescales:?}")
    });
    let earliest = index.earliest_presentation_ticks;
    violations.require(earliest == 0, place, || {
        format!("it says that the track begins at {earliest}, not 0")
    });
    let mut at = end + index.first_offset as usize;
    let mut fragments = file.fragments.iter().peekable();
    for (number, reference) in index.references.iter().enumerate() {
        let start = fragments.peek().map(|fragment| fragment.start);
        violations.require(start == Some(at), place, || {
            format!("reference {number} leads to byte {at}, the fragment begins at {start:?}")
        });
        violations.require(reference.starts_closed, place, || {
            format!("reference {number} does not say that it begins with an IDR frame")
        });
        at += reference.len;
        let mut ticks = 0;
        while let Some(fragment) = fragments.next_if(|fragment| fragment.end <= at) {
            ticks += fragment
                .track(track.id)
                .map_or(0, |part| part.duration_ticks());
        }
        violations.require(ticks == u64::from(reference.duration_ticks), place, || {
            let said = reference.duration_ticks;
            format!("reference {number} lasts {said} ticks, its fragments last {ticks}")
        });
    }
    let last = file.fragments.last().map_or(0, |fragment| fragment.end);
    violations.require(at == last, place, || {
        format!("its references end at byte {at}, the last fragment at {last}")
    });
}

/// The samples fill the `mdat` without gap or overlap, the video first: so an I-frame's range is
/// `moof`, `mdat` header and IDR frame.
fn check_data(place: &str, file: &File, number: usize, violations: &mut Violations) {
    let fragment = &file.fragments[number];
    let mut at = fragment.data_start;
    for track in file.tracks() {
        let samples = fragment
            .track(track.id)
            .map_or(&[][..], |part| &part.samples);
        for (number, sample) in samples.iter().enumerate() {
            violations.require(sample.start == at, place, || {
                let (id, start) = (track.id, sample.start);
                format!("sample {number} of track {id} lies at byte {start}, not {at}")
            });
            at = sample.end();
            let offset = sample.composition_offset_ticks;
            violations.require(offset >= 0, place, || {
                format!("sample {number} has a composition offset of {offset}")
            });
        }
    }
    violations.require(at == fragment.end, place, || {
        format!("its samples end at byte {at}, its mdat at {}", fragment.end)
    });
}
