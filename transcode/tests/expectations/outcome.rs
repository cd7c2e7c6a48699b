//! One clip: transcoded, then compared with its row.

use std::fmt::Debug;
use std::fs;
use std::path::Path;
use std::time::Instant;

use transcode::{Control, Error, FolderSink, Options, Report, Source, SubtitleTrack};

use crate::rendition::{self, Rendition};
use crate::table::{Check, Done, Expected, Row};
use crate::{picture, sound, stills};

pub(crate) struct Verdict {
    /// What came out, in a line.
    pub(crate) said: String,
    pub(crate) failures: Vec<String>,
}

pub(crate) fn judge(row: &Row, path: &Path) -> Verdict {
    let mut failures = Vec::new();
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    failures.extend(row.check_bytes(&bytes).err());
    drop(bytes);

    let folder = tempfile::tempdir().unwrap();
    let sink = FolderSink::new(folder.path()).unwrap();
    let started = Instant::now();
    let source = Source::path(path).unwrap();
    let result = transcode::transcode(source, &Options::default(), &sink, &Control::default());
    let took_s = started.elapsed().as_secs_f64();

    let said = match (&row.expect, result) {
        (Expected::Refused(expected), Err(error)) => {
            let found = error_name(&error);
            if &found != expected {
                failures.push(format!("refused as {found}, expected {expected}: {error}"));
            }
            format!("refused: {found}")
        }
        (Expected::Refused(expected), Ok(report)) => {
            failures.push(format!("done, but expected to be refused as {expected}"));
            describe(&report)
        }
        (Expected::Done(_), Err(error)) => {
            failures.push(format!("refused: {error} ({error:?})"));
            format!("refused: {}", error_name(&error))
        }
        (Expected::Done(done), Ok(report)) => {
            let files = compare(done, &report, folder.path(), &mut failures);
            failures.extend(stills::check(folder.path(), &report));
            for check in &row.checks {
                failures.extend(look(*check, row, path, &files));
            }
            describe(&report)
        }
    };
    Verdict {
        said: format!("{took_s:6.1} s  {said}"),
        failures,
    }
}

/// The name of the library's variant: stable, and the same for every file of its kind.
fn error_name(error: &Error) -> String {
    match error {
        Error::Input(reason) => variant_name(reason),
        other => format!("{other:?}"),
    }
}

fn variant_name(variant: &impl Debug) -> String {
    let text = format!("{variant:?}");
    let is_name = |c: char| c.is_alphanumeric();
    text.chars().take_while(|c| is_name(*c)).collect()
}

fn describe(report: &Report) -> String {
    let sizes: Vec<String> = report.renditions.iter().map(size).collect();
    let warnings: Vec<String> = report.warnings.iter().map(variant_name).collect();
    format!(
        "{:.3} s of {} {}",
        report.duration_ms as f64 / 1000.0,
        sizes.join(" "),
        warnings.join(" ")
    )
}

fn size(rendition: &transcode::Rendition) -> String {
    let copied = if rendition.copied { " copied" } else { "" };
    format!("{}x{}{copied}", rendition.width_px, rendition.height_px)
}

fn subtitles(track: &SubtitleTrack) -> String {
    let language = track.language.as_deref().unwrap_or("-");
    let is_default = if track.is_default { " default" } else { "" };
    let is_forced = if track.is_forced { " forced" } else { "" };
    format!("{language} {}{is_default}{is_forced}", track.name)
}

/// Compares what holds for every clip; gives the renditions for closer looks.
fn compare(
    done: &Done,
    report: &Report,
    folder: &Path,
    failures: &mut Vec<String>,
) -> Vec<Rendition> {
    let sizes: Vec<String> = report.renditions.iter().map(size).collect();
    if sizes != done.renditions {
        failures.push(format!(
            "renditions {sizes:?}, expected {:?}",
            done.renditions
        ));
    }
    let warnings: Vec<String> = report.warnings.iter().map(variant_name).collect();
    if warnings != done.warnings {
        failures.push(format!(
            "warnings {warnings:?}, expected {:?}",
            done.warnings
        ));
    }
    let subtitles: Vec<String> = report.subtitles.iter().map(subtitles).collect();
    if subtitles != done.subtitles {
        failures.push(format!(
            "subtitles {subtitles:?}, expected {:?}",
            done.subtitles
        ));
    }
    let [shortest, longest] = done.duration_ms;
    if !(shortest..=longest).contains(&report.duration_ms) {
        let found = report.duration_ms;
        failures.push(format!("{found} ms, expected {shortest} to {longest}"));
    }
    let files: Vec<Rendition> = report
        .renditions
        .iter()
        .map(|reported| Rendition::read(folder, reported))
        .collect();
    for file in &files {
        let found = rendition::check(file, done, report);
        failures.extend(
            found
                .into_iter()
                .map(|what| format!("{}: {what}", file.name)),
        );
    }
    let keyframes_differ = |pair: &[Rendition]| {
        let [lower, upper] = [&pair[0], &pair[1]].map(|file| file.keyframes_s());
        match pair[1].copied {
            // The source may have more of them than fragments start with.
            true => lower.iter().any(|at| !upper.contains(at)),
            false => lower != upper,
        }
    };
    if let Some(pair) = files.windows(2).find(|pair| keyframes_differ(pair)) {
        failures.push(format!(
            "IDR frames at {:?} in {}, at {:?} in {}",
            pair[0].keyframes_s(),
            pair[0].name,
            pair[1].keyframes_s(),
            pair[1].name
        ));
    }
    files
}

/// Looks closer; names the rendition and the check in what it finds.
fn look(check: Check, row: &Row, source: &Path, files: &[Rendition]) -> Vec<String> {
    let least_ssim = row.least_ssim;
    // All renditions carry the same sound.
    let is_of_sound = matches!(
        check,
        Check::SoundInPlace | Check::DownMixed | Check::SoundUnbroken
    );
    let from = if is_of_sound { files.len() - 1 } else { 0 };
    let found = files[from..].iter().filter_map(|file| {
        let what = match check {
            Check::Upright => picture::upright(source, file, least_ssim),
            Check::ToneMapped => picture::tone_mapped(source, file, least_ssim),
            Check::SquarePixels => picture::square_pixels(source, file, least_ssim),
            Check::LimitedRange => picture::limited_range(source, file),
            Check::Deinterlaced => picture::deinterlaced(source, file),
            Check::OverBlack => picture::over_black(file),
            Check::SoundInPlace => sound::in_place(source, file),
            Check::DownMixed => sound::down_mixed(source, file),
            Check::SoundUnbroken => sound::unbroken(file),
        };
        what.map(|what| format!("{}, {check:?}: {what}", file.name))
    });
    found.collect()
}
