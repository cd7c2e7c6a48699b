//! A take's playlists in the video bucket: written by the worker, read and signed for viewers.

use futures::future::try_join_all;

use crate::keys::Object;
use crate::package::{self, Rendition};
use crate::{Error, FailPoint, RungName, Status, Store, SubtitleTrack, Take, VideoId};

impl Store {
    /// Writes the playlists of a take whose renditions and subtitles are all there: side by side, and the master, which
    /// names them, when all of them are there.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn write_playlists(
        &self,
        id: VideoId,
        take: &Take,
        renditions: &[Rendition],
        subtitles: &[SubtitleTrack],
    ) -> Result<(), Error> {
        let duration_s = renditions.first().map_or(0.0, Rendition::duration_s);
        let of_subtitles = subtitles.iter().map(|track| {
            let object = Object::SubtitlePlaylist(id, take, track.index);
            (object, track.playlist(duration_s))
        });
        let playlists = renditions.iter().flat_map(|rendition| {
            let rung = &rendition.name;
            let media = (Object::MediaPlaylist(id, take, rung), rendition.playlist());
            let iframe = rendition
                .iframe_playlist()
                .map(|text| (Object::IframePlaylist(id, take, rung), text));
            std::iter::once(media).chain(iframe)
        });
        try_join_all(
            playlists
                .chain(of_subtitles)
                .map(|(object, text)| async move { self.write(&object, text).await }),
        )
        .await?;
        FailPoint::PlaylistsStored.reached(id);
        let master = package::master_playlist(renditions, subtitles);
        self.write(&Object::Master(id, take), master).await?;
        FailPoint::MasterStored.reached(id);
        Ok(())
    }

    /// The master playlist. Its URIs are relative: `<rung>.m3u8` and `<rung>-iframes.m3u8` beside it.
    ///
    /// # Errors
    /// [`Error::Missing`] until the video is done.
    pub async fn master_playlist(&self, status: &Status) -> Result<String, Error> {
        let take = match status.qualities.first() {
            Some(rung) => status.take_with(rung)?,
            None => {
                return Err(Error::Missing(format!(
                    "the playlist of video {}",
                    status.id
                )));
            }
        };
        let object = Object::Master(status.id, take);
        let stored = self.read_kept(&object).await?;
        String::from_utf8(stored.into()).map_err(|error| Error::Corrupt {
            key: object.key(),
            reason: error.to_string(),
        })
    }

    /// A media playlist that names a freshly presigned URL of the MP4, absolute or origin-relative as the
    /// settings say.
    ///
    /// # Errors
    /// [`Error::Missing`] when the video has no such rendition (yet).
    pub async fn media_playlist(&self, status: &Status, rung: &RungName) -> Result<String, Error> {
        let take = status.take_with(rung)?;
        self.signed_playlist(status, rung, &Object::MediaPlaylist(status.id, take, rung))
            .await
    }

    /// The I-frame playlist, signed like [`media_playlist`](Self::media_playlist).
    ///
    /// # Errors
    /// [`Error::Missing`] when the video has no such rendition (yet).
    pub async fn iframe_playlist(&self, status: &Status, rung: &RungName) -> Result<String, Error> {
        let take = status.take_with(rung)?;
        self.signed_playlist(status, rung, &Object::IframePlaylist(status.id, take, rung))
            .await
    }

    async fn signed_playlist(
        &self,
        status: &Status,
        rung: &RungName,
        object: &Object<'_>,
    ) -> Result<String, Error> {
        let stored = self.read_kept(object).await?;
        let url = self.rendition_url(status, rung, None).await?;
        let uri = match self.settings().origin_relative_urls {
            true => url.origin_relative(),
            false => url.expose().to_owned(),
        };
        package::with_media_uri(&stored, &uri).ok_or_else(|| Error::Corrupt {
            key: object.key(),
            reason: "no media playlist".into(),
        })
    }
}
