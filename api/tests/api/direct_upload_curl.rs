//! What the README says about uploads straight to S3, done by bash and curl.

use std::process::{Command, Output};

use crate::direct_upload_client::pattern;
use crate::site::{Site, TOKEN, raw_keys};

const README: &str = include_str!("../../../README.md");

/// The lines of the example.
fn example() -> &'static str {
    let section = README.split("\n## Straight to S3\n").nth(1).unwrap();
    let block = section.split("```bash\n").nth(1).unwrap();
    block.split("```").next().unwrap()
}

async fn run(script: String) -> Output {
    let bash = move || Command::new("bash").args(["-euc", &script]).output();
    tokio::task::spawn_blocking(bash).await.unwrap().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_readmes_example_uploads_a_file_of_several_parts() {
    let site = Site::start().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a film.mp4");
    let bytes = pattern((20 << 20) + 7);
    std::fs::write(&file, &bytes).unwrap();
    let lines = example().lines().map(|line| match line.split_once('=') {
        Some(("FILE", _)) => format!("FILE='{}'", file.display()),
        _ => line.replace("http://localhost:3000", &site.base),
    });
    let script = format!("TOKEN='{TOKEN}'\n{}", lines.collect::<Vec<_>>().join("\n"));
    let done = run(script).await;
    let said = String::from_utf8_lossy(&done.stdout);
    let errors = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{said}{errors}");
    let answer: serde_json::Value = serde_json::from_str(&said).unwrap();
    let key = answer["key"].as_str().unwrap();
    let original = site.buckets().get_object().bucket("raw").key(key).send();
    let original = original.await.unwrap().body.collect().await.unwrap();
    assert!(original.into_bytes() == bytes);
    let id = answer["id"].as_str().unwrap();
    assert!(raw_keys(&site.s3).await.contains(&format!("queue/{id}")));
    let status = site.get(&format!("/api/video/{id}/status")).send().await;
    let status: serde_json::Value = status.unwrap().json().await.unwrap();
    assert_eq!(status["filename"], "a film.mp4");
}
