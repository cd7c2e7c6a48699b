//! The API as its clients see it: over a socket, against a real S3 server.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/careless.rs"]
mod careless;
mod careless_store;
mod deleting;
mod direct_upload;
mod direct_upload_by_link;
mod direct_upload_client;
mod direct_upload_curl;
mod direct_upload_faults;
mod direct_upload_refused;
mod documented;
mod events;
#[path = "../../../store/tests/against_s3/exposition.rs"]
mod exposition;
mod extras;
#[allow(dead_code, reason = "the store's tests use the rest")]
#[path = "../../../store/tests/against_s3/proxy.rs"]
mod fault_proxy;
mod form_by_link;
mod headers;
mod heads;
mod metrics;
#[path = "../../../store/tests/contract/moto.rs"]
mod moto;
mod oembed;
mod openapi;
mod pages;
mod process;
mod proxy;
mod rates;
mod site;
mod tus;
mod tus_client;
mod tus_clients;
mod tus_crashes;
mod tus_lines;
mod tus_links;
mod upload;
mod upload_links;
mod vanishing;
mod video;
mod video_pages;
mod videos;
mod worker;
