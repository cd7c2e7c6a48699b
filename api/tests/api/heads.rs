//! How large the head of a request may be.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::site::Site;

/// The first line of the answer to a request with these header lines.
async fn answer_to(site: &Site, target: &str, headers: String) -> String {
    let address = site.base.trim_start_matches("http://").to_owned();
    let request =
        format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n{headers}\r\n");
    let answer = tokio::task::spawn_blocking(move || {
        let mut client = TcpStream::connect(address).unwrap();
        client.write_all(request.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // A server that closes the connection on what it will not read may reset it.
        let _ = client.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    });
    let answer = answer.await.unwrap();
    answer.lines().next().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_is_too_large_is_refused() {
    let site = Site::start().await;
    let one = |len: usize| format!("X-Long: {}\r\n", "a".repeat(len));
    let many = |count: usize| "X-Many: a\r\n".repeat(count);
    let ok = "HTTP/1.1 200 OK";
    let too_large = "HTTP/1.1 431 Request Header Fields Too Large";
    for (headers, expected) in [
        (one(30 << 10), ok),
        (one(33 << 10), too_large),
        (one(1 << 20), too_large),
        (many(90), ok),
        (many(101), too_large),
    ] {
        let shown = format!("{} bytes", headers.len());
        let answer = answer_to(&site, "/healthz", headers).await;
        assert_eq!(answer, expected, "{shown}");
    }
    let long = format!("/healthz?{}", "a".repeat(40 << 10));
    let answer = answer_to(&site, &long, String::new()).await;
    assert_eq!(answer, too_large);
}
