//! A store that ignores conditional writes is not served from.

use crate::careless::assert_refused_by;

#[tokio::test(flavor = "multi_thread")]
async fn it_refuses_to_start_on_a_store_that_ignores_conditions() {
    let environment = [("ADMIN_TOKEN", "a token of the tests"), ("PORT", "0")];
    let api = env!("CARGO_BIN_EXE_assetlab-api");
    assert_refused_by(api, &environment, "listening on").await;
}
