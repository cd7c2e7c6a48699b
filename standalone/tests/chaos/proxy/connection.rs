//! One connection of a client: its requests in turn, each with what becomes of it.

use std::io;
use std::sync::Mutex;

use tokio::io::{AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::faults::Fault;
use super::message::{Body, Head, Outlet};
use super::{Shared, lock};
use crate::random::Random;

const INTERNAL_ERROR: &str = "HTTP/1.1 500 Internal Server Error\r\n";
const SLOW_DOWN: &str = "HTTP/1.1 503 Slow Down\r\n";
const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";

struct Connection<'a> {
    shared: &'a Shared,
    from_client: BufReader<OwnedReadHalf>,
    to_client: OwnedWriteHalf,
    from_server: BufReader<OwnedReadHalf>,
    to_server: OwnedWriteHalf,
}

/// Returns when the connection is to end: both sides are closed then.
pub(super) async fn serve(
    client: TcpStream,
    shared: &Shared,
    random: &Mutex<Random>,
) -> io::Result<()> {
    let server = TcpStream::connect(shared.upstream).await?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut connection = Connection {
        shared,
        from_client: BufReader::with_capacity(64 << 10, from_client),
        to_client,
        from_server: BufReader::with_capacity(64 << 10, from_server),
        to_server,
    };
    while let Some(request) = Head::read(&mut connection.from_client).await? {
        connection.exchange(&request, shared.draw(random)).await?;
    }
    Ok(())
}

impl Connection<'_> {
    /// One request and its answer; an error ends the connection.
    async fn exchange(&mut self, request: &Head, fault: Option<Fault>) -> io::Result<()> {
        let body = request.body.unwrap_or(Body::Length(0));
        match fault {
            Some(Fault::Drop) => return Err(io::Error::other("dropped")),
            Some(Fault::Delay(delay) | Fault::Late(delay)) => tokio::time::sleep(delay).await,
            Some(Fault::SlowDown) => {
                return self.refuse(request, body, SLOW_DOWN, "SlowDown").await;
            }
            Some(Fault::InternalError) => {
                return self
                    .refuse(request, body, INTERNAL_ERROR, "InternalError")
                    .await;
            }
            _ => {}
        }
        let sent = self.send(request, body, fault).await?;
        let method = request.method_and_path().0;
        let head = loop {
            match Head::read(&mut self.from_server).await? {
                Some(head) if head.status() == 100 => {}
                Some(head) => break head,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        };
        if head.status() == 200 {
            let mut writes = lock(&self.shared.writes);
            writes.took_effect(request, &sent[request.text.len()..]);
        }
        self.answer(&head, method, fault).await
    }

    /// Passes a request on; its first bytes as they were sent.
    async fn send(
        &mut self,
        request: &Head,
        body: Body,
        fault: Option<Fault>,
    ) -> io::Result<Vec<u8>> {
        let limit = match fault {
            Some(Fault::CutRequest(drawn)) => Some(cut(drawn, request, body)),
            _ => None,
        };
        if request.expects_continue {
            // What S3 would say; it answers 100 as well, which is passed over.
            self.to_client.write_all(CONTINUE.as_bytes()).await?;
        }
        let mut outlet = Outlet::to(&mut self.to_server, limit);
        outlet.write(request.text.as_bytes()).await?;
        outlet.body(&mut self.from_client, body).await?;
        Ok(outlet.seen)
    }

    async fn answer(&mut self, head: &Head, method: &str, fault: Option<Fault>) -> io::Result<()> {
        let body = head.answer_body(method);
        let mut outlet = match fault {
            Some(Fault::Swallow | Fault::LateError) => Outlet::nowhere(),
            Some(Fault::CutAnswer(drawn)) => {
                Outlet::to(&mut self.to_client, Some(cut(drawn, head, body)))
            }
            _ => Outlet::to(&mut self.to_client, None),
        };
        outlet.write(head.text.as_bytes()).await?;
        outlet.body(&mut self.from_server, body).await?;
        match fault {
            Some(Fault::Swallow) => Err(io::Error::other("swallowed")),
            Some(Fault::LateError) => self.say(INTERNAL_ERROR, "InternalError", method).await,
            _ if body == Body::UntilClose => Err(io::Error::other("closed")),
            _ => Ok(()),
        }
    }

    /// Answers in S3's place.
    async fn refuse(
        &mut self,
        request: &Head,
        body: Body,
        status: &str,
        code: &str,
    ) -> io::Result<()> {
        let method = request.method_and_path().0;
        if request.expects_continue {
            // The client need not send the body then, so nobody knows what comes next on this connection.
            self.say(status, code, method).await?;
            return Err(io::Error::other("refused"));
        }
        let mut outlet = Outlet::<OwnedWriteHalf>::nowhere();
        outlet.body(&mut self.from_client, body).await?;
        self.say(status, code, method).await
    }

    async fn say(&mut self, status: &str, code: &str, method: &str) -> io::Result<()> {
        let xml = match method {
            "HEAD" => String::new(),
            _ => format!(
                "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code>\
                 <Message>A fault that a test ordered.</Message></Error>"
            ),
        };
        let len_bytes = xml.len();
        let headers = format!("Content-Type: application/xml\r\nContent-Length: {len_bytes}\r\n");
        let answer = format!("{status}{headers}\r\n{xml}");
        self.to_client.write_all(answer.as_bytes()).await
    }
}

/// Before which byte a message is cut.
fn cut(drawn: u64, head: &Head, body: Body) -> u64 {
    let body_len_bytes = match body {
        Body::Length(len_bytes) => len_bytes,
        Body::Chunked | Body::UntilClose => 4096,
    };
    drawn % (head.text.len() as u64 + body_len_bytes)
}
