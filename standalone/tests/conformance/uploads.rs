//! What is uploaded must come out as a package that conforms.

use std::fs;
use std::path::{Path, PathBuf};

use crate::clips::{CLIPS, COPIED, LADDER};
use crate::package::Package;
use crate::page::{Site, clip_path};
use crate::process::Folder;
use crate::rules::check;

/// The folder of clips to try beyond those that are drawn.
const CLIPS_FOLDER: &str = "ASSETLAB_CLIPS";

/// The status a clip ended with, and its package where it is done.
async fn package(site: &Site, path: &Path) -> (serde_json::Value, Option<Package>) {
    let name = path.file_name().unwrap().to_str().unwrap();
    let bytes = fs::read(path).unwrap();
    let id = site.upload(name, "video/mp4", bytes).await;
    let status = site.wait_for(&id, &["done", "error"]).await;
    let package = match status["status"] == "done" {
        true => {
            let master = format!("{}/api/video/{id}/hls/master.m3u8", site.origin);
            let package = Package::fetch(&master).await;
            Some(match copied_rung(&status) {
                Some(name) => package.copied(&format!("{name}.m3u8")),
                None => package,
            })
        }
        false => None,
    };
    (status, package)
}

/// The rendition whose pictures are the original's.
fn copied_rung(status: &serde_json::Value) -> Option<&str> {
    let mut renditions = status["renditions"].as_array()?.iter();
    let copied = renditions.find(|rendition| rendition["copied"] == true)?;
    copied["name"].as_str()
}

fn names(package: &Package) -> Vec<&str> {
    let names = package.rungs.iter();
    names
        .map(|rung| rung.name.trim_end_matches(".m3u8"))
        .collect()
}

#[tokio::test]
async fn every_shape_of_clip_becomes_a_package_that_conforms() {
    let drawn = tempfile::tempdir().unwrap();
    let folder = Folder::new();
    let site = Site::start(&folder, &[("LADDER", LADDER), ("POLL_INTERVAL", "100ms")]);
    let mut violations = Vec::new();
    for clip in &CLIPS {
        let path = clip.make(drawn.path());
        let (status, package) = package(&site, &path).await;
        let package = package.unwrap_or_else(|| panic!("{}: {status}", clip.name));
        // The clip was what it is here for.
        assert_eq!(names(&package), clip.rungs, "{}", clip.name);
        for rung in &package.rungs {
            let place = format!("{}, {}", clip.name, rung.name);
            assert_eq!(rung.playlist.segments.len(), clip.segments, "{place}");
            assert_eq!(
                rung.variant.codecs.contains("mp4a"),
                clip.has_sound,
                "{place}"
            );
        }
        let found = check(package).await;
        violations.extend(found.iter().map(|found| format!("{}: {found}", clip.name)));
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[tokio::test]
async fn a_package_with_a_copied_top_rung_conforms() {
    let drawn = tempfile::tempdir().unwrap();
    let folder = Folder::new();
    let site = Site::start(&folder, &[("LADDER", LADDER), ("POLL_INTERVAL", "100ms")]);
    let mut violations = Vec::new();
    for clip in &COPIED {
        let path = clip.make(drawn.path());
        let (status, package) = package(&site, &path).await;
        assert_eq!(
            copied_rung(&status),
            clip.rungs.last().copied(),
            "{}: {status}",
            clip.name
        );
        let package = package.unwrap();
        assert_eq!(names(&package), clip.rungs, "{}", clip.name);
        for rung in &package.rungs {
            let place = format!("{}, {}", clip.name, rung.name);
            assert_eq!(rung.playlist.segments.len(), clip.segments, "{place}");
        }
        let found = check(package).await;
        violations.extend(found.iter().map(|found| format!("{}: {found}", clip.name)));
    }
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[tokio::test]
async fn a_camera_clip_conforms_with_the_default_ladder() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    let (_, package) = package(&site, &clip_path()).await;
    let package = package.unwrap();
    assert_eq!(names(&package), ["360p", "720p"]);
    let violations = check(package).await;
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

#[tokio::test]
async fn subtitles_conform_and_ffmpeg_plays_their_playlists() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[("LADDER", LADDER)]);
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures");
    let (status, package) = package(&site, &fixtures.join("subtitles.mkv")).await;
    let names = status["subtitles"].as_array().unwrap().iter();
    let names: Vec<_> = names.map(|track| track["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["English", "German (forced)", "Script “à la main”"]);
    let package = package.unwrap();
    assert_eq!(package.subtitles.len(), 3);
    let texts = package.subtitles.iter();
    let texts: Vec<_> = texts
        .map(|track| String::from_utf8(track.texts[0].body.clone()).unwrap())
        .collect();
    let violations = check(package).await;
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));

    let id = status["id"].as_str().unwrap();
    for (n, text) in texts.iter().enumerate() {
        // From a master, ffmpeg 5 takes no subtitles.
        let playlist = format!("{}/api/video/{id}/hls/subtitles-{n}.m3u8", site.origin);
        let output = tokio::process::Command::new("ffmpeg")
            .args(["-nostdin", "-v", "error", "-i", &playlist])
            .args(["-f", "webvtt", "-"])
            .output()
            .await
            .unwrap();
        let read = String::from_utf8(output.stdout).unwrap();
        // It leaves out the hours, and what WebVTT wants escaped.
        let plain = text.replace("00:00:0", "00:0").replace("&amp;", "&");
        let plain = plain.replace("&lt;", "<").replace("&gt;", ">");
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert_eq!(read.trim_end(), plain.trim_end(), "{complaint}");
    }
}

#[tokio::test]
async fn every_clip_in_the_folder_that_can_be_read_conforms() {
    let Some(clips) = std::env::var_os(CLIPS_FOLDER) else {
        eprintln!("{CLIPS_FOLDER} is not set: nothing to check");
        return;
    };
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    let (mut checked, mut violations) = (0, Vec::new());
    for path in files_below(Path::new(&clips)) {
        let clip = path.display();
        let (status, package) = package(&site, &path).await;
        let Some(package) = package else {
            eprintln!("{clip}: refused: {}", status["error"]);
            continue;
        };
        checked += 1;
        let found = check(package).await;
        eprintln!("{clip}: {} violations", found.len());
        violations.extend(found.iter().map(|found| format!("{clip}: {found}")));
    }
    assert!(checked > 0, "{CLIPS_FOLDER} holds no video");
    assert!(violations.is_empty(), "\n{}", violations.join("\n"));
}

/// All files in a folder and the folders in it, in order of their names.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let files = paths.into_iter().flat_map(|path| match path.is_dir() {
        true => files_below(&path),
        false => vec![path],
    });
    files.collect()
}
