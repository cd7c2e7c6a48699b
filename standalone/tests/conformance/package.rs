//! A package as a player gets it: from the master playlist's address to every byte range.

use std::collections::BTreeMap;

use reqwest::Url;

use crate::hls::{ByteRange, MasterPlaylist, MediaPlaylist, SubtitlePlaylist, Variant};
use crate::http::{Answer, Http};
use crate::violations::Violations;

/// What was fetched, and what was wrong with its playlists' syntax.
pub(crate) struct Package {
    pub(crate) master: MasterPlaylist,
    pub(crate) rungs: Vec<Rung>,
    /// I-frame streams that belong to no rung.
    pub(crate) strays: Vec<String>,
    pub(crate) subtitles: Vec<Subtitles>,
    pub(crate) playlists: Vec<PlaylistAnswers>,
    pub(crate) ranges: Vec<RangeAnswer>,
    pub(crate) syntax: Violations,
}

/// Whose pictures a rung has, and so where its IDR frames are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pictures {
    /// Encoded, with IDR frames on our own grid.
    Encoded,
    /// Encoded beside a copied rung, with IDR frames at some of the original's.
    BesideCopied,
    /// The original's own.
    Copied,
}

/// A variant stream and its media.
pub(crate) struct Rung {
    /// The playlist's name: `360p.m3u8`.
    pub(crate) name: String,
    pub(crate) url: Url,
    pub(crate) variant: Variant,
    pub(crate) pictures: Pictures,
    pub(crate) playlist: MediaPlaylist,
    pub(crate) iframes: Option<Iframes>,
    /// The whole file, put together from the ranges that were asked for.
    pub(crate) file: Vec<u8>,
    /// How long the server says that it is.
    pub(crate) file_len_bytes: Option<u64>,
}

pub(crate) struct Iframes {
    pub(crate) name: String,
    pub(crate) variant: Variant,
    pub(crate) playlist: MediaPlaylist,
    /// The bytes of each I-frame.
    pub(crate) pictures: Vec<Vec<u8>>,
}

/// A track of subtitles: its playlist, and what came of each of its segments.
pub(crate) struct Subtitles {
    /// The playlist's name: `subtitles-0.m3u8`.
    pub(crate) name: String,
    pub(crate) playlist: SubtitlePlaylist,
    pub(crate) texts: Vec<Answer>,
}

/// The ways to ask for one playlist.
pub(crate) struct PlaylistAnswers {
    pub(crate) name: String,
    pub(crate) plain: Answer,
    pub(crate) zipped: Answer,
    pub(crate) head: Answer,
}

/// A ranged request for media.
pub(crate) struct RangeAnswer {
    /// `360p.m3u8, segment 2`.
    pub(crate) place: String,
    pub(crate) url: Url,
    pub(crate) range: ByteRange,
    pub(crate) answer: Answer,
}

impl Package {
    pub(crate) async fn fetch(master_url: &str) -> Self {
        let mut player = Player {
            http: Http::new(),
            playlists: Vec::new(),
            ranges: Vec::new(),
        };
        let mut syntax = Violations::default();
        let master_url = Url::parse(master_url).unwrap();
        let text = player.playlist(&master_url).await;
        let (master, wrong) = MasterPlaylist::read(&text);
        syntax.add_all("master.m3u8", wrong);

        let mut rungs = Vec::new();
        for variant in &master.variants {
            let (name, url, playlist) = player
                .media_playlist(&master_url, variant, &mut syntax)
                .await;
            let file = player.file(&name, &url, &playlist).await;
            let last = player.ranges.last();
            rungs.push(Rung {
                file_len_bytes: last.and_then(|last| last.answer.total_len_bytes()),
                name,
                url,
                variant: variant.clone(),
                pictures: Pictures::Encoded,
                playlist,
                iframes: None,
                file,
            });
        }
        let mut strays = Vec::new();
        for variant in &master.iframe_variants {
            let (name, url, playlist) = player
                .media_playlist(&master_url, variant, &mut syntax)
                .await;
            let owner = rungs.iter_mut().find(|rung| {
                media_path(&rung.url, &rung.playlist) == media_path(&url, &playlist)
                    && rung.iframes.is_none()
            });
            let Some(owner) = owner else {
                strays.push(name);
                continue;
            };
            let pictures = player.segments(&name, &url, &playlist).await;
            owner.iframes = Some(Iframes {
                name,
                variant: variant.clone(),
                playlist,
                pictures,
            });
        }
        let mut subtitles = Vec::new();
        for rendition in &master.subtitles {
            let url = master_url.join(&rendition.uri).unwrap();
            subtitles.push(player.subtitles(&url, &mut syntax).await);
        }
        Self {
            master,
            rungs,
            strays,
            subtitles,
            playlists: player.playlists,
            ranges: player.ranges,
            syntax,
        }
    }

    /// Remembers that a rung's pictures are the original's: no playlist tells.
    pub(crate) fn copied(mut self, name: &str) -> Self {
        for rung in &mut self.rungs {
            rung.pictures = match rung.name == name {
                true => Pictures::Copied,
                false => Pictures::BesideCopied,
            };
        }
        self
    }
}

/// Which file a playlist cuts into ranges; its signature may differ from one playlist to another.
fn media_path(playlist_url: &Url, playlist: &MediaPlaylist) -> Option<String> {
    let (uri, _) = playlist.map.as_ref()?;
    let url = playlist_url.join(uri).ok()?;
    Some(url.path().to_owned())
}

/// The last component of a URL's path.
fn name_of(url: &Url) -> String {
    url.path().rsplit('/').next().unwrap_or_default().to_owned()
}

struct Player {
    http: Http,
    playlists: Vec<PlaylistAnswers>,
    ranges: Vec<RangeAnswer>,
}

impl Player {
    async fn playlist(&mut self, url: &Url) -> String {
        let answers = PlaylistAnswers {
            name: name_of(url),
            plain: self.http.get(url).await,
            zipped: self.http.get_zipped(url).await,
            head: self.http.head(url).await,
        };
        let text = String::from_utf8_lossy(&answers.plain.body).into_owned();
        self.playlists.push(answers);
        text
    }

    async fn media_playlist(
        &mut self,
        master_url: &Url,
        variant: &Variant,
        syntax: &mut Violations,
    ) -> (String, Url, MediaPlaylist) {
        let url = master_url.join(&variant.uri).unwrap();
        let name = name_of(&url);
        let (playlist, wrong) = MediaPlaylist::read(&self.playlist(&url).await);
        syntax.add_all(&name, wrong);
        (name, url, playlist)
    }

    async fn subtitles(&mut self, url: &Url, syntax: &mut Violations) -> Subtitles {
        let name = name_of(url);
        let (playlist, wrong) = SubtitlePlaylist::read(&self.playlist(url).await);
        syntax.add_all(&name, wrong);
        let mut texts = Vec::new();
        for (uri, _) in &playlist.segments {
            texts.push(self.http.get(&url.join(uri).unwrap()).await);
        }
        Subtitles {
            name,
            playlist,
            texts,
        }
    }

    async fn range(&mut self, place: String, url: Url, range: ByteRange) -> &Answer {
        let answer = self.http.get_range(&url, range).await;
        self.ranges.push(RangeAnswer {
            place,
            url,
            range,
            answer,
        });
        &self.ranges[self.ranges.len() - 1].answer
    }

    async fn segments(&mut self, name: &str, url: &Url, playlist: &MediaPlaylist) -> Vec<Vec<u8>> {
        let mut bodies = Vec::new();
        for (number, segment) in playlist.segments.iter().enumerate() {
            let place = format!("{name}, segment {number}");
            let url = url.join(&segment.uri).unwrap();
            let answer = self.range(place, url, segment.range).await;
            bodies.push(answer.body.clone());
        }
        bodies
    }

    /// The initialisation section, what stands between it and the first segment (a player of the
    /// whole file reads the indexes there), and all segments, each where it belongs.
    async fn file(&mut self, name: &str, url: &Url, playlist: &MediaPlaylist) -> Vec<u8> {
        let mut parts = BTreeMap::new();
        if let Some((uri, map)) = &playlist.map {
            let media = url.join(uri).unwrap();
            let place = format!("{name}, EXT-X-MAP");
            let init = self.range(place, media.clone(), *map).await;
            parts.insert(map.offset_bytes, init.body.clone());
            let first = playlist.segments.first().map(|first| first.range);
            let len_bytes = first.and_then(|first| first.offset_bytes.checked_sub(map.end()));
            if let Some(len_bytes) = len_bytes.filter(|len| *len > 0) {
                let range = ByteRange {
                    offset_bytes: map.end(),
                    len_bytes,
                };
                let place = format!("{name}, indexes");
                let indexes = self.range(place, media, range).await;
                parts.insert(range.offset_bytes, indexes.body.clone());
            }
        }
        let bodies = self.segments(name, url, playlist).await;
        let offsets = playlist.segments.iter().map(|s| s.range.offset_bytes);
        parts.extend(offsets.zip(bodies));
        let mut file = Vec::new();
        for (offset_bytes, body) in parts.into_iter().filter(|(_, body)| !body.is_empty()) {
            file.resize(offset_bytes as usize, 0);
            file.extend(body);
        }
        file
    }
}
