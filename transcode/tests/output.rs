//! What comes out for the files people upload, judged by ffmpeg's decoder.
#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use oracle::{decodes_cleanly, field, make, picture_times, silences, ssim, transcode};
use tempfile::tempdir;
use transcode::{Options, Rendition};

const FILM: &str = "-f lavfi -i testsrc2=s=1280x720:r=30000/1001:d=5 \
    -f lavfi -i sine=f=440:r=48000:d=5 -c:v libx264 -preset ultrafast -c:a aac -ac 6";

fn sizes(renditions: &[Rendition]) -> Vec<(&str, u32, u32)> {
    renditions
        .iter()
        .map(|r| (r.name.as_str(), r.width_px, r.height_px))
        .collect()
}

#[test]
fn a_film_becomes_renditions_that_agree() {
    let folder = tempdir().unwrap();
    let source = make(folder.path(), "film.mp4", FILM);
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(
        sizes(&report.renditions),
        [("360p", 640, 360), ("720p", 1280, 720)]
    );
    assert_eq!(report.warnings, []);

    let mut keyframes = Vec::new();
    for rendition in &report.renditions {
        let file = out.join(format!("{}.mp4", rendition.name));
        decodes_cleanly(&file);
        assert_eq!(
            field(&file, "v", "codec_name,profile,pix_fmt"),
            "h264,High,yuv420p"
        );
        assert_eq!(field(&file, "v", "color_range,color_space"), "tv,bt709");
        assert_eq!(field(&file, "v", "r_frame_rate"), "30000/1001");
        assert_eq!(
            field(&file, "a", "codec_name,profile,sample_rate,channels"),
            "aac,LC,48000,2"
        );
        let pictures = picture_times(&file, false);
        assert_eq!(pictures.len(), 150, "each picture of the source, once");
        assert_eq!(pictures[0], 0.0);
        keyframes.push(picture_times(&file, true));
        let likeness = ssim(&file, &source, rendition.width_px, rendition.height_px);
        assert!(likeness >= 0.95, "{}: SSIM {likeness}", rendition.name);
    }
    assert_eq!(keyframes[0], keyframes[1]);
    assert_eq!(keyframes[0].len(), 3);
    assert!(
        (report.duration_ms as f64 - 5005.0).abs() < 34.0,
        "{}",
        report.duration_ms
    );
}

#[test]
fn a_phone_clip_stands_upright() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=640x360:r=30:d=2 -c:v libx264 -preset ultrafast";
    let lying = make(folder.path(), "lying.mp4", clip);
    for (rotation, width, height) in [("90", 360, 640), ("180", 640, 360), ("270", 360, 640)] {
        let name = format!("rotated{rotation}.mp4");
        let tagged = format!(
            "-i {} -c copy -metadata:s:v rotate={rotation}",
            lying.display()
        );
        let source = make(folder.path(), &name, &tagged);
        let (report, out) = transcode(&source, &Options::default());
        assert_eq!(sizes(&report.renditions), [("360p", width, height)]);
        let file = out.join("360p.mp4");
        assert_eq!(
            field(&file, "v", "side_data_list"),
            "",
            "no rotation is left to players"
        );
        // The oracle turns the source by its tag.
        let likeness = ssim(&file, &source, width, height);
        assert!(likeness >= 0.95, "rotated by {rotation}: SSIM {likeness}");
    }
}

#[test]
fn a_silent_clip_has_no_audio_track() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=320x240:r=25:d=1 -c:v libx264 -preset ultrafast";
    let source = make(folder.path(), "silent.mov", clip);
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(sizes(&report.renditions), [("240p", 320, 240)]);
    assert!(!report.renditions[0].codecs.contains("mp4a"));
    assert_eq!(field(&out.join("240p.mp4"), "a", "codec_name"), "");
}

#[test]
fn webm_and_matroska_of_odd_size() {
    let folder = tempdir().unwrap();
    for (name, codec) in [
        ("odd.webm", "libvpx-vp9 -deadline realtime"),
        ("odd.mkv", "mpeg4 -q:v 2"),
    ] {
        let clip = format!(
            "-f lavfi -i testsrc2=s=321x241:r=24000/1001:d=2 \
             -f lavfi -i sine=r=44100:d=2 -c:v {codec} -b:v 2M -c:a libopus -ac 1"
        );
        let source = make(folder.path(), name, &clip);
        let (report, out) = transcode(&source, &Options::default());
        assert_eq!(sizes(&report.renditions), [("240p", 320, 240)]);
        let file = out.join("240p.mp4");
        decodes_cleanly(&file);
        assert_eq!(field(&file, "a", "channels"), "1", "mono stays mono");
        // Matroska rounds to milliseconds; the constant rate is found again.
        assert_eq!(field(&file, "v", "r_frame_rate"), "24000/1001", "{name}");
        assert_eq!(picture_times(&file, false).len(), 48);
    }
}

#[test]
fn a_recording_with_freezes_keeps_its_times() {
    let folder = tempdir().unwrap();
    // Pictures at 0, 0.04 … 0.96 s, then one at 5 s and on.
    let clip = "-f lavfi -i testsrc2=s=320x180:r=25:d=3 -vf setpts='if(gte(N,25),PTS+4/TB,PTS)' \
        -vsync vfr -c:v libx264 -preset ultrafast -bf 0 -video_track_timescale 600";
    let source = make(folder.path(), "freeze.mp4", clip);
    let (report, out) = transcode(&source, &Options::default());
    let file = out.join("180p.mp4");
    decodes_cleanly(&file);
    let times = picture_times(&file, false);
    assert!(
        times.windows(2).all(|w| w[1] - w[0] < 0.102),
        "no picture stands for longer"
    );
    for moved in [5.0, 5.04, 6.96] {
        assert!(
            times.iter().any(|t| (t - moved).abs() < 0.002),
            "the picture at {moved} s"
        );
    }
    let keyframes = picture_times(&file, true);
    for (k, at) in keyframes.iter().enumerate() {
        assert!((at - 2.0 * k as f64).abs() < 0.102, "IDR frame {k} at {at}");
    }
    assert_eq!(report.renditions[0].segments.len(), 2);
}

#[test]
fn late_sound_is_preceded_by_silence_and_early_end_followed() {
    let folder = tempdir().unwrap();
    for (name, sound) in [
        ("late.mp4", "r=48000:d=1 -c:a aac"),
        ("late-22.mkv", "r=22050:d=1 -c:a pcm_s16le"),
        ("late-96.mov", "r=96000:d=1 -c:a pcm_s16le"),
    ] {
        let clip = format!(
            "-f lavfi -i testsrc2=s=320x180:r=25:d=4 -itsoffset 1.7 \
             -f lavfi -i sine=f=1000:{sound} -c:v libx264 -preset ultrafast"
        );
        let source = make(folder.path(), name, &clip);
        let (_, out) = transcode(&source, &Options::default());
        let file = out.join("180p.mp4");
        let silences = silences(&file, "n=-40dB:d=0.2");
        let (_, tone_start) = silences[0];
        let (tone_end, end) = silences[1];
        assert!(
            (tone_start - 1.7).abs() < 0.025,
            "{name}: the tone begins at {tone_start}"
        );
        assert!(
            (tone_end - 2.7).abs() < 0.025,
            "{name}: the tone ends at {tone_end}"
        );
        assert!(
            (end - 4.0).abs() < 0.04,
            "{name}: silence lasts as long as the pictures: {end}"
        );
    }
}

#[test]
fn cover_art_is_neither_picture_nor_sound() {
    let folder = tempdir().unwrap();
    let cover = make(
        folder.path(),
        "cover.png",
        "-f lavfi -i testsrc2=s=800x800 -frames:v 1",
    );
    let clip = format!(
        "-f lavfi -i testsrc2=s=320x180:r=25:d=2 -f lavfi -i sine=d=2 -i {} -map 0 -map 1 -map 2 \
         -c:v:0 libx264 -preset ultrafast -c:v:1 mjpeg -c:a aac -disposition:v:1 attached_pic",
        cover.display()
    );
    let source = make(folder.path(), "covered.mp4", &clip);
    let (report, out) = transcode(&source, &Options::default());
    assert_eq!(report.warnings, []);
    assert_eq!(sizes(&report.renditions), [("180p", 320, 180)]);
    assert_eq!(picture_times(&out.join("180p.mp4"), false).len(), 50);
}

#[test]
fn a_slide_show_is_shown_on_an_even_beat() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=320x180:r=1:d=5 -f lavfi -i sine=r=44100:d=5.02 \
        -c:v libx264 -preset ultrafast -c:a aac";
    let source = make(folder.path(), "slides.mp4", clip);
    let (_, out) = transcode(&source, &Options::default());
    let file = out.join("180p.mp4");
    decodes_cleanly(&file);
    assert_eq!(field(&file, "v", "r_frame_rate"), "10/1");
    let times = picture_times(&file, false);
    let is_on_beat = |(n, at): (usize, &f64)| (at - n as f64 / 10.0).abs() < 0.001;
    assert!(times.iter().enumerate().all(is_on_beat), "{times:?}");
}
