//! HTTP/1.1 just well enough to tell where a message ends (RFC 9112 §6).

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncWrite, AsyncWriteExt};

/// How the end of a body is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked,
    /// Only an answer's: it ends with the connection.
    UntilClose,
}

/// First line and headers.
#[derive(Debug)]
pub(crate) struct Head {
    pub(crate) text: String,
    pub(crate) body: Option<Body>,
    pub(crate) expects_continue: bool,
}

impl Head {
    /// None where the connection ended instead.
    pub(crate) async fn read(from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Option<Self>> {
        let mut head = Self {
            text: String::new(),
            body: None,
            expects_continue: false,
        };
        loop {
            let start = head.text.len();
            if from.read_line(&mut head.text).await? == 0 {
                return Ok(None);
            }
            let line = head.text[start..].trim_end().to_ascii_lowercase();
            if line.is_empty() {
                return Ok(Some(head));
            }
            match line
                .split_once(':')
                .map(|(name, value)| (name, value.trim()))
            {
                Some(("content-length", len)) => {
                    head.body = Some(Body::Length(len.parse().map_err(io::Error::other)?));
                }
                Some(("transfer-encoding", "chunked")) => head.body = Some(Body::Chunked),
                Some(("expect", "100-continue")) => head.expects_continue = true,
                _ => {}
            }
        }
    }

    /// `PUT` and `/bucket/key` of `PUT /bucket/key?x=y HTTP/1.1`.
    pub(crate) fn method_and_path(&self) -> (&str, &str) {
        let mut words = self.text.split(' ');
        let (method, target) = (words.next(), words.next());
        let target = target.unwrap_or_default();
        let path = target.split('?').next().unwrap_or_default();
        (method.unwrap_or_default(), path)
    }

    /// An answer's status code.
    pub(crate) fn status(&self) -> u16 {
        let code = self.text.split(' ').nth(1).unwrap_or_default();
        code.trim().parse().unwrap_or_default()
    }

    /// The body of an answer to `method` (RFC 9112 §6.3).
    pub(crate) fn answer_body(&self, method: &str) -> Body {
        if method == "HEAD" || matches!(self.status(), 204 | 304) {
            return Body::Length(0);
        }
        self.body.unwrap_or(Body::UntilClose)
    }
}

/// Where bytes go: to the other side, up to a limit, or nowhere.
pub(crate) struct Outlet<W> {
    to: Option<W>,
    left_bytes: Option<u64>,
    /// A copy of the first of them, to look into.
    pub(crate) seen: Vec<u8>,
}

/// Longer bodies are media, which nobody looks into.
const SEEN_MAX: usize = 64 << 10;

impl<W: AsyncWrite + Unpin> Outlet<W> {
    /// Whatever comes, or so many bytes of it and then an error.
    pub(crate) fn to(to: W, left_bytes: Option<u64>) -> Self {
        Self {
            to: Some(to),
            left_bytes,
            seen: Vec::new(),
        }
    }

    pub(crate) fn nowhere() -> Self {
        Self {
            to: None,
            left_bytes: None,
            seen: Vec::new(),
        }
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let room = SEEN_MAX - self.seen.len();
        self.seen.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        let now = match &mut self.left_bytes {
            Some(left) => {
                let now = bytes.len().min(*left as usize);
                *left -= now as u64;
                now
            }
            None => bytes.len(),
        };
        to.write_all(&bytes[..now]).await?;
        match now == bytes.len() {
            true => Ok(()),
            false => {
                to.flush().await?;
                Err(io::Error::other("cut"))
            }
        }
    }

    /// Passes a body on.
    pub(crate) async fn body(
        &mut self,
        from: &mut (impl AsyncBufRead + Unpin),
        body: Body,
    ) -> io::Result<()> {
        match body {
            Body::Length(len_bytes) => self.bytes(from, len_bytes).await,
            Body::UntilClose => loop {
                let bytes = from.fill_buf().await?;
                if bytes.is_empty() {
                    return Ok(());
                }
                let len = bytes.len();
                self.write(bytes).await?;
                from.consume(len);
            },
            Body::Chunked => loop {
                let size = self.line(from).await?;
                let digits = size.split(';').next().unwrap_or_default();
                let len_bytes = u64::from_str_radix(digits, 16).map_err(io::Error::other)?;
                if len_bytes == 0 {
                    // Trailers end with an empty line.
                    while !self.line(from).await?.is_empty() {}
                    return Ok(());
                }
                self.bytes(from, len_bytes).await?;
                self.line(from).await?;
            },
        }
    }

    async fn bytes(
        &mut self,
        from: &mut (impl AsyncBufRead + Unpin),
        mut len_bytes: u64,
    ) -> io::Result<()> {
        while len_bytes > 0 {
            let bytes = from.fill_buf().await?;
            if bytes.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let len = bytes.len().min(len_bytes as usize);
            self.write(&bytes[..len]).await?;
            from.consume(len);
            len_bytes -= len as u64;
        }
        Ok(())
    }

    async fn line(&mut self, from: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
        let mut line = String::new();
        from.read_line(&mut line).await?;
        self.write(line.as_bytes()).await?;
        Ok(line.trim_end().to_owned())
    }
}
