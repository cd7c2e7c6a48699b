//! The contract: what AssetLab asks of an S3 server, asked over a socket of the embedded server and of moto, which
//! others wrote: `cargo test -p store --test contract [-- PART_OF_A_NAME]`. With `CONTRACT_ENDPOINT` set, of the
//! server there instead (`make contract`).
//!
//! What comes out is a table, a line for each check. A server that is known to do something else says so in its
//! column, in the words of [`moto_differs::DECLARED`]; as soon as it does what is right, or a third thing, the suite
//! fails.
#![allow(clippy::unwrap_used, reason = "a check that cannot go on fails")]

mod checks;
mod conditions;
mod listing;
mod moto;
mod moto_differs;
mod multipart;
mod objects;
#[path = "../against_s3/outcome.rs"]
mod outcome;
mod presigned;
mod product;
mod reading;
mod server;

use std::any::Any;
use std::env;
use std::panic::AssertUnwindSafe;
use std::process::ExitCode;
use std::time::Duration;

use checks::Check;
use embedded_s3::test_server::TestServer;
use futures::FutureExt;
use futures::future::join_all;
use server::{Server, Verdict};
use store::AccessKey;

const BUCKETS: [&str; 2] = ["first", "second"];
/// A check that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::main]
async fn main() -> ExitCode {
    // Where; what and on which server is told at the end.
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
    // What cargo and libtest's users add, such as `--nocapture`, means nothing here.
    let part = env::args()
        .skip(1)
        .find(|argument| !argument.starts_with('-'));
    let is_wanted = |check: &&Check| part.as_ref().is_none_or(|part| check.name().contains(part));
    let checks: Vec<Check> = checks::all();
    let checks: Vec<&Check> = checks.iter().filter(is_wanted).collect();
    let failures = match env::var("CONTRACT_ENDPOINT") {
        Ok(endpoint) => {
            let server = operators_server(&endpoint);
            let is_empty = async |bucket| server.keys(bucket, "").await.is_empty();
            if !(is_empty(&server.bucket).await && is_empty(&server.other_bucket).await) {
                eprintln!(
                    "CONTRACT_BUCKETS must name two empty buckets: they are emptied between checks"
                );
                return ExitCode::FAILURE;
            }
            ask(&checks, &[server]).await
        }
        Err(_) => {
            let embedded = TestServer::start(&BUCKETS).await.unwrap();
            let keys = embedded.credentials();
            let key = access_key(keys.access_key_id(), keys.secret_access_key());
            let mut servers = vec![Server::new("embedded", &embedded.endpoint(), key, BUCKETS)];
            let moto = moto::Moto::start();
            if let Some(moto) = &moto {
                let key = access_key("any", "any");
                let server = Server::new("moto", moto.endpoint(), key, BUCKETS)
                    .that_differs(moto_differs::DECLARED);
                server.create_buckets().await;
                servers.push(server);
            }
            ask(&checks, &servers).await
        }
    };
    for failure in &failures {
        println!("FAILED {failure}");
    }
    println!("{} checks, {} failures", checks.len(), failures.len());
    if failures.is_empty() && !checks.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

fn access_key(id: &str, secret: &str) -> AccessKey {
    AccessKey {
        id: id.to_owned(),
        secret: secret.to_owned(),
    }
}

/// The server that the environment names, with two empty buckets for the suite alone.
fn operators_server(endpoint: &str) -> Server {
    let variable = |name: &str| env::var(name).unwrap_or_else(|_| panic!("{name} is not set"));
    let key = access_key(
        &variable("AWS_ACCESS_KEY_ID"),
        &variable("AWS_SECRET_ACCESS_KEY"),
    );
    let buckets = variable("CONTRACT_BUCKETS");
    let buckets = buckets
        .split_once(',')
        .expect("CONTRACT_BUCKETS names two: a,b");
    let region = env::var("AWS_REGION").unwrap_or_else(|_| "us-east-1".to_owned());
    Server::new("yours", endpoint, key, [buckets.0, buckets.1]).in_region(&region)
}

/// Runs each check on all servers at once and prints its line; what failed, by server and check.
async fn ask(checks: &[&Check], servers: &[Server]) -> Vec<String> {
    let names: Vec<_> = servers.iter().map(|server| server.name).collect();
    print_line("", &names);
    let mut failures = Vec::new();
    for check in checks {
        let verdicts = servers.iter().map(|server| judge(check, server));
        let mut cells = Vec::new();
        for (server, (cell, failure)) in servers.iter().zip(join_all(verdicts).await) {
            failures.extend(
                failure.map(|failure| format!("on {}: {}: {failure}", server.name, check.name())),
            );
            cells.push(cell);
        }
        print_line(check.name(), &cells);
    }
    failures
}

fn print_line(check: &str, cells: &[impl AsRef<str>]) {
    let (last, others) = cells.split_last().unwrap();
    let others: String = others
        .iter()
        .map(|cell| format!("{:<9}", cell.as_ref()))
        .collect();
    println!("{check:<55} {others} {}", last.as_ref());
}

/// One check on one server: its cell in the table, and why it failed if it did.
async fn judge(check: &Check, server: &Server) -> (String, Option<String>) {
    let verdict = run(check, server).await;
    let declared = server
        .declared
        .iter()
        .find(|(name, _)| *name == check.name());
    match (verdict, declared) {
        (Ok(()), None) => ("ok".to_owned(), None),
        (Err(seen), Some((_, declared))) if seen == *declared => (format!("differs: {seen}"), None),
        (Ok(()), Some((_, declared))) => (
            "FAILED".to_owned(),
            Some(format!(
                "it is declared to differ ({declared}), but does what is right"
            )),
        ),
        (Err(seen), Some((_, declared))) => (
            "FAILED".to_owned(),
            Some(format!(
                "{seen}. It is declared to differ in another way: {declared}"
            )),
        ),
        (Err(seen), None) if check.is_needed() || server.name != "yours" => {
            ("FAILED".to_owned(), Some(seen))
        }
        (Err(seen), None) => (format!("differs: {seen}"), None),
    }
}

async fn run(check: &Check, server: &Server) -> Verdict {
    let asked = AssertUnwindSafe(check.begin(server)).catch_unwind();
    let verdict = match tokio::time::timeout(PATIENCE, asked).await {
        Ok(Ok(verdict)) => verdict,
        Ok(Err(panic)) => Err(said(panic)),
        Err(_) => Err(format!("not done after {} s", PATIENCE.as_secs())),
    };
    server.empty().await;
    verdict
}

/// What a check said that panicked.
fn said(panic: Box<dyn Any + Send>) -> String {
    match panic.downcast::<String>() {
        Ok(text) => *text,
        Err(panic) => panic
            .downcast::<&str>()
            .map_or("a panic".to_owned(), |text| (*text).to_owned()),
    }
}
