//! Many videos, one after the other, in one process: what the first ones needed is enough for all.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod clips;
mod oracle;

use std::io::Cursor;

use transcode::{Control, Error, MemorySink, Options, Source};

/// By when what stays has been allocated, such as threads' arenas and the tables of all kinds' codecs.
const WARM_UP_CLIPS: usize = 100;
const CLIPS: usize = 400;
/// What the allocator may keep for itself between then and the end. A leak of one tile of a storyboard a
/// clip would be as much.
const MAX_GROWTH_KIB: i64 = 2048;

fn transcode(clip: &[u8]) -> bool {
    let options = Options {
        preset: "ultrafast".into(),
        threads: 1,
        ..Options::default()
    };
    let source = Source::reader(Cursor::new(clip.to_vec())).unwrap();
    match transcode::transcode(source, &options, &MemorySink::new(), &Control::default()) {
        Ok(_) => true,
        Err(Error::Input(_)) => false,
        Err(error) => panic!("not the file's fault: {error:?}"),
    }
}

/// Memory that is resident now (proc_pid_status(5)).
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn four_hundred_clips_take_no_more_memory_than_a_hundred() {
    let folder = tempfile::tempdir().unwrap();
    let clips = clips::of_all_kinds(folder.path());
    let mut warm_kib = 0;
    let mut done = 0;
    for (at, (_, clip)) in clips.iter().cycle().take(CLIPS).enumerate() {
        if at == WARM_UP_CLIPS {
            warm_kib = resident_kib();
        }
        done += usize::from(transcode(clip));
    }
    let growth_kib = resident_kib() - warm_kib;
    println!(
        "{warm_kib} KiB after {WARM_UP_CLIPS} clips, {growth_kib} KiB more after {CLIPS}; {done} done"
    );
    assert!(done > CLIPS / 3, "{done} of {CLIPS} were done");
    assert!(
        growth_kib < MAX_GROWTH_KIB,
        "{growth_kib} KiB more than {warm_kib} KiB"
    );
}
