//! That the checker can fail: a good package, damaged in memory and served over HTTP, must be told
//! with the rule that is broken. A rule without a damage here is not finished.

mod files;
mod media;
mod playlists;
mod server;
mod serving;
mod stream;
mod subtitles;
mod syntax;
mod timeline;

use std::sync::OnceLock;

use files::Files;

use crate::package::Package;
use crate::rules;

/// What a damage is told as (a part of the sentence), and how it is done to the good package.
type Damage = (&'static str, fn(&mut Files));

/// Two rungs of five seconds at 25 frames a second with sound: two segments, three fragments.
fn good() -> Files {
    static GOOD: OnceLock<Files> = OnceLock::new();
    let clip = "-f lavfi -i testsrc2=s=320x180:r=25:d=5 -f lavfi -i sine=r=48000:d=5 -c:a aac";
    GOOD.get_or_init(|| Files::transcoded(clip)).clone()
}

async fn fetch(files: Files) -> Package {
    let origin = server::serve(files).await;
    Package::fetch(&format!("{origin}/master.m3u8")).await
}

/// Each of these damaged packages must be told as is said.
async fn every_one_is_told(damaged: impl Iterator<Item = (&'static str, Files)>) {
    let mut missed = Vec::new();
    for (tells, files) in damaged {
        let told = rules::without_decoding(&mut fetch(files).await);
        let told = told.into_sentences();
        if !told.iter().any(|sentence| sentence.contains(tells)) {
            missed.push(format!("{tells:?} is not in {told:#?}"));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

/// Each damage, done alone to the good package, must be told.
async fn every_damage_is_told(damages: &[Damage]) {
    let damaged = damages.iter().map(|(tells, how)| {
        let mut files = good();
        how(&mut files);
        (*tells, files)
    });
    every_one_is_told(damaged).await;
}

#[tokio::test]
async fn the_package_to_be_damaged_is_good_and_any_server_with_ranges_can_serve_it() {
    let none: Vec<String> = Vec::new();
    assert_eq!(rules::check(fetch(good()).await).await, none);
}
