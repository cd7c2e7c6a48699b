//! What pages of other origins may do.

use aws_sdk_s3::types::{CorsConfiguration, CorsRule};
use reqwest::{Method, StatusCode};

use crate::client::*;
use crate::signatures::valid_for;

#[tokio::test]
async fn a_page_of_an_allowed_origin_reads_and_others_do_not() {
    let (_server, client) = start().await;
    put(&client, "k", "bytes").await;
    let none = client.get_bucket_cors().bucket(BUCKET).send().await;
    assert_eq!(refusal(none), refused(404, "NoSuchCORSConfiguration"));
    let rule = CorsRule::builder()
        .allowed_origins("https://page.example")
        .allowed_methods("GET")
        .allowed_headers("range")
        .expose_headers("ETag")
        .build()
        .unwrap();
    let rules = CorsConfiguration::builder()
        .cors_rules(rule)
        .build()
        .unwrap();
    let put = client
        .put_bucket_cors()
        .bucket(BUCKET)
        .cors_configuration(rules);
    put.send().await.unwrap();
    let stored = client
        .get_bucket_cors()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    assert_eq!(stored.cors_rules().len(), 1);

    let get = client.get_object().bucket(BUCKET).key("k");
    let url = get.presigned(valid_for(60)).await.unwrap().uri().to_owned();
    let browser = reqwest::Client::new();
    let ask = |method: Method, origin: &'static str| {
        let request = browser.request(method, &url).header("origin", origin);
        request
            .header("access-control-request-method", "GET")
            .send()
    };
    let allowed = "https://page.example";
    let preflight = ask(Method::OPTIONS, allowed).await.unwrap();
    assert_eq!(preflight.status(), StatusCode::OK);
    assert_eq!(preflight.headers()["access-control-allow-origin"], allowed);
    let read = ask(Method::GET, allowed).await.unwrap();
    assert_eq!(read.headers()["access-control-allow-origin"], allowed);
    assert_eq!(read.headers()["access-control-expose-headers"], "ETag");
    assert_eq!(read.text().await.unwrap(), "bytes");

    let foreign = "https://other.example";
    let preflight = ask(Method::OPTIONS, foreign).await.unwrap();
    assert_eq!(preflight.status(), StatusCode::FORBIDDEN);
    let read = ask(Method::GET, foreign).await.unwrap();
    assert!(!read.headers().contains_key("access-control-allow-origin"));

    client
        .delete_bucket_cors()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let read = ask(Method::GET, allowed).await.unwrap();
    assert!(!read.headers().contains_key("access-control-allow-origin"));
}
