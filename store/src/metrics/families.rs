//! The table of all metrics. README.md has the same one; a test compares them.

use super::Metric;
use super::family::{Counter, Family, Gauge, Histogram, Kind, Label, Sampled, ShownBy};
use super::labels::{Attempt, JobEnd, RateKind, S3Result, Stage, SweptKind, UploadEnd};

macro_rules! families {
    ($(
        $kind:ident $constant:ident = $name:literal, $shown_by:ident, [$($label:expr),*], $unit:literal,
            $help:literal $(, $buckets:expr)?;
    )*) => {
        $(
            #[doc = $help]
            pub static $constant: families!(@type $kind) = families!(@new $kind)(
                Family {
                    name: $name,
                    kind: families!(@kind $kind),
                    shown_by: ShownBy::$shown_by,
                    labels: &[$($label),*],
                    unit: $unit,
                    help: $help,
                }
                $(, $buckets)?
            );
        )*

        /// Every metric, in the README's order.
        pub static ALL: &[Metric] = &[$(families!(@metric $kind)(&$constant),)*];
    };
    (@type counter) => { Counter };
    (@type gauge) => { Gauge };
    (@type histogram) => { Histogram };
    (@type $sampled:ident) => { Sampled };
    (@new counter) => { Counter::new };
    (@new gauge) => { Gauge::new };
    (@new histogram) => { Histogram::new };
    (@new $sampled:ident) => { Sampled::new };
    (@metric counter) => { Metric::Counter };
    (@metric gauge) => { Metric::Gauge };
    (@metric histogram) => { Metric::Histogram };
    (@metric $sampled:ident) => { Metric::Sampled };
    (@kind counter) => { Kind::Counter };
    (@kind sampled_counter) => { Kind::Counter };
    (@kind histogram) => { Kind::Histogram };
    (@kind $gauge:ident) => { Kind::Gauge };
}

const fn closed(name: &'static str, values: &'static [&'static str]) -> Label {
    Label { name, values }
}

const fn open(name: &'static str) -> Label {
    Label { name, values: &[] }
}

/// The operations that this code asks for, as AWS names them.
const S3_OPERATIONS: &[&str] = &[
    "AbortMultipartUpload",
    "CompleteMultipartUpload",
    "CreateMultipartUpload",
    "DeleteObject",
    "GetObject",
    "HeadBucket",
    "HeadObject",
    "ListMultipartUploads",
    "ListObjectsV2",
    "ListParts",
    "PutObject",
    "UploadPart",
];

/// Those of them that carry a body of any size.
const S3_WRITES: &[&str] = &["PutObject", "UploadPart"];

const STAGE_BUCKETS_SECONDS: &[f64] = &[
    0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0,
];
const REALTIME_BUCKETS: &[f64] = &[0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

families! {
    sampled_gauge QUEUE_JOBS = "assetlab_queue_jobs", Api, [], "jobs",
        "Jobs that wait or are worked on, counted to 10,000.";
    sampled_gauge QUEUE_OLDEST_JOB_AGE = "assetlab_queue_oldest_job_age_seconds", Api, [], "seconds",
        "Time since the job that waits longest was queued, given back or failed; about 0 where all are worked on.";
    sampled_gauge DEAD_JOBS = "assetlab_dead_jobs", Api, [], "jobs",
        "Jobs that were given up and wait for the operator, counted to 10,000.";
    counter QUEUE_LIST_FAILURES = "assetlab_queue_list_failures_total", Api, [], "failures",
        "Times that S3 did not list queue and dead jobs; the three metrics above are absent then.";
    gauge UPLOADS_IN_FLIGHT = "assetlab_uploads_in_flight", Api, [], "uploads",
        "Uploads that are being received or stored.";
    counter UPLOADS = "assetlab_uploads_total", Api, [closed("outcome", UploadEnd::VALUES)], "uploads",
        "Uploads that ended, by outcome.";
    counter UPLOAD_RECEIVED_BYTES = "assetlab_upload_received_bytes_total", Api, [], "bytes",
        "Bytes of originals received, those of uploads that failed included; those that went straight to S3 once they are complete.";
    counter HTTP_REQUESTS = "assetlab_http_requests_total", Api,
        [open("route"), open("method"), open("status")], "requests",
        "Requests answered, by the route's template, method and class of status.";
    counter RATE_LIMITED = "assetlab_rate_limited_total", Api, [closed("kind", RateKind::VALUES)], "requests",
        "Requests refused because too many came before, by the limit that they went over.";
    counter JOBS = "assetlab_jobs_total", Worker, [closed("outcome", JobEnd::VALUES)], "jobs",
        "Claims with work to do that ended, by outcome.";
    gauge JOBS_RUNNING = "assetlab_jobs_running", Worker, [], "jobs",
        "Jobs that this worker works on.";
    gauge JOB_SLOTS = "assetlab_job_slots", Worker, [], "jobs",
        "Jobs that this worker can work on at once.";
    counter TAKEOVERS = "assetlab_takeovers_total", Worker, [], "jobs",
        "Jobs that this worker took over from one that went silent, or from its own past.";
    counter LEASE_LOSSES = "assetlab_lease_losses_total", Worker, [], "claims",
        "Claims that this worker lost: not renewed in time, taken over, or the video was deleted.";
    histogram STAGE_SECONDS = "assetlab_stage_seconds", Worker, [closed("stage", Stage::VALUES)], "seconds",
        "Seconds that each stage of a job took that is done.", STAGE_BUCKETS_SECONDS;
    histogram REALTIME_FACTOR = "assetlab_job_realtime_factor", Worker, [], "ratio",
        "Seconds of video for each second of work, of jobs that are done.", REALTIME_BUCKETS;
    counter ORIGINAL_REQUESTS = "assetlab_original_requests_total", Worker, [], "requests",
        "Ranges of originals asked for by HTTP.";
    counter ORIGINAL_READ_BYTES = "assetlab_original_read_bytes_total", Worker, [], "bytes",
        "Bytes of originals read by HTTP.";
    counter REPAIRED_VIDEOS = "assetlab_repaired_videos_total", Worker, [], "videos",
        "Videos queued by the repair because their upload's process died.";
    counter SWEPT_OBJECTS = "assetlab_swept_objects_total", Worker,
        [closed("kind", SweptKind::VALUES)], "objects",
        "What the sweep deleted, by kind.";
    counter WEBHOOK_ATTEMPTS = "assetlab_webhook_attempts_total", Worker,
        [closed("outcome", Attempt::VALUES)], "attempts",
        "Attempts of this worker to deliver an event, by outcome.";
    gauge WEBHOOK_EVENTS = "assetlab_webhook_events", Worker, [], "events",
        "Events not delivered yet, those given up included, as this worker last saw them.";
    counter S3_REQUESTS = "assetlab_s3_requests_total", Both,
        [closed("operation", S3_OPERATIONS), closed("result", S3Result::VALUES)], "requests",
        "Attempts at requests to S3, by operation and result.";
    counter S3_SENT_BYTES = "assetlab_s3_sent_bytes_total", Both,
        [closed("operation", S3_WRITES)], "bytes",
        "Bytes of bodies that S3 acknowledged.";
    sampled_gauge BUILD_INFO = "assetlab_build_info", Both, [open("version")], "1",
        "Always 1; the label says which version runs.";
    sampled_gauge RESIDENT_MEMORY_BYTES = "process_resident_memory_bytes", Both, [], "bytes",
        "Memory that the process holds.";
    sampled_counter CPU_SECONDS = "process_cpu_seconds_total", Both, [], "seconds",
        "Processor time that the process used.";
    sampled_gauge START_TIME_SECONDS = "process_start_time_seconds", Both, [], "seconds",
        "When the process started, since the Unix epoch.";
}
