//! Which streams are subtitles of text, and what each is called.

use ffmpeg_next as ffmpeg;
use ffmpeg_next::format::stream::{Disposition, Stream};
use ffmpeg_next::{codec, media};

use super::SubtitleStream;
use crate::subtitles::{Language, SubtitleTrack, Unnamed, name_tracks};

/// How the packets of a stream become cues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubtitleCodec {
    /// By libav's decoder, which makes events of SubStation Alpha of them.
    Libav(codec::Id),
    /// They are cues of WebVTT.
    WebVtt,
    /// They are boxes with cues of WebVTT.
    WebVttInMp4,
}

impl SubtitleCodec {
    /// None if the stream is no text, or cannot be read.
    fn of(stream: &Stream<'_>) -> Option<Self> {
        if stream.parameters().medium() != media::Type::Subtitle {
            // Of this one, libav knows not even that it is subtitles.
            return (&crate::ffi::codec_tag(stream) == b"wvtt").then_some(Self::WebVttInMp4);
        }
        match stream.parameters().id() {
            codec::Id::WEBVTT => Some(Self::WebVtt),
            id @ (codec::Id::SUBRIP
            | codec::Id::SRT
            | codec::Id::ASS
            | codec::Id::SSA
            | codec::Id::MOV_TEXT
            | codec::Id::TEXT) => codec::decoder::find(id).map(|_| Self::Libav(id)),
            _ => None,
        }
    }
}

/// The subtitles of text in the order of their streams, and how many others there are. Broadcasts and
/// camcorders announce streams of subtitles as a matter of form: those are not counted.
pub(super) fn describe_subtitles(
    input: &ffmpeg::format::context::Input,
) -> (Vec<SubtitleStream>, usize) {
    let found: Vec<_> = input
        .streams()
        .filter_map(|stream| Some((SubtitleCodec::of(&stream)?, stream)))
        .collect();
    let languages: Vec<_> = found
        .iter()
        .map(|(_, stream)| Language::stated(stream.metadata().get("language")?))
        .collect();
    let has = |stream: &Stream<'_>, what| stream.disposition().contains(what);
    let metadata: Vec<_> = found.iter().map(|(_, stream)| stream.metadata()).collect();
    let names = name_tracks(found.iter().zip(&languages).zip(&metadata).map(
        |(((_, stream), language), metadata)| Unnamed {
            title: metadata.get("title"),
            language: language.as_ref(),
            is_forced: has(stream, Disposition::FORCED),
        },
    ));
    let default = found
        .iter()
        .position(|(_, stream)| has(stream, Disposition::DEFAULT));
    let described = found.iter().zip(languages).zip(names).enumerate();
    let subtitles: Vec<_> = described
        .map(|(n, (((codec, stream), language), name))| SubtitleStream {
            track: SubtitleTrack {
                language: language.map(|language| language.tag),
                name,
                is_default: default == Some(n),
                is_forced: has(stream, Disposition::FORCED),
            },
            codec: *codec,
            index: stream.index(),
            time_base: stream.time_base(),
        })
        .collect();
    let is_subtitle = |stream: &Stream<'_>| stream.parameters().medium() == media::Type::Subtitle;
    let others = input
        .streams()
        .filter(|stream| is_subtitle(stream) && SubtitleCodec::of(stream).is_none());
    let unreadable = match crate::ffi::may_restart_clock(input) {
        true => 0,
        false => others.count(),
    };
    (subtitles, unreadable)
}
