//! Between the processes and S3: a proxy that loses, delays, cuts and refuses by a seed.
//!
//! Each process has a listener of its own, with a generator of its own: the same sequence of requests meets
//! the same faults.

mod connection;
mod faults;
mod message;
mod writes;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

pub(crate) use faults::{Fault, Rates};
pub(crate) use writes::Writes;

use crate::random::Random;

/// Whether there is a line to S3 at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Line {
    Up,
    /// Connections are cut, and new ones end at once.
    Refusing,
    /// Nothing is heard any more; what was under way is cut when the line is back.
    Silent,
}

pub(crate) struct Proxy {
    shared: Arc<Shared>,
    seed: u64,
}

struct Shared {
    upstream: SocketAddr,
    line: watch::Sender<Line>,
    /// How many are open.
    connections: watch::Sender<usize>,
    /// None once all is to go well.
    rates: Mutex<Option<Rates>>,
    counts: Mutex<BTreeMap<&'static str, u64>>,
    writes: Mutex<Writes>,
}

impl Proxy {
    pub(crate) fn new(seed: u64, upstream: SocketAddr, rates: Rates) -> Self {
        let shared = Shared {
            upstream,
            line: watch::Sender::new(Line::Up),
            connections: watch::Sender::new(0),
            rates: Mutex::new(Some(rates)),
            counts: Mutex::new(Fault::NAMES.map(|name| (name, 0)).into()),
            writes: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
            seed,
        }
    }

    /// An address of S3 for one process; its connections end with the runtime.
    pub(crate) async fn listen(&self, process: &str) -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::clone(&self.shared);
        let random = Random::new(self.seed, &format!("proxy of {process}"));
        let random = Arc::new(Mutex::new(random));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (shared, random) = (Arc::clone(&shared), Arc::clone(&random));
                shared.connections.send_modify(|open| *open += 1);
                tokio::spawn(async move {
                    shared.pass(client, &random).await;
                    shared.connections.send_modify(|open| *open -= 1);
                });
            }
        });
        format!("http://{address}")
    }

    /// Interrupts the line for a while.
    pub(crate) async fn interrupt(&self, line: Line, duration: Duration) {
        let name = match line {
            Line::Up => return,
            Line::Refusing => "outages, refusing",
            Line::Silent => "outages, silent",
        };
        self.shared.count(name);
        self.shared.line.send_replace(line);
        tokio::time::sleep(duration).await;
        self.shared.line.send_replace(Line::Up);
    }

    /// From now on all goes well.
    pub(crate) fn calm(&self) {
        *lock(&self.shared.rates) = None;
        self.shared.line.send_replace(Line::Up);
    }

    /// Returns when no connection is open. Once all processes are dead: what they asked for has taken effect
    /// then, or never will.
    pub(crate) async fn settled(&self) {
        let mut connections = self.shared.connections.subscribe();
        connections.wait_for(|open| *open == 0).await.unwrap();
    }

    /// How often what happened.
    pub(crate) fn counts(&self) -> BTreeMap<&'static str, u64> {
        lock(&self.shared.counts).clone()
    }

    /// What took effect.
    pub(crate) fn writes(&self) -> MutexGuard<'_, Writes> {
        lock(&self.shared.writes)
    }
}

impl Shared {
    async fn pass(&self, client: TcpStream, random: &Mutex<Random>) {
        let mut line = self.line.subscribe();
        let mut serving = pin!(connection::serve(client, self, random));
        let interrupted = *tokio::select! {
            // What broke off is the client's to report.
            _ = &mut serving => return,
            line = line.wait_for(|line| *line != Line::Up) => line.unwrap(),
        };
        if interrupted == Line::Silent {
            // The sockets stay open, with nobody at them.
            let _ = line.wait_for(|line| *line == Line::Up).await;
        }
    }

    fn draw(&self, random: &Mutex<Random>) -> Option<Fault> {
        let rates = *lock(&self.rates);
        let fault = rates.and_then(|rates| rates.draw(&mut lock(random)));
        self.count("requests");
        if let Some(fault) = fault {
            self.count(fault.name());
        }
        fault
    }

    fn count(&self, what: &'static str) {
        *lock(&self.counts).entry(what).or_default() += 1;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
