//! The `ffmpeg` command lines that ours is compared with.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::bail;

use crate::settings::{Rung, Settings};

/// A command line of the `ffmpeg` CLI.
#[derive(Default)]
pub(crate) struct Ffmpeg(Vec<OsString>);

impl Ffmpeg {
    /// Reads a clip. Threads are left to the CLI, as most people leave them.
    pub(crate) fn read(settings: &Settings) -> Self {
        Self::default().options("-i").argument(&settings.clip)
    }

    /// Reads raw pictures from its standard input.
    pub(crate) fn read_raw() -> Self {
        Self::default().options("-f nut -i pipe:0")
    }

    /// Appends words that hold no spaces.
    pub(crate) fn options(mut self, words: &str) -> Self {
        self.0.extend(words.split_whitespace().map(OsString::from));
        self
    }

    pub(crate) fn argument(mut self, argument: impl Into<OsString>) -> Self {
        self.0.push(argument.into());
        self
    }

    /// Decoded pictures at each rung's size, as `[v0]`, `[v1]` …, by a scaler such as [`swscale`].
    pub(crate) fn split(self, settings: &Settings, rungs: &[Rung], scaler: Scaler) -> Self {
        let outputs: String = (0..rungs.len()).map(|at| format!("[s{at}]")).collect();
        let scaled = rungs.iter().enumerate().map(|(at, rung)| {
            let scaling = scaling(settings, rung, scaler).unwrap_or_else(|| "null".to_owned());
            format!(";[s{at}]{scaling}[v{at}]")
        });
        let graph = format!("[0:v:0]split={}{outputs}", rungs.len());
        let graph = graph + &scaled.collect::<String>();
        self.options("-filter_complex").argument(graph)
    }

    /// Passes each picture on, at its own time.
    pub(crate) fn every_picture(self, settings: &Settings) -> Self {
        let pictures = self.options("-fps_mode passthrough");
        match settings.uneven {
            Some(_) => pictures.options("-enc_time_base 1:90000"),
            None => pictures,
        }
    }

    /// The video encoder, told what ours told it.
    pub(crate) fn x264(self, settings: &Settings, rung: &Rung) -> anyhow::Result<Self> {
        let told = |name| rung.x264.get(name);
        let crf = told("crf")?;
        let (maxrate, bufsize) = (told("vbv_maxrate")?, told("vbv_bufsize")?);
        let rate = settings
            .uneven
            .map(|rate| format!(":fps={}/{}", rate.num, rate.den));
        let no_b_frames = match told("bframes")? {
            "0" => " -bf 0",
            _ => "",
        };
        Ok(self.every_picture(settings).options(&format!(
            "-c:v libx264 -preset {preset} -profile:v high -pix_fmt yuv420p -crf {crf} \
             -maxrate {maxrate}k -bufsize {bufsize}k{no_b_frames} \
             -forced-idr 1 -force_key_frames expr:gte(t,n_forced*2) \
             -x264-params keyint=infinite:scenecut=0:open-gop=0{rate} \
             -colorspace bt709 -color_primaries bt709 -color_trc bt709 -color_range tv",
            preset = settings.preset,
            rate = rate.unwrap_or_default(),
        )))
    }

    /// The clip's sound, encoded as ours does; nothing if it has none.
    pub(crate) fn aac(self, settings: &Settings) -> Self {
        match &settings.sound {
            Some(sound) => self.options(&format!(
                "-map 0:a:0 -c:a aac -b:a {} -ar {} -ac {}",
                sound.bitrate_bps, sound.sample_rate_hz, sound.channels
            )),
            None => self,
        }
    }

    /// Into a fragmented MP4 in a folder, as ours is.
    pub(crate) fn mp4(self, folder: &Path, rung: &Rung) -> Self {
        self.options("-movflags frag_keyframe+delay_moov+default_base_moof")
            .argument(file(folder, rung))
    }

    /// Into nothing.
    pub(crate) fn nowhere(self) -> Self {
        self.options("-f null -")
    }

    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new("ffmpeg");
        command.args(["-nostdin", "-hide_banner", "-loglevel", "error", "-y"]);
        command.args(&self.0);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// As typed into a shell, files by their bare names.
    pub(crate) fn shown(&self) -> String {
        let words = self.0.iter().map(|word| {
            let word = word.to_string_lossy();
            match Path::new(word.as_ref()).file_name() {
                Some(name) if word.starts_with('/') => name.to_string_lossy().into_owned(),
                _ if word.contains(['(', ';', '[', '*']) => format!("'{word}'"),
                _ => word.into_owned(),
            }
        });
        let words: Vec<String> = words.collect();
        format!("ffmpeg {}", words.join(" "))
    }
}

/// The file of a rung in a folder of outputs.
pub(crate) fn file(folder: &Path, rung: &Rung) -> PathBuf {
    folder.join(format!("{}.mp4", rung.name))
}

/// The filters to a width and a height in pixels.
pub(crate) type Scaler = fn(u32, u32) -> String;

/// What people use.
pub(crate) fn swscale(width_px: u32, height_px: u32) -> String {
    format!("scale={width_px}:{height_px}:flags=bicubic,setsar=1")
}

/// The least that scaling of that quality is known to take; ours uses it.
pub(crate) fn zimg(width_px: u32, height_px: u32) -> String {
    format!("zscale={width_px}:{height_px}:f=bicubic:param_a=0:param_b=0.6:cin=left:c=left")
}

/// The filters to a rung's size; none if the clip has it.
fn scaling(settings: &Settings, rung: &Rung, scaler: Scaler) -> Option<String> {
    let (width_px, height_px) = (rung.width_px, rung.height_px);
    ((settings.width_px, settings.height_px) != (width_px, height_px))
        .then(|| scaler(width_px, height_px))
}

/// One process that decodes once and makes every rung, each with its sound.
pub(crate) fn one_process(settings: &Settings, folder: &Path) -> anyhow::Result<Ffmpeg> {
    let mut ffmpeg = Ffmpeg::read(settings).split(settings, &settings.rungs, swscale);
    for (at, rung) in settings.rungs.iter().enumerate() {
        ffmpeg = ffmpeg.options(&format!("-map [v{at}]"));
        ffmpeg = ffmpeg.x264(settings, rung)?.aac(settings).mp4(folder, rung);
    }
    Ok(ffmpeg)
}

/// A process that makes one rung.
pub(crate) fn one_rung(settings: &Settings, rung: &Rung, folder: &Path) -> anyhow::Result<Ffmpeg> {
    let mut ffmpeg = Ffmpeg::read(settings).options("-map 0:v:0");
    if let Some(scaling) = scaling(settings, rung, swscale) {
        ffmpeg = ffmpeg.options("-vf").argument(scaling);
    }
    Ok(ffmpeg.x264(settings, rung)?.aac(settings).mp4(folder, rung))
}

/// What `ffprobe` says of a file's first video stream, comma-separated.
pub(crate) fn probe(file: &Path, entries: &[&str]) -> anyhow::Result<String> {
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-of", "csv=p=0"])
        .args(entries)
        .arg(file)
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    match text.lines().next() {
        Some(line) => Ok(line.trim_end_matches(',').to_owned()),
        None => bail!(
            "ffprobe says nothing of {}: {}",
            file.display(),
            String::from_utf8_lossy(&output.stderr)
        ),
    }
}
