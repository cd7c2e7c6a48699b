//! The examples do what they say. `cargo test` builds them before this runs.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;
mod server;

use std::path::PathBuf;
use std::process::{Command, Output};

use oracle::{field, make};
use server::{Fault, Server};
use tempfile::tempdir;

const CLIP: &str = "-f lavfi -i testsrc2=s=640x360:r=25:d=4 -f lavfi -i sine=d=4 \
    -c:v libx264 -preset ultrafast -c:a aac";

fn run(example: &str, arguments: &[&str]) -> String {
    let test = std::env::current_exe().unwrap();
    let path: PathBuf = test
        .ancestors()
        .nth(2)
        .unwrap()
        .join("examples")
        .join(example);
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(&path)
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        status.success(),
        "{example}: {}",
        String::from_utf8_lossy(&stderr)
    );
    String::from_utf8(stdout).unwrap()
}

#[test]
fn a_file_becomes_a_folder() {
    let folder = tempdir().unwrap();
    let clip = make(folder.path(), "clip.mp4", CLIP);
    let out = folder.path().join("out");
    let said = run(
        "file_to_folder",
        &[clip.to_str().unwrap(), out.to_str().unwrap()],
    );
    assert!(said.contains("360p.mp4: 640×360, 1 segments"), "{said}");
    assert_eq!(
        field(&out.join("360p.mp4"), "v", "codec_name,width"),
        "h264,640"
    );
}

#[test]
fn a_url_becomes_bytes_in_memory() {
    let folder = tempdir().unwrap();
    let clip = std::fs::read(make(folder.path(), "clip.mp4", CLIP)).unwrap();
    let server = Server::start(clip, |_, _| Fault::None);
    let said = run("url_to_memory", &[&format!("{}/clip.mp4", server.base_url)]);
    assert!(said.starts_with("360p: "), "{said}");
    assert!(
        said.contains(&format!("in {} requests", server.log().paths.len())),
        "{said}"
    );
}

#[test]
fn progress_is_shown_until_it_is_stopped() {
    let folder = tempdir().unwrap();
    let clip = make(folder.path(), "clip.mp4", CLIP);
    let clip = clip.to_str().unwrap();
    let said = run("progress_and_cancel", &[clip, "30"]);
    assert!(
        said.contains("30 %, at ") && said.ends_with("stopped\n"),
        "{said}"
    );
    let said = run("progress_and_cancel", &[clip, "101"]);
    assert!(said.ends_with("done: 1 renditions\n"), "{said}");
}
