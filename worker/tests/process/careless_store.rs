//! A store that ignores conditional writes is not worked on.

use crate::careless::assert_refused_by;

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_to_start_on_a_store_that_ignores_conditions() {
    let worker = env!("CARGO_BIN_EXE_assetlab-worker");
    assert_refused_by(worker, &[], "claimed").await;
}
