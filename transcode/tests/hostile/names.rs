//! A name is a name: never a protocol, a pattern or an option.

use std::io::ErrorKind;

use transcode::Source;

use crate::attempt;
use crate::canary::Canary;
use crate::oracle::make;

fn hostile_names(canary: &Canary) -> Vec<String> {
    let path = canary.file.to_str().unwrap();
    vec![
        canary.url(),
        format!("file:{path}"),
        format!("concat:{path}|{path}"),
        format!("subfile,,start,0,end,1000,,:{path}"),
        format!("crypto:{path}"),
        format!("cache:{path}"),
        format!("async:{path}"),
        "pipe:0".into(),
        "data:video/mp2t;base64,R0AR".into(),
        "lavfi:testsrc".into(),
        "canary%d.ts".into(),
        "-i".into(),
    ]
}

#[test]
fn a_name_that_is_no_file_opens_nothing() {
    let canary = Canary::new();
    for name in hostile_names(&canary) {
        let error = Source::path(&name).expect_err(&name);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{name}");
    }
}

#[test]
fn a_file_with_such_a_name_is_that_file() {
    let canary = Canary::new();
    let clip = "-f lavfi -i testsrc2=s=64x48:r=10:d=0.5 -c:v libx264 -preset ultrafast";
    let honest = make(canary.folder.path(), "honest.mp4", clip);
    for name in hostile_names(&canary) {
        // What is left of the name without folders: a slash would be one.
        let name = name.replace('/', "_");
        let path = canary.folder.path().join(&name);
        std::fs::copy(&honest, &path).unwrap();
        let attempt = attempt(Source::path(path).unwrap());
        canary.is_unharmed_by(&attempt, &name);
        assert_eq!(attempt.outcome.unwrap().duration_ms, 500, "{name}");
    }
}
