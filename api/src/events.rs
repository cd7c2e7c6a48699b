//! `GET /api/video/{id}/events`: the status as server-sent events (HTML, "Server-sent events").
//!
//! The event `status` carries what `…/status` answers, at once and with each change, and its ETag as the id:
//! who reconnects with `Last-Event-ID` is not sent the same again. After `done` or `error` the stream ends;
//! an `EventSource` that then reconnects is told by 204 to stop.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Extension;
use axum::extract::State;
use axum::http::header::CACHE_CONTROL;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt, stream};
use store::VideoId;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};
use utoipa::ToSchema;

use crate::App;
use crate::error::ApiError;
use crate::error_code::errors;
use crate::event_slots::EventSlot;
use crate::rates::{Caller, SigningRate};
use crate::serve::Stopping;
use crate::status_watch::Seen;
use crate::video::{VideoPath, status_of};

/// How soon a client that was cut off comes again.
const RETRY: Duration = Duration::from_secs(2);
/// Proxies close what is silent, commonly after a minute.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// A client that went away without a word looks like one that listens. It holds its place no longer than
/// this; one that is there reconnects, and is sent nothing twice.
const LONGEST_STREAM: Duration = Duration::from_secs(600);

pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// nginx and others would hold events back to fill a buffer.
const UNBUFFERED: HeaderName = HeaderName::from_static("x-accel-buffering");

/// One event of the stream.
#[derive(ToSchema)]
#[expect(dead_code, reason = "it is sent as text, line by line")]
struct StatusEvent {
    event: EventName,
    /// The ETag of the status.
    id: Option<String>,
    /// JSON: the status, or nothing but `{}` where the video is gone.
    #[schema(content_media_type = "application/json")]
    data: String,
}

#[derive(ToSchema)]
#[schema(rename_all = "lowercase")]
#[expect(dead_code, reason = "it is sent as text")]
enum EventName {
    Status,
    Gone,
}

errors!(EventErrors: NotFound, RateLimited, Internal, Busy, StorageUnavailable);

/// What is true about a video, as server-sent events
///
/// The event `status` has the JSON of `/api/video/{id}/status` as its data and that status's ETag as its id.
/// One is sent at once, unless `Last-Event-ID` names it, and one with each change. The stream ends after
/// `done` and `error`, or with the event `gone` when the video is deleted; after ten minutes at the latest it
/// ends to be asked for again.
#[utoipa::path(
    get,
    path = "/api/video/{id}/events",
    params(
        ("id" = VideoId, Path),
        ("Last-Event-ID" = Option<String>, Header, description = "The id of the last event that the client has seen"),
    ),
    responses(
        (
            status = 200,
            body = StatusEvent,
            content_type = "text/event-stream",
            description = "Events, until the video is done, failed or deleted",
        ),
        (status = 204, description = "The last event was the last: do not reconnect"),
        EventErrors,
    )
)]
pub(crate) async fn events(
    _: SigningRate,
    VideoPath { id, .. }: VideoPath,
    Caller(address): Caller,
    State(app): State<Arc<App>>,
    stopping: Option<Extension<Stopping>>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let slot = app.event_slots.take(address)?;
    let known = headers.get(LAST_EVENT_ID).map(HeaderValue::as_bytes);
    let known = known.map(|id| String::from_utf8_lossy(id).into_owned());
    let joined = app.status_watch.join(id);
    let shared = joined
        .as_ref()
        .and_then(|states| states.borrow().etag().map(str::to_owned));
    let (states, fresh, outdated) = match joined {
        Some(states) if known.is_none() || shared == known => (states, None, None),
        // What the client knows may be newer than what was last seen here.
        joined => {
            let now = Seen::of(&*status_of(&app, id).await?);
            let outdated = shared.filter(|shared| now.etag() != Some(shared));
            let states = joined.unwrap_or_else(|| app.status_watch.listen(id, now.clone()));
            (states, Some(now), outdated)
        }
    };
    let listener = Listener {
        states,
        known,
        fresh,
        outdated,
        until: Instant::now() + LONGEST_STREAM,
        stopping: stopping.map_or_else(Stopping::default, |Extension(stopping)| stopping),
        _slot: slot,
    };
    if listener.has_seen_all() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let hint = stream::once(async { Ok(Event::default().retry(RETRY)) });
    let events =
        Sse::new(hint.chain(listener.events())).keep_alive(KeepAlive::new().interval(KEEP_ALIVE));
    let headers = [(CACHE_CONTROL, "no-store"), (UNBUFFERED, "no")];
    Ok((headers, events).into_response())
}

struct Listener {
    states: watch::Receiver<Seen>,
    /// The ETag of the last state that the client has.
    known: Option<String>,
    /// What was read for this client alone.
    fresh: Option<Seen>,
    /// The ETag of a state that was true before that.
    outdated: Option<String>,
    until: Instant,
    stopping: Stopping,
    _slot: EventSlot,
}

impl Listener {
    /// Whether the client knows what is now, and nothing comes after it.
    fn has_seen_all(&self) -> bool {
        let shared = self.states.borrow();
        let now = self.fresh.as_ref().unwrap_or(&shared);
        now.is_last() && !self.is_news(now)
    }

    /// Whether the client does not know it, nor something newer.
    fn is_news(&self, seen: &Seen) -> bool {
        let etag = seen.etag();
        etag.is_none() || (etag != self.known.as_deref() && etag != self.outdated.as_deref())
    }

    fn events(self) -> impl Stream<Item = Result<Event, Infallible>> {
        stream::unfold(Some(self), |listener| async {
            let mut listener = listener?;
            let seen = listener.next().await?;
            let (event, then) = match seen {
                Seen::Status {
                    etag,
                    json,
                    is_terminal,
                } => {
                    let json = String::from_utf8_lossy(&json);
                    let event = Event::default().event("status").id(&*etag).data(json);
                    listener.known = Some(etag.to_string());
                    (event, (!is_terminal).then_some(listener))
                }
                Seen::Gone => (Event::default().event("gone").data("{}"), None),
            };
            Some((Ok(event), then))
        })
    }

    /// The newest state that the client does not know; none where the stream shall end.
    async fn next(&mut self) -> Option<Seen> {
        if let Some(fresh) = self.fresh.take()
            && self.is_news(&fresh)
        {
            return Some(fresh);
        }
        loop {
            let seen = self.states.borrow_and_update().clone();
            if self.is_news(&seen) {
                return Some(seen);
            }
            let stopping = self.stopping.clone();
            tokio::select! {
                changed = timeout_at(self.until, self.states.changed()) => changed.ok()?.ok()?,
                () = stopping.begun() => return None,
            }
        }
    }
}
