//! What libFuzzer can see of libav, which is linked as the system has it, without its counters:
//! the lines it logs and what comes of a file. Each distinct one calls a function of its own, and
//! functions are what libFuzzer counts.

use std::fmt::{self, Write};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::hint::black_box;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Tells libFuzzer that an input came by here.
pub(crate) fn pass(landmark: &impl Hash) {
    let mut hasher = DefaultHasher::new();
    landmark.hash(&mut hasher);
    let [row, column] = [hasher.finish() >> 4, hasher.finish()].map(|bits| (bits & 15) as usize);
    LANDMARKS[row][column]();
}

/// Distinct for the compiler, too: it must not fold them into one.
#[inline(never)]
fn landmark<const ROW: u8, const COLUMN: u8>() {
    black_box((ROW, COLUMN));
}

macro_rules! row {
    ($row:literal) => {
        [
            landmark::<$row, 0>,
            landmark::<$row, 1>,
            landmark::<$row, 2>,
            landmark::<$row, 3>,
            landmark::<$row, 4>,
            landmark::<$row, 5>,
            landmark::<$row, 6>,
            landmark::<$row, 7>,
            landmark::<$row, 8>,
            landmark::<$row, 9>,
            landmark::<$row, 10>,
            landmark::<$row, 11>,
            landmark::<$row, 12>,
            landmark::<$row, 13>,
            landmark::<$row, 14>,
            landmark::<$row, 15>,
        ]
    };
}

static LANDMARKS: [[fn(); 16]; 16] = [
    row!(0),
    row!(1),
    row!(2),
    row!(3),
    row!(4),
    row!(5),
    row!(6),
    row!(7),
    row!(8),
    row!(9),
    row!(10),
    row!(11),
    row!(12),
    row!(13),
    row!(14),
    row!(15),
];

/// From now on, every line that is logged is a landmark.
pub(crate) fn listen() {
    tracing::subscriber::set_global_default(Listener).expect("nobody else listens");
}

struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::DEBUG
    }

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        pass(&line.0);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A line without figures and addresses, which would make every one distinct.
struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = write!(text, "{field}={value:?} ");
        self.0
            .extend(text.chars().filter(|c| !c.is_ascii_hexdigit()));
    }
}
