//! A take's playlists in the video bucket: written by the worker, read and signed for viewers.

use crate::keys::Object;
use crate::package::{self, Rendition};
use crate::{Error, RungName, Status, Store, Take, VideoId};

impl Store {
    /// Writes the playlists of a take whose renditions are all there; the master last.
    ///
    /// # Errors
    /// [`Error::Unavailable`] and its kin when S3 does not answer.
    pub async fn write_playlists(
        &self,
        id: VideoId,
        take: &Take,
        renditions: &[Rendition],
    ) -> Result<(), Error> {
        for rendition in renditions {
            let rung = &rendition.name;
            self.write(&Object::MediaPlaylist(id, take, rung), rendition.playlist())
                .await?;
            if let Some(text) = rendition.iframe_playlist() {
                self.write(&Object::IframePlaylist(id, take, rung), text)
                    .await?;
            }
        }
        self.write(
            &Object::Master(id, take),
            package::master_playlist(renditions),
        )
        .await
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
        String::from_utf8(self.read_playlist(&object).await?).map_err(|error| Error::Corrupt {
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
        let stored = self.read_playlist(object).await?;
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

    async fn read_playlist(&self, object: &Object<'_>) -> Result<Vec<u8>, Error> {
        let fetched = self.read(object).await?;
        fetched
            .map(|fetched| fetched.body.to_vec())
            .ok_or_else(|| Error::Missing(object.key()))
    }
}
