//! The parts by themselves.

use std::fs;

use crate::page::clip_path;
use crate::process::{Folder, Running, assetlab, output};

#[test]
fn transcode_writes_a_package() {
    let folder = Folder::new();
    let out_dir = folder.data().join("package");
    let (clip, out) = (clip_path(), out_dir.to_str().unwrap());
    let ladder = "360:23:800k";
    let (result, text) = output(assetlab(&[
        "transcode",
        clip.to_str().unwrap(),
        out,
        "--ladder",
        ladder,
    ]));
    assert!(result.status.success(), "{text}");
    assert!(text.contains("360p"), "{text}");
    let master = fs::read_to_string(out_dir.join("master.m3u8")).unwrap();
    assert!(master.contains("\n360p.m3u8"));
    let playlist = fs::read_to_string(out_dir.join("360p.m3u8")).unwrap();
    assert!(playlist.contains("\n360p.mp4"));
    let media = fs::read(out_dir.join("360p.mp4")).unwrap();
    assert_eq!(&media[4..8], b"ftyp");
    for picture in ["poster.jpg", "storyboard-0.jpg"] {
        let picture = fs::read(out_dir.join(picture)).unwrap();
        assert_eq!(picture[..3], [0xff, 0xd8, 0xff], "a JPEG");
    }
    let storyboard = fs::read_to_string(out_dir.join("storyboard.vtt")).unwrap();
    assert!(storyboard.contains("\nstoryboard-0.jpg#xywh=0,0,160,90\n"));
}

#[test]
fn transcode_says_what_is_wrong() {
    let folder = Folder::new();
    let out = folder.data().join("package");
    let (result, text) = output(assetlab(&[
        "transcode",
        "nowhere.mp4",
        out.to_str().unwrap(),
    ]));
    assert!(!result.status.success());
    assert!(text.contains("cannot open nowhere.mp4"), "{text}");
}

#[tokio::test]
async fn s3_alone_takes_other_buckets_and_their_cors() {
    let folder = Folder::new();
    let s3 = Running::start(assetlab(&["s3"]), &folder, "S3_VIDEO_BUCKET=");
    let endpoint = s3.printed_after("AWS_ENDPOINT_URL_S3=").to_owned();
    let keys = fs::read_to_string(folder.data().join("s3-keys")).unwrap();
    let setup = || {
        let mut setup = assetlab(&["setup-buckets"]);
        setup
            .envs(keys.lines().filter_map(|line| line.split_once('=')))
            .env("AWS_ENDPOINT_URL_S3", &endpoint)
            .env("S3_RAW_BUCKET", "assetlab-raw")
            .env("S3_VIDEO_BUCKET", "films")
            .env("CORS_ORIGINS", "https://page.example");
        let (result, text) = output(setup);
        assert!(result.status.success(), "{text}");
        text
    };
    let first = setup();
    assert!(
        first.contains("assetlab-raw: there") && first.contains("films: created"),
        "{first}"
    );
    let again = setup();
    assert!(again.contains("films: there"), "{again}");

    let preflight = reqwest::Client::new()
        .request(
            reqwest::Method::OPTIONS,
            format!("{endpoint}/films/some.mp4"),
        )
        .header("origin", "https://page.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "range")
        .send()
        .await
        .unwrap();
    assert_eq!(preflight.status(), 200);
    assert_eq!(
        preflight.headers()["access-control-allow-origin"],
        "https://page.example"
    );
}

#[test]
fn buckets_are_not_guessed_for_a_worker() {
    let (result, text) = output(assetlab(&["worker"]));
    assert!(!result.status.success());
    assert!(
        text.contains("S3_RAW_BUCKET") || text.contains("--s3-raw-bucket"),
        "{text}"
    );
}
