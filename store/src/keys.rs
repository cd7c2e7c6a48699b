//! Every object there is: its bucket, its key, its content type and how long it may be cached.
//!
//! | bucket | key | |
//! |---|---|---|
//! | raw | `uploads/<id>.orig` | the original |
//! | raw | `uploads/<id>.info` | how far an upload is that takes several requests |
//! | raw | `uploads/<id>.tail.<nonce>` | what of it does not fill a part yet |
//! | raw | `queue/<id>` | job marker; its ETag is the claim |
//! | raw | `dead/<id>` | marker of a job that used up its attempts |
//! | raw | `deleted/<id>` | tombstone of a deleted video |
//! | raw | `webhooks/<id>/<take>` | event that is to be delivered: how that take ended |
//! | raw | `index/<inverted ms>-<id>` | newest first by one LIST |
//! | raw | `self-test/<nonce>` | what a process tries conditional writes on at its start; deleted at once |
//! | video | `videos/<id>/status.json` | what is true |
//! | video | `videos/<id>/<take>/…` | one take's renditions, playlists and extras; immutable |

use crate::extra::ExtraName;
use crate::id::{RungName, Take, VideoId};
use crate::package::{MASTER_NAME, PLAYLIST_TYPE, iframe_playlist_name, media_name, playlist_name};
use crate::settings::Settings;
use crate::subtitles;

/// What never changes may be kept by every cache for good.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// What changes must be asked for again.
const REVALIDATE: &str = "no-cache";

/// An object by what it means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Object<'a> {
    Original(VideoId),
    UploadInfo(VideoId),
    UploadTail(VideoId, &'a str),
    Marker(VideoId),
    Dead(VideoId),
    Tombstone(VideoId),
    Event(VideoId, &'a Take),
    Index(VideoId),
    Status(VideoId),
    Rendition(VideoId, &'a Take, &'a RungName),
    Master(VideoId, &'a Take),
    MediaPlaylist(VideoId, &'a Take, &'a RungName),
    IframePlaylist(VideoId, &'a Take, &'a RungName),
    Extra(VideoId, &'a Take, ExtraName),
    SubtitlePlaylist(VideoId, &'a Take, u32),
    /// Written by the self-test and deleted.
    SelfTest(&'a str),
}

/// Where LISTs look.
pub(crate) mod prefix {
    pub(crate) const ORIGINALS: &str = "uploads/";
    pub(crate) const QUEUE: &str = "queue/";
    pub(crate) const DEAD: &str = "dead/";
    pub(crate) const DELETED: &str = "deleted/";
    pub(crate) const EVENTS: &str = "webhooks/";
    pub(crate) const INDEX: &str = "index/";
    pub(crate) const SELF_TESTS: &str = "self-test/";
    pub(crate) const VIDEOS: &str = "videos/";
}

impl Object<'_> {
    pub(crate) fn bucket<'s>(&self, settings: &'s Settings) -> &'s str {
        match self {
            Self::Original(_)
            | Self::UploadInfo(_)
            | Self::UploadTail(..)
            | Self::Marker(_)
            | Self::Dead(_)
            | Self::Tombstone(_)
            | Self::Event(..)
            | Self::Index(_)
            | Self::SelfTest(_) => &settings.raw_bucket,
            Self::Status(_)
            | Self::Rendition(..)
            | Self::Master(..)
            | Self::MediaPlaylist(..)
            | Self::IframePlaylist(..)
            | Self::Extra(..)
            | Self::SubtitlePlaylist(..) => &settings.video_bucket,
        }
    }

    pub(crate) fn key(&self) -> String {
        match self {
            Self::Original(id) => format!("{}{id}.orig", prefix::ORIGINALS),
            Self::UploadInfo(id) => format!("{}info", upload_prefix(*id)),
            Self::UploadTail(id, nonce) => upload_tail_prefix(*id) + nonce,
            Self::Marker(id) => format!("{}{id}", prefix::QUEUE),
            Self::Dead(id) => format!("{}{id}", prefix::DEAD),
            Self::Tombstone(id) => format!("{}{id}", prefix::DELETED),
            Self::Event(id, take) => format!("{}{take}", events_prefix(*id)),
            // 48 bits counted down: the newest sorts first.
            Self::Index(id) => format!(
                "{}{:012x}-{id}",
                prefix::INDEX,
                0xffff_ffff_ffff - id.created_at_ms()
            ),
            Self::Status(id) => format!("{}{id}/status.json", prefix::VIDEOS),
            Self::Rendition(id, take, rung) => take_prefix(*id, take) + &media_name(rung),
            Self::Master(id, take) => take_prefix(*id, take) + MASTER_NAME,
            Self::MediaPlaylist(id, take, rung) => take_prefix(*id, take) + &playlist_name(rung),
            Self::IframePlaylist(id, take, rung) => {
                take_prefix(*id, take) + &iframe_playlist_name(rung)
            }
            Self::Extra(id, take, name) => take_prefix(*id, take) + &name.to_string(),
            Self::SubtitlePlaylist(id, take, index) => {
                take_prefix(*id, take) + &subtitles::playlist_name(*index)
            }
            Self::SelfTest(nonce) => format!("{}{nonce}", prefix::SELF_TESTS),
        }
    }

    /// The content type it is stored with. An original's is chosen at its upload
    /// ([`original_content_type`]).
    pub(crate) fn content_type(&self) -> &'static str {
        match self {
            Self::Original(_) | Self::UploadTail(..) | Self::Index(_) => "application/octet-stream",
            Self::UploadInfo(_)
            | Self::Marker(_)
            | Self::Dead(_)
            | Self::Tombstone(_)
            | Self::Event(..)
            | Self::Status(_) => "application/json",
            Self::Rendition(..) => "video/mp4",
            Self::Master(..)
            | Self::MediaPlaylist(..)
            | Self::IframePlaylist(..)
            | Self::SubtitlePlaylist(..) => PLAYLIST_TYPE,
            Self::Extra(_, _, name) => name.content_type(),
            Self::SelfTest(_) => "text/plain",
        }
    }

    pub(crate) fn cache_control(&self) -> &'static str {
        match self {
            Self::Rendition(..)
            | Self::Master(..)
            | Self::MediaPlaylist(..)
            | Self::IframePlaylist(..)
            | Self::Extra(..)
            | Self::SubtitlePlaylist(..)
            | Self::Original(_) => IMMUTABLE,
            _ => REVALIDATE,
        }
    }
}

/// The folder of a take: `videos/<id>/<take>/`.
pub(crate) fn take_prefix(id: VideoId, take: &Take) -> String {
    format!("{}{take}/", video_prefix(id))
}

/// The id in `uploads/<id>.orig`; none in any other key.
pub(crate) fn original_id(key: &str) -> Option<VideoId> {
    video_of(key).filter(|id| Object::Original(*id).key() == key)
}

/// The id in `uploads/<id>.info`; none in any other key.
pub(crate) fn upload_info_id(key: &str) -> Option<VideoId> {
    video_of(key).filter(|id| Object::UploadInfo(*id).key() == key)
}

/// The id and the nonce in `uploads/<id>.tail.<nonce>`; none in any other key.
pub(crate) fn upload_tail_of(key: &str) -> Option<(VideoId, &str)> {
    let id = video_of(key)?;
    let nonce = key.strip_prefix(&upload_tail_prefix(id))?;
    Some((id, nonce))
}

/// The video that a key of either bucket belongs to; none for any other key.
pub(crate) fn video_of(key: &str) -> Option<VideoId> {
    let (folder, rest) = key.split_once('/')?;
    let id = match folder {
        "queue" | "dead" | "deleted" => rest,
        "uploads" => rest.split('.').next()?,
        "videos" | "webhooks" => rest.split('/').next()?,
        "index" => rest.split_once('-')?.1,
        _ => return None,
    };
    id.parse().ok()
}

/// Where all that is uploaded for a video lies: `uploads/<id>.`.
pub(crate) fn upload_prefix(id: VideoId) -> String {
    format!("{}{id}.", prefix::ORIGINALS)
}

/// Where the tails of an upload lie: `uploads/<id>.tail.`.
pub(crate) fn upload_tail_prefix(id: VideoId) -> String {
    format!("{}tail.", upload_prefix(id))
}

/// Where a video's events wait for their delivery: `webhooks/<id>/`.
pub(crate) fn events_prefix(id: VideoId) -> String {
    format!("{}{id}/", prefix::EVENTS)
}

/// The id and the take in `webhooks/<id>/<take>`; none in any other key.
pub(crate) fn event_of(key: &str) -> Option<(VideoId, Take)> {
    let (id, take) = key.strip_prefix(prefix::EVENTS)?.split_once('/')?;
    Some((id.parse().ok()?, take.parse().ok()?))
}

/// The folder of a video: `videos/<id>/`.
pub(crate) fn video_prefix(id: VideoId) -> String {
    format!("{}{id}/", prefix::VIDEOS)
}

/// The id and the take in `videos/<id>/<take>/…`; none in any other key.
pub(crate) fn take_of(key: &str) -> Option<(VideoId, Take)> {
    let mut parts = key.strip_prefix(prefix::VIDEOS)?.split('/');
    let id = parts.next()?.parse().ok()?;
    let take = parts.next()?.parse().ok()?;
    parts.next()?;
    Some((id, take))
}

/// The content type an original is stored and served with: by its name's extension. Never the client's
/// word: a file that calls itself a page must not become a page on our origin. Whatever is added here, the
/// embedded S3's front has to let through.
pub(crate) fn original_content_type(filename: &str) -> &'static str {
    let extension = filename.rsplit_once('.').map(|(_, extension)| extension);
    match extension.unwrap_or_default().to_ascii_lowercase().as_str() {
        "mp4" | "m4v" => "video/mp4",
        "mov" => "video/quicktime",
        "webm" => "video/webm",
        "mkv" => "video/x-matroska",
        "avi" => "video/x-msvideo",
        "flv" => "video/x-flv",
        "ts" | "mts" | "m2ts" => "video/mp2t",
        "mpg" | "mpeg" => "video/mpeg",
        "ogv" => "video/ogg",
        "3gp" => "video/3gpp",
        "wmv" => "video/x-ms-wmv",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_read_back() {
        let (id, take) = (VideoId::new(), Take::new());
        let rung: RungName = "720p".parse().unwrap();
        assert_eq!(original_id(&Object::Original(id).key()), Some(id));
        assert_eq!(
            take_of(&Object::Rendition(id, &take, &rung).key()),
            Some((id, take.clone()))
        );
        assert_eq!(take_of(&Object::Status(id).key()), None);
        let (info, tail) = (Object::UploadInfo(id), Object::UploadTail(id, "0"));
        assert_eq!(info.key(), format!("uploads/{id}.info"));
        assert_eq!(tail.key(), format!("uploads/{id}.tail.0"));
        assert_eq!(upload_info_id(&info.key()), Some(id));
        assert_eq!(upload_tail_of(&tail.key()), Some((id, "0")));
        for other in [&info, &tail, &Object::Marker(id)] {
            assert_eq!(original_id(&other.key()), None, "{other:?}");
        }
        for other in [&Object::Original(id), &tail] {
            assert_eq!(upload_info_id(&other.key()), None, "{other:?}");
        }
        assert_eq!(upload_tail_of(&info.key()), None);
        assert_eq!(
            event_of(&Object::Event(id, &take).key()),
            Some((id, take.clone()))
        );
        for object in [
            Object::Original(id),
            info,
            tail,
            Object::Marker(id),
            Object::Dead(id),
            Object::Tombstone(id),
            Object::Event(id, &take),
            Object::Index(id),
            Object::Status(id),
            Object::Master(id, &take),
        ] {
            assert_eq!(video_of(&object.key()), Some(id), "{object:?}");
        }
        assert_eq!(video_of(&Object::SelfTest("0").key()), None);
    }

    #[test]
    fn the_index_lists_the_newest_first() {
        let older: VideoId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        assert!(Object::Index(VideoId::new()).key() < Object::Index(older).key());
    }

    #[test]
    fn only_the_extension_of_a_video_names_a_type() {
        assert_eq!(original_content_type("a film.MP4"), "video/mp4");
        assert_eq!(original_content_type("clip.tar.mkv"), "video/x-matroska");
        for name in ["page.html", "picture.svg", "mp4", "video.mp4.html", ""] {
            assert_eq!(
                original_content_type(name),
                "application/octet-stream",
                "{name}"
            );
        }
    }
}
