//! A proxy in front of the S3 that counts a worker's requests, and can make them as slow as those to a
//! store that is far away.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What S3 calls a request, and how it is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    PutObject,
    CreateMultipartUpload,
    UploadPart,
    CompleteMultipartUpload,
    List,
    GetObject,
    HeadObject,
    Delete,
}

impl Operation {
    /// Billed as PUT, COPY, POST and LIST are: ten times what a GET costs. Deletes cost nothing.
    pub(crate) fn is_dear(self) -> bool {
        !matches!(self, Self::GetObject | Self::HeadObject | Self::Delete)
    }

    /// By the first line of a request, such as `PUT /bucket/key?partNumber=1&uploadId=2 HTTP/1.1`.
    fn of(line: &str) -> Self {
        let mut words = line.split(' ');
        let (method, target) = (
            words.next().unwrap_or_default(),
            words.next().unwrap_or_default(),
        );
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let has = |name: &str| {
            query
                .split('&')
                .any(|pair| pair.split('=').next() == Some(name))
        };
        let is_bucket = path.trim_matches('/').split('/').count() == 1;
        match method {
            "PUT" if has("partNumber") => Self::UploadPart,
            "PUT" => Self::PutObject,
            "POST" if has("uploads") => Self::CreateMultipartUpload,
            "POST" => Self::CompleteMultipartUpload,
            "DELETE" => Self::Delete,
            "HEAD" => Self::HeadObject,
            _ if is_bucket => Self::List,
            _ => Self::GetObject,
        }
    }
}

/// A request that went through.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request {
    pub(crate) operation: Operation,
    /// Length of its body.
    pub(crate) len_bytes: u64,
}

pub(crate) struct S3Proxy {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl S3Proxy {
    /// Passes on to `upstream`, each request so much later. Its threads end with the process.
    pub(crate) fn start(upstream: String, latency: Duration) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let requests = Arc::default();
        let shared = Arc::clone(&requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let (upstream, seen) = (upstream.clone(), Arc::clone(&shared));
                // A connection that breaks off is the worker's to report.
                thread::spawn(move || pass(client, &upstream, latency, &seen));
            }
        });
        Ok(Self { address, requests })
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The requests so far, in order.
    pub(crate) fn requests(&self) -> Vec<Request> {
        lock(&self.requests).clone()
    }

    /// Forgets them.
    pub(crate) fn forget(&self) {
        lock(&self.requests).clear();
    }
}

fn pass(
    client: TcpStream,
    upstream: &str,
    latency: Duration,
    seen: &Mutex<Vec<Request>>,
) -> io::Result<()> {
    let mut server = TcpStream::connect(upstream)?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (mut answers, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let passed = io::copy(&mut answers, &mut to_client);
        // Else the worker would go on using a connection that the server has given up.
        to_client.shutdown(Shutdown::Both).and(passed)
    });
    let mut requests = BufReader::new(client);
    while let Some((head, len_bytes)) = read_head(&mut requests)? {
        let operation = Operation::of(head.lines().next().unwrap_or_default());
        lock(seen).push(Request {
            operation,
            len_bytes,
        });
        thread::sleep(latency);
        server.write_all(head.as_bytes())?;
        io::copy(&mut (&mut requests).take(len_bytes), &mut server)?;
    }
    server.shutdown(Shutdown::Write)
}

/// A request's head and the length of its body; none at the connection's end.
fn read_head(from: &mut impl BufRead) -> io::Result<Option<(String, u64)>> {
    let (mut head, mut len_bytes) = (String::new(), 0);
    loop {
        let start = head.len();
        if from.read_line(&mut head)? == 0 {
            return Ok(None);
        }
        let line = head[start..].trim_end();
        if line.is_empty() {
            return Ok(Some((head, len_bytes)));
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            len_bytes = value.trim().parse().map_err(io::Error::other)?;
        }
    }
}

fn lock(requests: &Mutex<Vec<Request>>) -> MutexGuard<'_, Vec<Request>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_told_apart() {
        for (line, operation) in [
            (
                "GET /raw/?list-type=2&prefix=queue%2F HTTP/1.1",
                Operation::List,
            ),
            (
                "GET /raw/uploads/1.orig?X-Amz-Signature=a HTTP/1.1",
                Operation::GetObject,
            ),
            (
                "PUT /raw/queue/1?x-id=PutObject HTTP/1.1",
                Operation::PutObject,
            ),
            (
                "PUT /video/1.mp4?x-id=UploadPart&partNumber=1&uploadId=2 HTTP/1.1",
                Operation::UploadPart,
            ),
            (
                "POST /video/1.mp4?uploads HTTP/1.1",
                Operation::CreateMultipartUpload,
            ),
            (
                "POST /video/1.mp4?uploadId=2 HTTP/1.1",
                Operation::CompleteMultipartUpload,
            ),
        ] {
            assert_eq!(Operation::of(line), operation, "{line}");
        }
        assert!(Operation::List.is_dear() && !Operation::GetObject.is_dear());
    }

    #[test]
    fn a_body_is_not_taken_for_a_request() {
        let mut stream: &[u8] =
            b"PUT /a/b HTTP/1.1\r\nContent-Length: 5\r\n\r\nGET /GET /c/d HTTP/1.1\r\n\r\n";
        let (_, len_bytes) = read_head(&mut stream).unwrap().unwrap();
        stream = &stream[len_bytes as usize..];
        let (head, len_bytes) = read_head(&mut stream).unwrap().unwrap();
        assert_eq!((head.as_str(), len_bytes), ("GET /c/d HTTP/1.1\r\n\r\n", 0));
        assert!(read_head(&mut stream).unwrap().is_none());
    }
}
