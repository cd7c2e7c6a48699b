//! The test of the start, on stores that get conditional writes wrong.

use store::{Error, Store};

use crate::careless::{CarelessStore, Carelessness};

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_gets_conditional_writes_wrong_is_refused_in_plain_words() {
    for (carelessness, said) in [
        (
            Carelessness::IgnoresBoth,
            "with `If-None-Match: *`, more than one",
        ),
        (
            Carelessness::IgnoresIfNoneMatch,
            "with `If-None-Match: *`, more than one",
        ),
        (
            Carelessness::IgnoresIfMatch,
            "with `If-Match` of one version, more than one",
        ),
        (
            Carelessness::LooksThenWrites,
            "with `If-None-Match: *`, more than one",
        ),
        (
            Carelessness::RefusesBoth,
            "with `If-None-Match: *` was refused",
        ),
    ] {
        let Some(careless) = CarelessStore::start(carelessness).await else {
            return;
        };
        let store = Store::connect(careless.settings()).await.unwrap();
        let error = store.self_test().await.unwrap_err();
        assert!(
            matches!(error, Error::Unconditional(_)),
            "{carelessness:?}: {error}"
        );
        assert!(
            error.to_string().contains(said),
            "{carelessness:?}: {error}"
        );
        assert!(!error.is_transient());
    }
}
