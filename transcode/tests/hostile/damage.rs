//! Broken files, which decoders make pictures of as well as they can.

use tempfile::tempdir;
use transcode::Error;

use crate::child::{ONE_THREAD, transcode_with};
use crate::{attempt, clips, in_memory};

#[test]
fn a_broken_clip_is_done_or_refused() {
    let folder = tempdir().unwrap();
    for (name, bytes) in clips::of_all_kinds(folder.path()) {
        match attempt(in_memory(&bytes)).outcome {
            Ok(_) => {}
            Err(Error::Input(_)) if name.contains(' ') => {}
            Err(error) => panic!("{name}: {error:?}"),
        }
    }
}

/// A picture of which a part is missing must not show what lay in memory: that may be of another's
/// video. Whatever the allocator fills memory with, the output is the same.
#[test]
fn no_picture_shows_what_memory_held_before() {
    let folder = tempdir().unwrap();
    for (name, bytes) in clips::of_all_kinds(folder.path()) {
        let path = folder.path().join(&name);
        std::fs::write(&path, bytes).unwrap();
        // mallopt(3): M_PERTURB.
        let outcomes = ["85", "170"].map(|fill| {
            let variables = [ONE_THREAD, ("MALLOC_PERTURB_", fill)];
            transcode_with(&path, 60, &variables).result
        });
        assert_eq!(outcomes[0], outcomes[1], "{name}");
    }
}
