//! Colours and fields: what screens without HDR, alpha or interlacing can show.

#![allow(clippy::unwrap_used, reason = "a test's panic is its report")]

mod oracle;

use oracle::{field, make, mean_luma, run, transcode};
use tempfile::tempdir;
use transcode::Options;

#[test]
fn hdr_becomes_sdr_as_ffmpeg_tone_maps_it() {
    for transfer in ["smpte2084", "arib-std-b67"] {
        let folder = tempdir().unwrap();
        let clip = format!(
            "-f lavfi -i testsrc2=s=640x360:r=24:d=0.5 -pix_fmt yuv420p10le -c:v libx265 \
             -preset ultrafast -x265-params log-level=error:colorprim=bt2020:transfer={transfer}:\
             colormatrix=bt2020nc -color_primaries bt2020 -color_trc {transfer} \
             -colorspace bt2020nc"
        );
        let source = make(folder.path(), "hdr.mp4", &clip);
        let (_, out) = transcode(&source, &Options::default());
        let file = out.join("360p.mp4");
        assert_eq!(
            field(&file, "v", "pix_fmt,color_range,color_space"),
            "yuv420p,tv,bt709"
        );
        assert_eq!(
            field(&file, "v", "color_transfer,color_primaries"),
            "bt709,bt709"
        );

        let mapped = "-vf zscale=t=linear:npl=100,format=gbrpf32le,zscale=p=bt709,\
            tonemap=hable:desat=0,zscale=t=bt709:m=bt709:r=tv,format=yuv420p \
            -c:v libx264 -qp 0 -preset ultrafast";
        let arguments = format!("-i {} {mapped}", source.display());
        let expected = make(folder.path(), "expected.mp4", &arguments);
        let likeness = oracle::ssim(&file, &expected, 640, 360);
        assert!(likeness >= 0.95, "{transfer}: SSIM {likeness}");
        let difference = (mean_luma(&file, "") - mean_luma(&expected, "")).abs();
        assert!(
            difference < 1.0,
            "{transfer}: mean luma differs by {difference}"
        );
    }
}

#[test]
fn full_range_becomes_limited() {
    let folder = tempdir().unwrap();
    for (color, expected) in [("black", 16.0), ("white", 235.0)] {
        let clip = format!(
            "-f lavfi -i color={color}:s=320x240:r=25:d=0.4 -pix_fmt yuvj420p -c:v libx264"
        );
        let source = make(folder.path(), &format!("{color}.mp4"), &clip);
        assert_eq!(field(&source, "v", "color_range"), "pc");
        let (_, out) = transcode(&source, &Options::default());
        let luma = mean_luma(&out.join("240p.mp4"), "");
        assert!((luma - expected).abs() < 1.5, "{color} became {luma}");
    }
}

#[test]
fn what_is_transparent_is_black() {
    for (name, codec) in [
        ("alpha.mov", "qtrle"),
        (
            "alpha.webm",
            "libvpx-vp9 -deadline realtime -pix_fmt yuva420p",
        ),
        (
            "alpha8.webm",
            "libvpx -deadline realtime -pix_fmt yuva420p -auto-alt-ref 0",
        ),
    ] {
        let folder = tempdir().unwrap();
        // White, but the left half is fully transparent.
        let clip = format!(
            "-f lavfi -i color=white:s=320x240:r=25:d=0.4 \
             -vf format=yuva444p,geq=lum=235:cb=128:cr=128:a='255*gte(X,160)' -c:v {codec}"
        );
        let source = make(folder.path(), name, &clip);
        let (_, out) = transcode(&source, &Options::default());
        let file = out.join("240p.mp4");
        let left = mean_luma(&file, "crop=120:200:10:10,");
        let right = mean_luma(&file, "crop=120:200:190:10,");
        assert!(
            (left - 16.0).abs() < 2.0,
            "{name}: transparent became {left}"
        );
        assert!(
            (right - 235.0).abs() < 2.0,
            "{name}: opaque white became {right}"
        );
    }
}

#[test]
fn a_byte_that_means_nothing_hides_nothing() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i color=white:s=320x240:r=25:d=0.4,format=bgra,colorchannelmixer=aa=0 \
        -c:v rawvideo -pix_fmt bgra";
    let source = make(folder.path(), "screen.avi", clip);
    let (_, out) = transcode(&source, &Options::default());
    let luma = mean_luma(&out.join("240p.mp4"), "");
    assert!((luma - 235.0).abs() < 2.0, "white became {luma}");
}

#[test]
fn colours_of_wide_gamuts_stay_what_they_are() {
    // BT.709's red, as BT.2020 and Display P3 write it, tagged so.
    for (primaries, matrix) in [("bt2020", "bt2020nc"), ("smpte432", "bt709")] {
        let folder = tempdir().unwrap();
        let source = make(
            folder.path(),
            "wide.mp4",
            &format!(
                "-f lavfi -i color=red:s=320x240:r=25:d=0.4 -vf \
                 format=gbrp,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr:range=pc,\
                 zscale=p={primaries}:t=bt709:m={matrix}:r=tv,format=yuv420p10le -c:v libx265 \
                 -x265-params log-level=error:colorprim={primaries}:transfer=bt709:colormatrix={matrix} \
                 -color_primaries {primaries} -color_trc bt709 -colorspace {matrix}"
            ),
        );
        let (_, out) = transcode(&source, &Options::default());
        let file = out.join("240p.mp4");
        let path = file.to_str().unwrap();
        let pixel = out.join("pixel.rgb");
        let pixel_path = pixel.to_str().unwrap();
        let to_rgb = "scale=in_color_matrix=bt709:in_range=tv,crop=1:1:100:100";
        let arguments = ["-v", "error", "-i", path, "-vf", to_rgb, "-frames:v", "1"];
        let output = ["-pix_fmt", "rgb24", "-f", "rawvideo", pixel_path];
        run("ffmpeg", &[&arguments[..], &output].concat());
        let rgb = std::fs::read(pixel).unwrap();
        assert!(
            rgb[0] >= 250 && rgb[1] <= 6 && rgb[2] <= 6,
            "{primaries}: {rgb:?}"
        );
    }
}

#[test]
fn interlaced_pictures_lose_their_combs() {
    let folder = tempdir().unwrap();
    let moving = "-f lavfi -i testsrc2=s=640x480:r=50:d=1 -vf scroll=h=0.01,gblur=sigma=2";
    let interlace = "tinterlace=interleave_top,fieldorder=tff -c:v mpeg2video -flags +ilme+ildct";
    let source = make(
        folder.path(),
        "interlaced.ts",
        &format!("{moving},{interlace} -q:v 2"),
    );
    let every_other = "select='not(mod(n,2))' -r 25 -c:v libx264 -qp 0 -preset ultrafast";
    let whole = make(
        folder.path(),
        "whole.mp4",
        &format!("{moving},{every_other}"),
    );

    let (_, out) = transcode(&source, &Options::default());
    let combed = oracle::ssim(&source, &whole, 640, 480);
    let likeness = oracle::ssim(&out.join("480p.mp4"), &whole, 640, 480);
    assert!(
        combed < 0.9,
        "the clip must be combed to begin with: SSIM {combed}"
    );
    assert!(likeness > 0.93, "SSIM {likeness}, before {combed}");
}

#[test]
fn wide_pixels_become_square_ones() {
    let folder = tempdir().unwrap();
    let clip = "-f lavfi -i testsrc2=s=720x576:r=25:d=0.4 -vf setsar=64/45 -c:v libx264";
    let plain = "-f lavfi -i testsrc2=s=720x576:r=25:d=0.4 -vf setsar=1 -c:v";
    make(folder.path(), "plain.mp4", &format!("{plain} libx264"));
    // The shape is in the bitstream, in the container against the bitstream, or only there.
    let restated = format!(
        "-i {} -c copy -aspect 16:9",
        folder.path().join("plain.mp4").display()
    );
    for (name, made_by) in [
        ("wide.mp4", clip.to_owned()),
        ("restated.mp4", restated.clone()),
        ("restated.mkv", restated),
        (
            "container.webm",
            format!("{plain} libvpx -deadline realtime -aspect 16:9"),
        ),
    ] {
        let source = make(folder.path(), name, &made_by);
        let (report, out) = transcode(&source, &Options::default());
        let top = report.renditions.last().unwrap();
        assert_eq!((top.width_px, top.height_px), (1024, 576), "{name}");
        let file = out.join(format!("{}.mp4", top.name));
        assert_eq!(field(&file, "v", "sample_aspect_ratio"), "1:1");
    }
}

#[test]
fn tags_that_cannot_be_hide_nothing() {
    let folder = tempdir().unwrap();
    let plain = "-f lavfi -i testsrc2=s=1280x720:r=25:d=0.4 -pix_fmt yuv420p -c:v libx264 \
        -preset ultrafast -qp 1";
    let plain = make(folder.path(), "plain.mp4", plain);
    // Tags of RGB on pixels that are none; fields said to be there; chroma in an unusual place.
    let retag = "-c copy -bsf:v h264_metadata=matrix_coefficients=0:colour_primaries=22:\
        chroma_sample_loc_type=3";
    let lying = format!("-i {} {retag}", plain.display());
    let lying = make(folder.path(), "lying.mp4", &lying);
    assert_eq!(field(&lying, "v", "color_space"), "gbr");
    let (_, out) = transcode(&lying, &Options::default());
    for (name, width, height) in [("360p", 640, 360), ("720p", 1280, 720)] {
        let file = out.join(format!("{name}.mp4"));
        let likeness = oracle::ssim(&file, &plain, width, height);
        assert!(likeness > 0.95, "{name}: SSIM {likeness}");
    }
}
