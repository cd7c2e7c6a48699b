//! Places on a video's path where a test makes the process die, freeze, hang or panic.
//!
//! Only debug builds heed them. `FAIL_POINTS` lists what is to happen: `marker-won=abort`,
//! `fragment-encoded@<video id>=panic`, `master-stored=stop#2`, separated by commas. `#2` means: the second
//! time that this process gets there, and only then. Each point is reached right *after* the step it is
//! named for.

use crate::VideoId;

macro_rules! fail_points {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// A step of a video's path, in order.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum FailPoint { $($(#[$doc])* $variant,)* }

        impl FailPoint {
            /// Every one.
            pub const ALL: &[Self] = &[$(Self::$variant,)*];

            /// As `FAIL_POINTS` writes it.
            #[must_use]
            pub fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }
        }
    };
}

fail_points! {
    /// The original's multipart upload is open.
    OriginalBegun = "original-begun",
    /// A part of the original is stored.
    OriginalPartStored = "original-part-stored",
    /// The original is visible; nothing else is.
    OriginalStored = "original-stored",
    /// The status says `pending`.
    StatusCreated = "status-created",
    /// The video is listed.
    Indexed = "indexed",
    /// The marker is there.
    Queued = "queued",
    /// The multipart upload of an upload of several requests is open; nothing names it.
    UploadOpened = "upload-opened",
    /// The upload's info names it.
    UploadNamed = "upload-named",
    /// A request that brings bytes has taken the upload over.
    WriterNamed = "writer-named",
    /// A part of it is stored.
    UploadPartStored = "upload-part-stored",
    /// The info names the part.
    UploadPartRecorded = "upload-part-recorded",
    /// What does not fill a part is stored.
    TailStored = "tail-stored",
    /// The info names it.
    TailNamed = "tail-named",
    /// The info says that the original is whole.
    UploadCompleted = "upload-completed",
    /// The info says that the upload is given up.
    UploadGivenUp = "upload-given-up",
    /// A worker has the marker.
    MarkerWon = "marker-won",
    /// The status names the claim's take.
    TakeNamed = "take-named",
    /// A rendition's multipart upload is open.
    RenditionBegun = "rendition-begun",
    /// A part of a rendition is stored.
    RenditionPartStored = "rendition-part-stored",
    /// A fragment left the encoder; on the encoder's own thread.
    FragmentEncoded = "fragment-encoded",
    /// A rendition is visible.
    RenditionStored = "rendition-stored",
    /// A file beside the renditions is stored: a picture, a text.
    ExtraStored = "extra-stored",
    /// The media playlists are there, the master is not.
    PlaylistsStored = "playlists-stored",
    /// The whole take is there; the commit comes next.
    MasterStored = "master-stored",
    /// The status says `done`.
    Committed = "committed",
    /// The event of a video's end is there to be delivered; its marker is still there.
    EventStored = "event-stored",
    /// The marker says that nothing is left to do.
    MarkerSettled = "marker-settled",
    /// The marker is gone.
    MarkerDeleted = "marker-deleted",
    /// The status of a job that failed says `error`.
    ErrorWritten = "error-written",
    /// The record of a job that was given up is in `dead/`.
    DeadStored = "dead-stored",
    /// A worker is about to deliver an event.
    EventClaimed = "event-claimed",
    /// The receiver took it; its record is still there.
    EventTaken = "event-taken",
    /// The receiver did not take it, and the record says when to try again.
    EventPostponed = "event-postponed",
    /// The tombstone of a video that is to be deleted is there.
    TombstoneStored = "tombstone-stored",
    /// Its marker is gone.
    DeletedMarker = "deleted-marker",
    /// Its status is gone.
    DeletedStatus = "deleted-status",
    /// Its media are gone.
    DeletedMedia = "deleted-media",
    /// Its original is gone.
    DeletedOriginal = "deleted-original",
}

impl FailPoint {
    /// Marks the step as reached for `id`.
    #[cfg(not(debug_assertions))]
    #[inline]
    pub fn reached(self, id: VideoId) {
        let _ = id;
    }

    /// Marks the step as reached for `id`: what `FAIL_POINTS` orders for it happens now.
    #[cfg(debug_assertions)]
    pub fn reached(self, id: VideoId) {
        ordered::reached(self, id);
    }
}

#[cfg(debug_assertions)]
mod ordered {
    use std::sync::LazyLock;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;

    use super::FailPoint;
    use crate::VideoId;

    /// More than a signal takes to reach all threads.
    const STOPPING: Duration = Duration::from_millis(500);

    static ORDERS: LazyLock<Vec<Order>> = LazyLock::new(|| {
        let orders = std::env::var("FAIL_POINTS").unwrap_or_default();
        let orders = orders.split(',').filter(|order| !order.is_empty());
        orders
            .map(|order| Order::parse(order).unwrap_or_else(|| panic!("FAIL_POINTS: {order:?}")))
            .collect()
    });

    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Action {
        /// The process dies as under `kill -9`: nothing is flushed, no destructor runs.
        Abort,
        /// The process freezes until it gets SIGCONT.
        Stop,
        Panic,
        /// The thread goes no further, for good.
        Hang,
    }

    struct Order {
        point: FailPoint,
        id: Option<VideoId>,
        action: Action,
        /// The time to act, counted from 1; each time where there is none.
        time: Option<u32>,
        times_reached: AtomicU32,
    }

    impl Order {
        fn parse(order: &str) -> Option<Self> {
            let (place, action) = order.split_once('=')?;
            let (name, id) = match place.split_once('@') {
                Some((name, id)) => (name, Some(id.parse().ok()?)),
                None => (place, None),
            };
            let (action, time) = match action.split_once('#') {
                Some((action, time)) => (action, Some(time.parse().ok()?)),
                None => (action, None),
            };
            Some(Self {
                point: *FailPoint::ALL.iter().find(|point| point.name() == name)?,
                id,
                action: match action {
                    "abort" => Action::Abort,
                    "stop" => Action::Stop,
                    "panic" => Action::Panic,
                    "hang" => Action::Hang,
                    _ => return None,
                },
                time,
                times_reached: AtomicU32::new(0),
            })
        }
    }

    pub(super) fn reached(point: FailPoint, id: VideoId) {
        for order in ORDERS.iter() {
            if order.point != point || order.id.is_some_and(|wanted| wanted != id) {
                continue;
            }
            let times = order.times_reached.fetch_add(1, Ordering::SeqCst) + 1;
            if order.time.is_some_and(|time| time != times) {
                continue;
            }
            let name = point.name();
            tracing::error!(video_id = %id, name, action = ?order.action, "fail point");
            match order.action {
                Action::Abort => std::process::abort(),
                Action::Panic => panic!("fail point {name}"),
                Action::Hang => loop {
                    std::thread::park();
                },
                Action::Stop => {
                    let own = rustix::process::getpid();
                    rustix::process::kill_process(own, rustix::process::Signal::STOP)
                        .expect("a process may stop itself");
                    // The signal goes to any of its threads first: this one must not get further until then.
                    std::thread::sleep(STOPPING);
                }
            }
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn orders_are_read() {
            let id = VideoId::new();
            let order = Order::parse(&format!("fragment-encoded@{id}=panic#2")).unwrap();
            assert_eq!(
                (order.point, order.id, order.action, order.time),
                (FailPoint::FragmentEncoded, Some(id), Action::Panic, Some(2))
            );
            let order = Order::parse("committed=abort").unwrap();
            assert_eq!((order.id, order.time), (None, None));
            for wrong in [
                "committed",
                "nowhere=abort",
                "committed=explode",
                "committed@x=stop",
            ] {
                assert!(Order::parse(wrong).is_none(), "{wrong}");
            }
        }
    }
}
