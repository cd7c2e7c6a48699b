//! Links that carry their own permission.

use std::time::Duration;

use aws_sdk_s3::presigning::PresigningConfig;

use crate::server::{Server, Verdict, ensure, expect, pattern};

pub(crate) fn valid_for(seconds: u64) -> PresigningConfig {
    PresigningConfig::expires_in(Duration::from_secs(seconds)).unwrap()
}

pub(crate) async fn a_link_reads_a_range(server: &Server) -> Verdict {
    let bytes = pattern(1000);
    server.put("a film +é.mp4", bytes.clone()).await;
    let get = server.client.get_object().bucket(&server.bucket);
    let get = get.key("a film +é.mp4").presigned(valid_for(60)).await;
    let url = get.unwrap().uri().to_owned();
    let ask = reqwest::Client::new()
        .get(url)
        .header("range", "bytes=100-199");
    let part = ask.send().await.unwrap();
    expect("the status", part.status().as_u16(), 206)?;
    let content_range = part.headers().get("content-range").cloned();
    ensure(
        content_range.is_some_and(|range| range == "bytes 100-199/1000"),
        "no Content-Range, or another",
    )?;
    ensure(
        part.bytes().await.unwrap() == bytes[100..200],
        "other bytes",
    )
}

pub(crate) async fn a_link_chooses_the_headers_of_its_answer(server: &Server) -> Verdict {
    server.put("k", "bytes").await;
    let disposition = "attachment; filename=\"a film.mp4\"; filename*=UTF-8''a%20film.mp4";
    let get = server.client.get_object().bucket(&server.bucket).key("k");
    let get = get
        .response_content_disposition(disposition)
        .response_content_type("video/mp4")
        .response_cache_control("no-store");
    let url = get.presigned(valid_for(60)).await.unwrap().uri().to_owned();
    let answer = reqwest::get(url).await.unwrap();
    expect("the status", answer.status().as_u16(), 200)?;
    for (name, wanted) in [
        ("content-disposition", disposition),
        ("content-type", "video/mp4"),
        ("cache-control", "no-store"),
    ] {
        let value = answer.headers().get(name);
        let value = value.map_or("none", |value| value.to_str().unwrap());
        expect(name, value, wanted)?;
    }
    Ok(())
}

pub(crate) async fn a_link_takes_a_part(server: &Server) -> Verdict {
    let create = server.client.create_multipart_upload();
    let create = create.bucket(&server.bucket).key("k").send().await.unwrap();
    let part = server.client.upload_part().bucket(&server.bucket).key("k");
    let part = part.upload_id(create.upload_id().unwrap()).part_number(1);
    let signed = part.presigned(valid_for(60)).await.unwrap();
    let send = reqwest::Client::new().put(signed.uri()).body("bytes");
    let sent = send.send().await.unwrap();
    expect("the status", sent.status().as_u16(), 200)?;
    let etag = sent.headers().get("etag");
    let etag = etag.map_or("none", |etag| etag.to_str().unwrap());
    expect("the ETag", etag, "\"4b3a6218bb3e3a7303e8a171a60fcf92\"")
}

pub(crate) async fn a_link_of_a_part_takes_the_signed_length_alone(server: &Server) -> Verdict {
    let create = server.client.create_multipart_upload();
    let create = create.bucket(&server.bucket).key("k").send().await.unwrap();
    let part = server.client.upload_part().bucket(&server.bucket).key("k");
    let part = part.upload_id(create.upload_id().unwrap()).part_number(1);
    let signed = part.content_length(5).presigned(valid_for(60)).await;
    let url = signed.unwrap().uri().to_owned();
    let send = async |bytes: &'static str| {
        let sent = reqwest::Client::new().put(&url).body(bytes).send().await;
        sent.unwrap().status().as_u16()
    };
    expect("five bytes", send("bytes").await, 200)?;
    expect("a sixth byte", send("bytes!").await, 403)?;
    expect("a byte less", send("byte").await, 403)
}
