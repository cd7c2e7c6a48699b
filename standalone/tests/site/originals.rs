//! Originals as browsers get them, from the page's own origin.

use crate::page::Site;
use crate::process::Folder;

#[tokio::test]
async fn every_kind_of_video_keeps_its_type_through_the_front() {
    let folder = Folder::new();
    let site = Site::start(&folder, &[]);
    for (filename, content_type) in [
        ("a.mp4", "video/mp4"),
        ("a.MOV", "video/quicktime"),
        ("a.webm", "video/webm"),
        ("a.mkv", "video/x-matroska"),
        ("a.avi", "video/x-msvideo"),
        ("a.flv", "video/x-flv"),
        ("a.mts", "video/mp2t"),
        ("a.mpeg", "video/mpeg"),
        ("a.ogv", "video/ogg"),
        ("a.3gp", "video/3gpp"),
        ("a.wmv", "video/x-ms-wmv"),
        ("a.svg", "application/octet-stream"),
    ] {
        // The name decides, whatever the client says.
        let id = site.upload(filename, "text/html", b"\0bytes".into()).await;
        let original = site.link(&format!("/api/video/{id}")).await;
        let answer = site.get(&original).await;
        assert_eq!(answer.headers()["content-type"], content_type, "{filename}");
    }
}
