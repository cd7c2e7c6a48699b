//! A real server for tests: a folder of its own, a free port on loopback, new keys.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! let server = embedded_s3::test_server::TestServer::start(&["raw", "video"]).await?;
//! println!("{} {}", server.endpoint(), server.credentials().access_key_id());
//! # Ok(())
//! # }
//! ```

use std::future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::{Credentials, EmbeddedS3};

/// A running server; dropping it stops the server and removes its folder.
pub struct TestServer {
    s3: EmbeddedS3,
    address: SocketAddr,
    credentials: Credentials,
    serving: JoinHandle<()>,
    folder: TempDir,
}

impl TestServer {
    /// Starts a server with these buckets.
    ///
    /// # Errors
    /// What failed on disk or on the network.
    pub async fn start(buckets: &[&str]) -> io::Result<Self> {
        let folder = tempfile::tempdir()?;
        let credentials = Credentials::random()?;
        let s3 = EmbeddedS3::open(folder.path(), &credentials).map_err(io::Error::other)?;
        for bucket in buckets {
            s3.create_bucket(bucket).await.map_err(io::Error::other)?;
        }
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let serving = tokio::spawn(s3.clone().serve(listener, future::pending()));
        Ok(Self {
            s3,
            address,
            credentials,
            serving,
            folder,
        })
    }

    /// Where it listens: `http://127.0.0.1:<port>`. Path-style addresses only.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The keys it accepts, for any region.
    pub fn credentials(&self) -> &Credentials {
        &self.credentials
    }

    /// The server itself, for its [`front`](EmbeddedS3::front) or further buckets.
    pub fn s3(&self) -> &EmbeddedS3 {
        &self.s3
    }

    /// The folder it keeps its data in.
    pub fn data_dir(&self) -> &std::path::Path {
        self.folder.path()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
