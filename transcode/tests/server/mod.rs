//! A small HTTP file server over a socket that misbehaves on request.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// What the server does to one request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Fault {
    /// Serves it well.
    None,
    /// Announces all, sends so many bytes, hangs up.
    CutAfter(usize),
    /// Answers with this status and no file.
    Status(u16),
    /// Hangs up before answering.
    HangUp,
    /// From here on the file has another entity tag.
    Replaced,
}

/// What was asked for and sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    /// Paths asked for, in order.
    pub(crate) paths: Vec<String>,
    /// Bytes of the file that were sent.
    pub(crate) body_bytes: u64,
}

pub(crate) struct Server {
    pub(crate) base_url: String,
    log: Arc<Mutex<Log>>,
}

impl Server {
    /// Serves `file` under every path; `fault` says what happens to the n-th request, from 0.
    pub(crate) fn start(
        file: Vec<u8>,
        fault: impl Fn(usize, &str) -> Fault + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let log = Arc::<Mutex<Log>>::default();
        let shared = Arc::clone(&log);
        let mut tag = "\"first\"";
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                let mut connection = connection.unwrap();
                let Some((path, range, if_match)) = read_request(&connection) else {
                    continue;
                };
                let number = {
                    let mut log = shared.lock().unwrap();
                    log.paths.push(path.clone());
                    log.paths.len() - 1
                };
                let fault = fault(number, &path);
                if fault == Fault::Replaced {
                    tag = "\"second\"";
                }
                let sent = match fault {
                    Fault::HangUp => 0,
                    Fault::Status(status) => refuse(&mut connection, status),
                    _ if if_match.is_some_and(|asked| asked != tag) => refuse(&mut connection, 412),
                    Fault::CutAfter(len) => serve(&mut connection, &file, range, tag, len),
                    _ => serve(&mut connection, &file, range, tag, usize::MAX),
                };
                shared.lock().unwrap().body_bytes += sent as u64;
            }
        });
        Self { base_url, log }
    }

    pub(crate) fn log(&self) -> Log {
        self.log.lock().unwrap().clone()
    }
}

type Request = (String, (usize, usize), Option<String>);

fn read_request(connection: &TcpStream) -> Option<Request> {
    let mut lines = BufReader::new(connection).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_owned();
    let (mut range, mut if_match) = ((0, usize::MAX), None);
    for line in lines.take_while(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ")?;
        match name.to_ascii_lowercase().as_str() {
            "range" => {
                let (from, to) = value.strip_prefix("bytes=")?.split_once('-')?;
                range = (from.parse().ok()?, to.parse().ok()?);
            }
            "if-match" => if_match = Some(value.to_owned()),
            _ => {}
        }
    }
    Some((path, range, if_match))
}

fn serve(
    connection: &mut TcpStream,
    file: &[u8],
    (from, to): (usize, usize),
    tag: &str,
    most: usize,
) -> usize {
    let to = to.min(file.len() - 1);
    let body = &file[from..=to];
    let headers = format!(
        "Content-Range: bytes {from}-{to}/{}\r\nETag: {tag}\r\n",
        file.len()
    );
    let head = format!(
        "HTTP/1.1 206 x\r\nContent-Length: {}\r\n{headers}Connection: close\r\n\r\n",
        body.len()
    );
    let body = &body[..body.len().min(most)];
    let sent = connection
        .write_all(head.as_bytes())
        .and_then(|()| connection.write_all(body));
    if sent.is_ok() { body.len() } else { 0 }
}

fn refuse(connection: &mut TcpStream, status: u16) -> usize {
    let head = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    // A client that is gone is no fault of the test's.
    let _ = connection.write_all(head.as_bytes());
    0
}
