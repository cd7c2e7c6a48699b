//! Labels with a closed set of values.

macro_rules! labels {
    ($($(#[$doc:meta])* $label:ident { $($(#[$value_doc:meta])* $variant:ident = $value:literal,)* })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $label { $($(#[$value_doc])* $variant,)* }

        impl $label {
            pub(super) const VALUES: &[&str] = &[$($value,)*];

            /// As it stands in the series.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $value,)* }
            }
        }
    )*};
}

labels! {
    /// How a claim that was worked on ended.
    JobEnd {
        /// The video is done.
        Done = "done",
        /// The file was refused for good.
        Error = "error",
        /// The attempt failed, and another follows.
        Failed = "failed",
        /// The attempt failed, and no other follows.
        GivenUp = "given_up",
        /// Given back unharmed, as on SIGTERM.
        Released = "released",
        /// Not ended by this worker: lapsed, taken over, or the video was deleted.
        Lost = "lost",
    }

    /// A part of a job that is done.
    Stage {
        /// From the claim until decoding begins.
        Start = "start",
        /// Until the last fragment is encoded.
        Transcode = "transcode",
        /// Last parts, playlists, commit.
        End = "end",
    }

    /// What came of an attempt at a request to S3.
    S3Result {
        /// 1xx to 3xx.
        Ok = "ok",
        /// 412, or 409 where S3 was asked twice at once: a condition did not hold, as races are decided.
        PreconditionFailed = "precondition_failed",
        /// 404, also where it was expected.
        NotFound = "not_found",
        /// Another 4xx.
        ClientError = "client_error",
        /// 429 or 503: S3 asks to come again later.
        Throttled = "throttled",
        /// Another 5xx, or an answer that made no sense.
        ServerError = "server_error",
        /// No answer, or none in time.
        NoAnswer = "no_answer",
    }

    /// How an upload ended.
    UploadEnd {
        /// The original is stored, and its job queued.
        Stored = "stored",
        /// One request of several, whose bytes are recorded; more have to come.
        Continues = "continues",
        /// The request was at fault: no form, no file, too large.
        Refused = "refused",
        /// `MAX_UPLOADS` were under way.
        Busy = "busy",
        /// The client went away, or its form broke off.
        Broken = "broken",
        /// The server was at fault.
        Failed = "failed",
    }

    /// Which limit a request went over.
    RateKind {
        /// Uploads begun from one address.
        Upload = "upload",
        /// Uploads begun with one token.
        UploadToken = "upload_token",
        /// Signed URLs for one address.
        Signing = "signing",
        /// Signed URLs for one token.
        SigningToken = "signing_token",
        /// Wrong tokens from one address.
        FailedToken = "failed_token",
    }

    /// What came of an attempt to deliver an event.
    Attempt {
        /// The receiver took it.
        Delivered = "delivered",
        /// It did not, and another attempt follows.
        Failed = "failed",
        /// It did not, and no other follows.
        GivenUp = "given_up",
    }

    /// What a sweep deletes.
    SweptKind {
        /// An original whose video is done.
        Original = "original",
        /// An object of a take that no status names.
        TakeObject = "take_object",
        /// An unfinished multipart upload.
        Upload = "upload",
        /// An upload that expired, with all that is left of it.
        UploadInfo = "upload_info",
        /// What an upload left that no info names.
        UploadTail = "upload_tail",
        /// An object of a deleted video.
        DeletedVideo = "deleted_video",
        /// The record of a job that was given up and is done after all.
        DeadRecord = "dead_record",
        /// An event that nobody tried to deliver any more.
        Event = "event",
        /// What a self-test left that was not finished.
        SelfTest = "self_test",
    }
}
