//! The clients that others wrote, over a line that is cut again and again, to two servers that are killed in turn.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use embedded_s3::test_server::TestServer;
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::process::{Running, start};
use crate::site::{MIB, TOKEN, buckets, open_uploads};
use crate::tus_client::{id_of, video};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
/// A client that needs longer does not get anywhere.
const PATIENCE: Duration = Duration::from_secs(1200);

struct Plan {
    len_bytes: usize,
    cuts: usize,
    kills: usize,
}

const SMALL: Plan = Plan {
    len_bytes: 40 * MIB as usize + 4711,
    cuts: 6,
    kills: 2,
};
const LARGE: Plan = Plan {
    len_bytes: 300 * MIB as usize + 4711,
    cuts: 20,
    kills: 5,
};

/// The program that runs a client's script; none where it is not installed, which `make test` and CI do not
/// put up with.
fn installed(needed: PathBuf, program: PathBuf, script: &str) -> Option<[PathBuf; 2]> {
    if needed.exists() {
        return Some([program, Path::new(REPOSITORY).join(script)]);
    }
    let is_must = std::env::var_os("TUSPY").is_some() || std::env::var_os("CI").is_some();
    assert!(!is_must, "there is no {}", needed.display());
    eprintln!("SKIPPED: there is no {}", needed.display());
    None
}

fn tus_js() -> Option<[PathBuf; 2]> {
    let package = Path::new(REPOSITORY).join("frontend/node_modules/tus-js-client");
    installed(package, "node".into(), "frontend/e2e/tus-client.mjs")
}

fn tuspy() -> Option<[PathBuf; 2]> {
    let python = std::env::var_os("TUSPY").map_or_else(
        || Path::new(REPOSITORY).join("target/tuspy/bin/python"),
        PathBuf::from,
    );
    installed(python.clone(), python, "api/tests/api/tus_client.py")
}

/// What happens to the line when so many bytes have passed.
#[derive(Debug, Clone, Copy)]
enum Event {
    Cut,
    Kill,
}

/// The line, and where it leads.
struct Line {
    servers: Mutex<[SocketAddr; 2]>,
    next_server: AtomicUsize,
    passed_bytes: AtomicU64,
    /// The next one last.
    events: Mutex<Vec<(u64, Event)>>,
    cuts: AtomicUsize,
    kill: mpsc::UnboundedSender<()>,
}

impl Line {
    /// Counts bytes; whether the connection that they came by is to be cut.
    fn pass(&self, len: usize) -> bool {
        let passed = self.passed_bytes.fetch_add(len as u64, Ordering::SeqCst) + len as u64;
        let mut events = self.events.lock().unwrap();
        let mut is_cut = false;
        while let Some((_, event)) = events.pop_if(|(at, _)| *at <= passed) {
            match event {
                Event::Cut => {
                    self.cuts.fetch_add(1, Ordering::SeqCst);
                    is_cut = true;
                }
                Event::Kill => self.kill.send(()).unwrap(),
            }
        }
        is_cut
    }

    async fn serve(self: Arc<Self>, listener: TcpListener) {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            tokio::spawn(Arc::clone(&self).connect(client));
        }
    }

    async fn connect(self: Arc<Self>, client: TcpStream) {
        // Each connection goes to the other server.
        let number = self.next_server.fetch_add(1, Ordering::SeqCst);
        let address = self.servers.lock().unwrap()[number % 2];
        let Ok(server) = TcpStream::connect(address).await else {
            return;
        };
        let (mut client_reads, mut client_writes) = client.into_split();
        let (mut server_reads, mut server_writes) = server.into_split();
        let up = async {
            let mut buffer = vec![0; 64 << 10];
            while let Ok(read @ 1..) = client_reads.read(&mut buffer).await {
                if self.pass(read) || server_writes.write_all(&buffer[..read]).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            () = up => {}
            _ = copy(&mut server_reads, &mut client_writes) => {}
        }
    }
}

/// Events at random, of which the seed decides.
fn events(plan: &Plan, seed: u64) -> Vec<(u64, Event)> {
    let kinds = std::iter::repeat_n(Event::Cut, plan.cuts);
    let kinds = kinds.chain(std::iter::repeat_n(Event::Kill, plan.kills));
    // Not before the client has heard where the upload is: neither asks a second time for that.
    let (from, to) = (64 << 10, plan.len_bytes as u64);
    let random = video(8 * (plan.cuts + plan.kills) + 24, seed);
    let mut events: Vec<_> = random[24..]
        .chunks_exact(8)
        .map(|chunk| from + u64::from_be_bytes(chunk.try_into().unwrap()) % (to - from))
        .zip(kinds)
        .collect();
    events.sort_by_key(|(at, _)| std::cmp::Reverse(*at));
    events
}

async fn survives([program, script]: [PathBuf; 2], plan: Plan) {
    let seed = std::env::var("TUS_SEED").map_or_else(
        |_| u64::from(std::process::id()),
        |seed| seed.parse().unwrap(),
    );
    println!("TUS_SEED={seed}");
    let s3 = TestServer::start(&["raw", "video"]).await.unwrap();
    let address = |base: &str| base.strip_prefix("http://").unwrap().parse().unwrap();
    let mut servers: Vec<Option<Running>> = Vec::new();
    let mut addresses = Vec::new();
    for _ in 0..2 {
        let (server, base) = start(&s3, &[]).await;
        servers.push(Some(server));
        addresses.push(address(&base));
    }
    let (kill, mut killed) = mpsc::unbounded_channel();
    let line = Arc::new(Line {
        servers: Mutex::new([addresses[0], addresses[1]]),
        next_server: AtomicUsize::new(0),
        passed_bytes: AtomicU64::new(0),
        events: Mutex::new(events(&plan, seed)),
        cuts: AtomicUsize::new(0),
        kill,
    });
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let endpoint = format!("http://{}/api/tus", listener.local_addr().unwrap());
    let serving = tokio::spawn(Arc::clone(&line).serve(listener));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a film.mp4");
    let file = video(plan.len_bytes, seed);
    std::fs::write(&path, &file).unwrap();
    let mut client = Command::new(program);
    client.arg(script).args([&endpoint, TOKEN]).arg(&path);
    client.stdout(Stdio::piped()).kill_on_drop(true);
    let mut uploading = std::pin::pin!(timeout(PATIENCE, client.output()));
    let mut kills = 0;
    let output = loop {
        tokio::select! {
            // The last one may come with the client's end.
            biased;
            Some(()) = killed.recv() => {
                let number = kills % 2;
                kills += 1;
                servers[number] = None;
                let (server, base) = start(&s3, &[]).await;
                servers[number] = Some(server);
                line.servers.lock().unwrap()[number] = address(&base);
            }
            output = &mut uploading => break output.expect("it ends").unwrap(),
        }
    };
    serving.abort();
    assert!(output.status.success(), "{output:?}");
    let cuts = line.cuts.load(Ordering::SeqCst);
    assert_eq!((cuts, kills), (plan.cuts, plan.kills));

    let url = String::from_utf8(output.stdout).unwrap();
    let id = id_of(url.trim());
    let original = buckets(&s3).get_object().bucket("raw");
    let original = original.key(format!("uploads/{id}.orig")).send().await;
    let mut body = original.unwrap().body;
    let mut stored = Sha256::new();
    while let Some(chunk) = body.next().await {
        stored.update(chunk.unwrap());
    }
    assert!(
        stored.finalize() == Sha256::digest(&file),
        "the original differs"
    );
    assert_eq!(open_uploads(&s3).await, 0);
    println!(
        "{} bytes arrived over {cuts} cuts and {kills} kills; {} bytes were sent",
        plan.len_bytes,
        line.passed_bytes.load(Ordering::SeqCst)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn tus_js_client_gets_a_file_through() {
    if let Some(client) = tus_js() {
        survives(client, SMALL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tuspy_gets_a_file_through() {
    if let Some(client) = tuspy() {
        survives(client, SMALL).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: cargo test -p api --test api -- --ignored --nocapture a_large_file"]
async fn both_clients_get_a_large_file_through() {
    for client in [tus_js(), tuspy()] {
        survives(client.expect("both are installed"), LARGE).await;
    }
}
