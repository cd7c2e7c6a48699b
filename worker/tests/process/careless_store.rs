//! A store that ignores conditional writes is not worked on.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use crate::careless::{CarelessStore, Carelessness};

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_to_start_on_a_store_that_ignores_conditions() {
    for (carelessness, ignored) in [
        (Carelessness::IgnoresBoth, "`If-None-Match: *`"),
        (Carelessness::IgnoresIfNoneMatch, "`If-None-Match: *`"),
        (Carelessness::IgnoresIfMatch, "`If-Match` of one version"),
    ] {
        let Some(careless) = CarelessStore::start(carelessness).await else {
            return;
        };
        let mut worker = Command::new(env!("CARGO_BIN_EXE_assetlab-worker"));
        worker
            .env_clear()
            .envs(careless.environment())
            .stdin(Stdio::null())
            .kill_on_drop(true);
        let ended = tokio::time::timeout(Duration::from_secs(60), worker.output()).await;
        let ended = ended.expect("it goes on running").unwrap();
        let said = String::from_utf8(ended.stderr).unwrap();
        assert!(ended.status.code().is_some_and(|code| code != 0), "{said}");
        for words in [
            ignored,
            "the S3 store ignores conditional writes",
            "Use a store that honours `If-None-Match` and `If-Match` on PUT",
        ] {
            assert!(said.contains(words), "{carelessness:?}: {said}");
        }
        assert!(!said.contains("claimed"), "{said}");
    }
}
