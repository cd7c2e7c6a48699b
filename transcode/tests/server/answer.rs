//! How one request is answered, well or badly.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use super::{Fault, Request, Validator};

/// What is served at a time.
#[derive(Clone)]
pub(super) struct Version {
    bytes: Arc<Vec<u8>>,
    number: u32,
}

impl Version {
    pub(super) fn first(bytes: Vec<u8>) -> Self {
        Self {
            bytes: Arc::new(bytes),
            number: 0,
        }
    }

    pub(super) fn next(&self, validator: Validator) -> Self {
        let mut bytes: Vec<u8> = self.bytes.iter().map(|byte| !byte).collect();
        if validator == Validator::Length {
            bytes.push(0);
        }
        Self {
            bytes: Arc::new(bytes),
            number: self.number + 1,
        }
    }

    fn etag(&self) -> String {
        format!("\"version{}\"", self.number)
    }

    fn modified(&self) -> String {
        format!("Sat, 21 Nov 2026 10:00:0{} GMT", self.number)
    }

    fn validators(&self, validator: Validator) -> String {
        match validator {
            Validator::Etag | Validator::EtagOnly => format!("ETag: {}\r\n", self.etag()),
            Validator::LastModified => format!("Last-Modified: {}\r\n", self.modified()),
            Validator::Length => String::new(),
        }
    }

    fn is_what_is_asked_for(&self, request: &Request, validator: Validator) -> bool {
        let is = |header: &str, value: String| request.header(header).is_none_or(|v| v == value);
        match validator {
            Validator::Etag => is("if-match", self.etag()),
            Validator::LastModified => is("if-unmodified-since", self.modified()),
            Validator::EtagOnly | Validator::Length => true,
        }
    }
}

/// Gives how many bytes of the file were sent, and whether the connection is still good.
pub(super) fn answer(
    mut connection: &TcpStream,
    request: &Request,
    version: &Version,
    validator: Validator,
    fault: Fault,
) -> (usize, bool) {
    let mut refuse = |status: u16, header: String| {
        let head = format!("HTTP/1.1 {status} x\r\n{header}Content-Length: 0\r\n\r\n");
        (0, connection.write_all(head.as_bytes()).is_ok())
    };
    match &fault {
        Fault::HangUp => return (0, false),
        Fault::Mute => return (0, until_hung_up(connection).is_ok()),
        Fault::Status(status) => return refuse(*status, String::new()),
        Fault::RetryAfter(status, seconds) => {
            return refuse(*status, format!("Retry-After: {seconds}\r\n"));
        }
        Fault::Redirect(status, to) => return refuse(*status, format!("Location: {to}\r\n")),
        _ if !version.is_what_is_asked_for(request, validator) => {
            return refuse(412, String::new());
        }
        _ => {}
    }
    let len = version.bytes.len();
    let (from, to) = request.range;
    if from >= len {
        return refuse(416, format!("Content-Range: bytes */{len}\r\n"));
    }
    let to = match fault {
        Fault::Short(most) => to.min(from + most - 1),
        _ => to,
    };
    let to = to.min(len - 1);
    let body = match fault {
        Fault::WholeFile => &version.bytes[..],
        _ => &version.bytes[from..=to],
    };
    let range = match fault {
        Fault::WholeFile => String::new(),
        Fault::WrongRange => format!("Content-Range: bytes {}-{to}/{len}\r\n", from + 1),
        _ => format!("Content-Range: bytes {from}-{to}/{len}\r\n"),
    };
    let status = match fault {
        Fault::WholeFile => 200,
        _ => 206,
    };
    let framing = match fault {
        Fault::Endless => "Transfer-Encoding: chunked\r\n".into(),
        _ => format!("Content-Length: {}\r\n", body.len()),
    };
    let validators = version.validators(validator);
    let head = format!("HTTP/1.1 {status} x\r\n{framing}{range}{validators}\r\n");
    let mut sent = 0;
    let complete = connection
        .write_all(head.as_bytes())
        .and_then(|()| send(connection, body, &fault, &mut sent));
    (sent, complete.is_ok())
}

/// An error means that the connection is over, by whose wish ever.
fn send(
    mut connection: &TcpStream,
    body: &[u8],
    fault: &Fault,
    sent: &mut usize,
) -> io::Result<()> {
    let (piece_len, pause) = match fault {
        Fault::Trickle(len, pause) => (*len, *pause),
        _ => (64 * 1024, Duration::ZERO),
    };
    let most = match fault {
        Fault::CutAfter(most) | Fault::StallAfter(most) => body.len().min(*most),
        _ => body.len(),
    };
    for piece in body[..most].chunks(piece_len) {
        match fault {
            Fault::Endless => {
                write!(connection, "{:x}\r\n", piece.len())?;
                connection.write_all(piece)?;
                connection.write_all(b"\r\n")?;
            }
            _ => connection.write_all(piece)?,
        }
        *sent += piece.len();
        std::thread::sleep(pause);
    }
    match fault {
        Fault::CutAfter(_) => Err(io::ErrorKind::ConnectionAborted.into()),
        Fault::StallAfter(_) => until_hung_up(connection),
        Fault::Endless => loop {
            connection.write_all(b"8\r\nfor ever\r\n")?;
        },
        _ => Ok(()),
    }
}

/// Never `Ok`.
fn until_hung_up(mut connection: &TcpStream) -> io::Result<()> {
    while connection.read(&mut [0; 1024])? > 0 {}
    Err(io::ErrorKind::ConnectionAborted.into())
}
