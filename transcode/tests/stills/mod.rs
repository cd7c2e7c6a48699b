//! Posters and storyboards as ffmpeg sees them, held against the pictures of a video.
#![allow(dead_code, reason = "each test binary uses its part")]
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;

use transcode::Report;

use crate::oracle::field;

/// Most difference of a JPEG from the encoded video's picture, as a mean of all 255 levels of red, green and
/// blue: both lose detail, neither a colour.
const MOST_LEVELS: f64 = 6.0;
/// Smaller tiles share a block of the JPEG, and with it their colours.
const MIN_TILE_PX: u32 = 16;
/// Half a millisecond, and some for rounding.
const SAME_TIME_S: f64 = 0.00051;

/// Takes the sharpest edges, which chroma of half the size and each scaler draw in their own way.
const SOFTENED: &str = "format=gbrp,avgblur=2";

/// A cue of a storyboard.
#[derive(Debug, PartialEq)]
pub(crate) struct Cue {
    pub(crate) start_ms: u64,
    pub(crate) end_ms: u64,
    pub(crate) sheet: String,
    pub(crate) left: u32,
    pub(crate) top: u32,
    pub(crate) width: u32,
    pub(crate) height: u32,
}

/// Reads a storyboard (WebVTT; Media Fragments URI 1.0 §4.2.2); panics at anything that is no part of one.
pub(crate) fn cues(vtt: &str) -> Vec<Cue> {
    let mut blocks = vtt.trim_end().split("\n\n");
    assert_eq!(blocks.next(), Some("WEBVTT"));
    blocks.map(cue).collect()
}

fn cue(block: &str) -> Cue {
    let (times, address) = block.split_once('\n').unwrap();
    let (start, end) = times.split_once(" --> ").unwrap();
    let (sheet, place) = address.split_once("#xywh=").unwrap();
    let numbers: Vec<u32> = place.split(',').map(|n| n.parse().unwrap()).collect();
    let [left, top, width, height] = numbers[..] else {
        panic!("{block}");
    };
    Cue {
        start_ms: milliseconds(start),
        end_ms: milliseconds(end),
        sheet: sheet.to_owned(),
        left,
        top,
        width,
        height,
    }
}

fn milliseconds(time: &str) -> u64 {
    let (clock, fraction) = time.split_once('.').unwrap();
    assert_eq!(fraction.len(), 3, "{time}");
    let parts: Vec<u64> = clock.split(':').map(|part| part.parse().unwrap()).collect();
    let [hours, minutes, seconds] = parts[..] else {
        panic!("{time}");
    };
    assert!(minutes < 60 && seconds < 60, "{time}");
    ((hours * 60 + minutes) * 60 + seconds) * 1000 + fraction.parse::<u64>().unwrap()
}

/// The pictures that ffmpeg makes of a file with a filter: red, green and blue, one after the other.
pub(crate) fn rgb(path: &Path, filter: &str) -> Vec<u8> {
    let filter = format!("{filter},format=rgb24");
    let output = Command::new("ffmpeg")
        // Else sound that begins early would move the pictures.
        .args(["-v", "error", "-nostdin", "-copyts", "-i"])
        .arg(path)
        .args(["-vf", &filter, "-fps_mode", "passthrough"])
        .args(["-f", "rawvideo", "-"])
        .output()
        .unwrap();
    let complaints = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {complaints}", path.display());
    output.stdout
}

/// The pictures that a rendition shows from these times on, of the given size.
fn shown(rendition: &Path, times_ms: &[u64], (width, height): (u32, u32)) -> Vec<Vec<u8>> {
    let mut select = String::from("0");
    for at_ms in times_ms {
        let at_s = *at_ms as f64 / 1000.0;
        let (from, to) = (at_s - SAME_TIME_S, at_s + SAME_TIME_S);
        let _ = write!(select, "+between(t,{from},{to})");
    }
    let pictures = rgb(
        rendition,
        &format!(
            "select='{select}',scale={width}:{height}:flags=bicubic+accurate_rnd+full_chroma_int:\
             in_color_matrix=bt709:in_range=tv,{SOFTENED}"
        ),
    );
    let len = (width * height * 3) as usize;
    pictures.chunks(len).map(<[u8]>::to_vec).collect()
}

fn tile(folder: &Path, cue: &Cue) -> Vec<u8> {
    let Cue {
        left,
        top,
        width,
        height,
        ..
    } = cue;
    let crop = format!("format=rgb24,crop={width}:{height}:{left}:{top}:exact=1,{SOFTENED}");
    rgb(&folder.join(&cue.sheet), &crop)
}

/// The mean difference of two pictures, of 255 levels.
pub(crate) fn difference(a: &[u8], b: &[u8]) -> f64 {
    assert_eq!(a.len(), b.len());
    let sum: u64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| u64::from(a.abs_diff(*b)))
        .sum();
    sum as f64 / a.len() as f64
}

/// All that is wrong with the poster and the storyboard beside the renditions in `folder`.
pub(crate) fn check(folder: &Path, report: &Report) -> Vec<String> {
    let (Some(top), Some(poster), Some(board)) =
        (report.renditions.last(), report.poster, report.storyboard)
    else {
        return vec!["there is no poster, or no storyboard".into()];
    };
    let mut wrong = Vec::new();
    let mut expect = |what: &str, holds: bool, found: &dyn std::fmt::Debug| {
        if !holds {
            wrong.push(format!("{what}: {found:?}"));
        }
    };
    let size_of = |name: &str| field(&folder.join(name), "v", "codec_name,width,height,pix_fmt");
    let is_jpeg =
        |found: &str, width: u32, height: u32| found == format!("mjpeg,{width},{height},yuvj420p");

    let (width, height) = (poster.width_px, poster.height_px);
    let found = size_of("poster.jpg");
    expect("poster.jpg", is_jpeg(&found, width, height), &found);
    let top_side = top.width_px.max(top.height_px);
    expect(
        "the poster's longest side",
        width.max(height) == top_side.min(1280),
        &poster,
    );
    let shape = f64::from(top.width_px) / f64::from(top.height_px);
    let off_px = (f64::from(width) - f64::from(height) * shape).abs();
    let off_px = off_px.min((f64::from(height) - f64::from(width) / shape).abs());
    expect("the poster's shape", off_px <= 1.5, &poster);
    let rendition = folder.join(format!("{}.mp4", top.name));
    let picture = rgb(&folder.join("poster.jpg"), SOFTENED);
    match &shown(&rendition, &[poster.time_ms], (width, height))[..] {
        [expected] => {
            let levels = difference(&picture, expected);
            expect("the poster's picture", levels <= MOST_LEVELS, &levels);
        }
        found => expect("pictures at the poster's time", false, &found.len()),
    }

    let cues = cues(&fs::read_to_string(folder.join("storyboard.vtt")).unwrap());
    let mut end_ms = 0;
    for (index, cue) in (0..).zip(&cues) {
        expect("a cue's start", cue.start_ms == end_ms, cue);
        expect("a cue's end", cue.end_ms > cue.start_ms, cue);
        end_ms = cue.end_ms;
        let (sheet, place) = (
            index / (board.columns * board.rows),
            index % (board.columns * board.rows),
        );
        let expected = Cue {
            start_ms: cue.start_ms,
            end_ms: cue.end_ms,
            sheet: format!("storyboard-{sheet}.jpg"),
            left: place % board.columns * board.tile_width_px,
            top: place / board.columns * board.tile_height_px,
            width: board.tile_width_px,
            height: board.tile_height_px,
        };
        expect("a cue", *cue == expected, cue);
    }
    expect(
        "the last cue's end",
        end_ms == report.duration_ms.max(1),
        &end_ms,
    );
    expect("tiles", cues.len() == board.tiles as usize, &cues.len());
    let on_a_sheet = board.columns * board.rows;
    for sheet in 0..board.tiles.div_ceil(on_a_sheet) {
        let tiles = (board.tiles - sheet * on_a_sheet).min(on_a_sheet);
        let (width, height) = (
            board.columns * board.tile_width_px,
            tiles.div_ceil(board.columns) * board.tile_height_px,
        );
        let name = format!("storyboard-{sheet}.jpg");
        let found = size_of(&name);
        expect(&name, is_jpeg(&found, width, height), &found);
    }
    let times_ms: Vec<u64> = cues.iter().map(|cue| cue.start_ms).collect();
    let size = (board.tile_width_px, board.tile_height_px);
    let pictures = shown(&rendition, &times_ms, size);
    expect(
        "pictures at the tiles' times",
        pictures.len() == cues.len(),
        &pictures.len(),
    );
    let is_large = size.0.min(size.1) >= MIN_TILE_PX;
    for (cue, expected) in cues.iter().zip(&pictures).filter(|_| is_large) {
        let levels = difference(&tile(folder, cue), expected);
        expect("a tile's picture", levels <= MOST_LEVELS, &(levels, cue));
    }
    wrong
}
