use std::convert::Infallible;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use bytes::Bytes;
use futures::{Stream, StreamExt, stream};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, StatusCode};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::proxy::Proxy;
use crate::site::{MIB, Site, TOKEN, assert_error, json};

/// Generous: what takes longer never comes.
const PATIENCE: Duration = Duration::from_secs(120);

/// Chunks of 64 KiB, each different, made when they are asked for.
fn lazy(len_bytes: u64) -> impl Stream<Item = Bytes> + Send + 'static {
    const CHUNK: u64 = 64 << 10;
    stream::iter((0..len_bytes.div_ceil(CHUNK)).map(move |number| {
        let len = CHUNK.min(len_bytes - number * CHUNK) as usize;
        let mut chunk = vec![number as u8; len];
        let label = number.to_be_bytes();
        chunk[..label.len().min(len)].copy_from_slice(&label[..label.len().min(len)]);
        chunk.into()
    }))
}

fn lazy_file(len_bytes: u64, filename: &str) -> Part {
    let body = Body::wrap_stream(lazy(len_bytes).map(Ok::<_, Infallible>));
    Part::stream(body).file_name(filename.to_owned())
}

#[tokio::test]
async fn an_upload_is_stored_as_it_came_and_queued() {
    let site = Site::start().await;
    // Ends in the middle of a part; the form has other fields around the file.
    let len_bytes = 60 * MIB + 12_345;
    let form = Form::new()
        .text("title", "ignored")
        .part(
            "file",
            lazy_file(len_bytes, "a film.mkv")
                .mime_str("text/html")
                .unwrap(),
        )
        .text("tags", "ignored");
    let response = site.upload(form).send().await.unwrap();
    assert_eq!(response.status(), StatusCode::CREATED);
    let answer = json(response).await;
    let id = answer["id"].as_str().unwrap();
    assert_eq!(answer["key"], format!("uploads/{id}.orig"));

    let status = json(
        site.get(&format!("/api/video/{id}/status"))
            .send()
            .await
            .unwrap(),
    )
    .await;
    assert_eq!(status["status"], "pending");
    assert_eq!(status["filename"], "a film.mkv");
    assert!(site.raw_keys().await.contains(&format!("queue/{id}")));

    let url = site.url(&format!("/api/video/{id}")).await;
    let original = site.client.get(url).send().await.unwrap();
    assert_eq!(original.headers()["content-type"], "video/x-matroska");
    assert_eq!(original.content_length(), Some(len_bytes));
    let expected: Vec<Bytes> = lazy(len_bytes).collect().await;
    // Not assert_eq!: nobody wants to see 60 MiB of difference.
    assert!(
        original.bytes().await.unwrap() == expected.concat(),
        "the original differs"
    );
}

#[tokio::test]
async fn files_that_fill_parts_exactly_and_empty_ones_arrive() {
    let site = Site::start().await;
    for len_bytes in [0, 1, 8 * MIB, 16 * MIB] {
        let form = Form::new().part("file", lazy_file(len_bytes, "a.mp4"));
        let response = site.upload(form).send().await.unwrap();
        assert_eq!(response.status(), StatusCode::CREATED, "{len_bytes}");
        let id = json(response).await["id"].as_str().unwrap().to_owned();
        let url = site.url(&format!("/api/video/{id}")).await;
        let stored = site
            .client
            .get(url)
            .send()
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap();
        assert_eq!(stored.len() as u64, len_bytes);
    }
}

#[tokio::test]
async fn uploads_need_the_token() {
    let site = Site::start().await;
    let url = format!("{}/api/upload", site.base);
    let wrong = [
        None,
        Some("Bearer "),
        Some("Bearer a token for test"),
        Some("Basic a token for tests"),
    ];
    for authorization in wrong {
        let form = Form::new().part("file", lazy_file(32 * MIB, "a.mp4"));
        let mut request = site.client.post(&url).multipart(form);
        if let Some(value) = authorization {
            request = request.header("authorization", value);
        }
        assert_error(
            request.send().await.unwrap(),
            StatusCode::UNAUTHORIZED,
            "unauthorized",
        )
        .await;
    }
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_surely_no_video_is_refused_by_its_first_bytes() {
    let site = Site::start().await;
    let zip = [b"PK\x03\x04".as_slice(), &[0x9d; 100_000]].concat();
    let page = b"<html><script>alert(1)</script></html>".to_vec();
    for (bytes, extension) in [
        (zip, "zip"),
        (page, "html"),
        (b"Milk, eggs".to_vec(), "txt"),
    ] {
        let form = Form::new().part("file", Part::bytes(bytes).file_name("holiday.mp4"));
        let answer = site.upload(form).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE);
        let error = &json(answer).await["error"];
        assert_eq!(error["code"], "not_a_video");
        let message =
            format!("The file is not a video that can be read: it looks like a .{extension} file.");
        assert_eq!(error["message"], message);
    }
    // Before the rest is there, however slowly it comes.
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 900000000\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n%PDF-1.7"
    );
    let mut client = TcpStream::connect(site.base.trim_start_matches("http://")).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&[0x9d; 5000]).unwrap();
    let answer = tokio::task::spawn_blocking(move || {
        let mut answer = [0; 12];
        client.read_exact(&mut answer).map(|()| answer)
    });
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap().unwrap();
    assert_eq!(&answer, b"HTTP/1.1 415");
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
    assert_eq!(site.open_uploads().await, 0);
}

/// Browsers read the answer only once they have sent everything.
#[tokio::test]
async fn a_client_that_sends_to_the_end_still_gets_its_refusal() {
    let site = Site::start().await;
    let address = site.base.trim_start_matches("http://").to_owned();
    let answer = tokio::task::spawn_blocking(move || {
        let body = vec![7; 32 << 20];
        let head = format!(
            "POST /api/upload HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\
             Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(head.as_bytes()).unwrap();
        client.write_all(&body).unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        answer
    });
    let answer = answer.await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
}

#[tokio::test]
async fn an_upload_over_the_limit_is_refused_and_leaves_nothing() {
    let site = Site::start_with(|http, _| http.max_upload_bytes = 20 * MIB).await;
    let over = Form::new().part("file", lazy_file(20 * MIB + 1, "a.mp4"));
    assert_error(
        site.upload(over).send().await.unwrap(),
        StatusCode::PAYLOAD_TOO_LARGE,
        "too_large",
    )
    .await;
    assert_eq!(site.open_uploads().await, 0);
    assert_eq!(site.raw_keys().await, Vec::<String>::new());

    let exact = Form::new().part("file", lazy_file(20 * MIB, "a.mp4"));
    assert_eq!(
        site.upload(exact).send().await.unwrap().status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn a_form_has_exactly_one_file() {
    let site = Site::start().await;
    let none = Form::new().text("title", "no file");
    assert_error(
        site.upload(none).send().await.unwrap(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "no_file",
    )
    .await;
    // What browsers send where nothing was chosen.
    let unchosen = Form::new().part("file", Part::bytes(&b""[..]).file_name(""));
    assert_error(
        site.upload(unchosen).send().await.unwrap(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "no_file",
    )
    .await;
    let two = Form::new()
        .part("file", lazy_file(9 * MIB, "a.mp4"))
        .part("file", lazy_file(1, "b.mp4"));
    assert_error(
        site.upload(two).send().await.unwrap(),
        StatusCode::UNPROCESSABLE_ENTITY,
        "several_files",
    )
    .await;
    assert_eq!(site.open_uploads().await, 0);
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn what_is_no_form_is_refused() {
    let site = Site::start().await;
    let post = || {
        site.client
            .post(format!("{}/api/upload", site.base))
            .bearer_auth(TOKEN)
    };
    let json_body = post().header("content-type", "application/json").body("{}");
    assert_error(
        json_body.send().await.unwrap(),
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "not_a_form",
    )
    .await;
    let head = "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n";
    let cut = post()
        .header("content-type", "multipart/form-data; boundary=x")
        .body(format!("{head}some bytes"));
    assert_error(
        cut.send().await.unwrap(),
        StatusCode::BAD_REQUEST,
        "broken_form",
    )
    .await;
    assert_eq!(site.open_uploads().await, 0);
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_goes_away_leaves_nothing_behind() {
    let site = Site::start().await;
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nHost: test\r\nAuthorization: Bearer {TOKEN}\r\n\
         Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 50000000\r\n\r\n\
         --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n\r\n"
    );
    let address = site.base.trim_start_matches("http://").to_owned();
    let mut client = TcpStream::connect(address).unwrap();
    client.write_all(head.as_bytes()).unwrap();
    client.write_all(&vec![7; 20 << 20]).unwrap();
    let begun = async { while site.open_uploads().await == 0 {} };
    timeout(PATIENCE, begun).await.unwrap();
    drop(client);
    let aborted = async { while site.open_uploads().await > 0 {} };
    timeout(PATIENCE, aborted).await.unwrap();
    assert_eq!(site.raw_keys().await, Vec::<String>::new());
}

#[tokio::test]
async fn a_page_uploaded_as_a_video_is_never_served_as_a_page() {
    let site = Site::start().await;
    for filename in ["page.html", "page.svg", "page"] {
        let file = Part::bytes(&b"\0<script>alert(1)</script>"[..]).file_name(filename);
        let form = Form::new().part("file", file.mime_str("text/html").unwrap());
        let answer = json(site.upload(form).send().await.unwrap()).await;
        let url = site
            .url(&format!("/api/video/{}", answer["id"].as_str().unwrap()))
            .await;
        let served = site.client.get(url).send().await.unwrap();
        assert_eq!(
            served.headers()["content-type"],
            "application/octet-stream",
            "{filename}"
        );
    }
}

/// The parser would keep all of it in memory while it looks for the file.
#[tokio::test]
async fn a_form_that_keeps_its_file_waiting_is_refused() {
    let site = Site::start().await;
    let field = "Content-Disposition: form-data; name=\"file\"; filename=\"a.mp4\"\r\n";
    let preamble = (String::new(), format!("\r\n--x\r\n{field}\r\n.\r\n--x--"));
    let headers = (
        format!("--x\r\n{field}X-Long: "),
        "\r\n\r\n.\r\n--x--".to_owned(),
    );
    for (before, after) in [preamble, headers] {
        let body = stream::iter([before.into()])
            .chain(lazy(4 * MIB).map(|chunk| vec![b'.'; chunk.len()].into()))
            .chain(stream::iter([after.into()]))
            .map(Ok::<Bytes, Infallible>);
        let post = site
            .client
            .post(format!("{}/api/upload", site.base))
            .bearer_auth(TOKEN)
            .header("content-type", "multipart/form-data; boundary=x")
            .body(Body::wrap_stream(body));
        assert_error(
            post.send().await.unwrap(),
            StatusCode::BAD_REQUEST,
            "broken_form",
        )
        .await;
    }
    assert_eq!(site.raw_keys().await, Vec::<String>::new());

    let long_field = Form::new()
        .part("notes", lazy_file(4 * MIB, "notes.txt"))
        .part("file", lazy_file(9 * MIB, "a.mp4"))
        .part("more", lazy_file(4 * MIB, "more.txt"));
    assert_eq!(
        site.upload(long_field).send().await.unwrap().status(),
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn storage_that_goes_away_in_the_middle_is_said_so() {
    let mut proxy = None;
    let site = Site::start_with(|_, settings| {
        let before = Proxy::start(settings.endpoint.as_ref().unwrap());
        settings.endpoint = Some(before.endpoint());
        proxy = Some(before);
    })
    .await;
    let (first_sent, first) = oneshot::channel();
    let (go_on, rest) = oneshot::channel();
    let file = lazy(20 * MIB)
        .chain(stream::once(async move {
            first_sent.send(()).unwrap();
            rest.await.unwrap()
        }))
        .chain(lazy(20 * MIB))
        .map(Ok::<_, Infallible>);
    let file = Part::stream(Body::wrap_stream(file)).file_name("a.mp4");
    let answer = tokio::spawn(site.upload(Form::new().part("file", file)).send());
    timeout(PATIENCE, first).await.unwrap().unwrap();
    proxy.unwrap().cut();
    go_on.send(Bytes::from_static(b".")).unwrap();
    let answer = timeout(PATIENCE, answer).await.unwrap().unwrap().unwrap();
    assert!(answer.headers().contains_key("retry-after"));
    assert_error(
        answer,
        StatusCode::SERVICE_UNAVAILABLE,
        "storage_unavailable",
    )
    .await;
}

#[tokio::test]
async fn storage_that_is_away_is_said_without_detail() {
    let site =
        Site::start_with(|_, settings| settings.endpoint = Some("http://127.0.0.1:9".into())).await;
    let form = Form::new().part("file", lazy_file(1, "a.mp4"));
    let response = site.upload(form).send().await.unwrap();
    assert!(response.headers().contains_key("retry-after"));
    assert!(response.headers().contains_key("x-request-id"));
    let text = response.text().await.unwrap();
    assert!(
        text.contains("storage_unavailable") && !text.contains("127.0.0.1"),
        "{text}"
    );
    assert_error(
        site.get("/readyz").send().await.unwrap(),
        StatusCode::SERVICE_UNAVAILABLE,
        "storage_unavailable",
    )
    .await;
    assert_eq!(
        site.get("/healthz").send().await.unwrap().status(),
        StatusCode::OK
    );
}
