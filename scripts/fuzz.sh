#!/bin/sh
# Fuzzes the transcoder for FUZZ_SECONDS (default 600) with FUZZ_JOBS processes (default: one a processor), and fails if
# anything crashed, hung or took too much memory. Finds are kept in fuzz/corpus and go on from there the next time.
set -eu
cd "$(dirname "$0")/.."

MAX_SEED_BYTES=131072
MAX_RSS_MIB=2048
MAX_INPUT_SECONDS=30

seconds=${FUZZ_SECONDS:-600}
jobs=${FUZZ_JOBS:-$(nproc)}
host=$(rustc -vV | sed -n 's/^host: //p')
target=$PWD/target/fuzz
seeds=$target/seeds
corpus=$PWD/fuzz/corpus/first_pictures
artifacts=$PWD/fuzz/artifacts/first_pictures

# What cargo-fuzz sets, as far as stable Rust has it. libav is the system's, without counters.
counters='-Cpasses=sancov-module -Ccodegen-units=1'
for option in level=4 inline-8bit-counters pc-table trace-compares; do
    counters="$counters -Cllvm-args=-sanitizer-coverage-$option"
done
# With --target, the flags are not for build scripts, which have no libFuzzer to link.
RUSTFLAGS="--cfg fuzzing $counters" \
    cargo build --locked --release --manifest-path fuzz/Cargo.toml --target "$host" --target-dir "$target"

mkdir -p "$seeds" "$corpus" "$artifacts"
clip() { # clip NAME ARGUMENTS…: half a second of a tiny picture and a tone
    name=$1
    shift
    [ -e "$seeds/$name" ] || ffmpeg -v error -nostdin -y -f lavfi -i testsrc2=s=64x48:r=25:d=0.5 \
        -f lavfi -i sine=r=48000:d=0.5 "$@" "$seeds/$name"
}
clip h264-aac.mp4 -c:v libx264 -preset ultrafast -c:a aac
clip fragmented.mp4 -c:v libx264 -preset ultrafast -c:a aac -movflags frag_keyframe+empty_moov
clip hevc.mp4 -c:v libx265 -preset ultrafast -x265-params log-level=error -c:a aac
clip av1.mp4 -c:v libaom-av1 -cpu-used 8 -c:a aac
clip prores-ac3.mov -c:v prores -c:a ac3
clip mjpeg-pcm.mov -c:v mjpeg -c:a pcm_s16le
clip vp8-vorbis.webm -c:v libvpx -deadline realtime -c:a libvorbis
clip vp9-opus.webm -c:v libvpx-vp9 -deadline realtime -c:a libopus
clip ffv1-flac.mkv -c:v ffv1 -c:a flac
clip mpeg4-mp3.avi -c:v mpeg4 -c:a libmp3lame
clip mpeg2-mp2.ts -c:v mpeg2video -c:a mp2
clip mpeg1-mp2.mpg -c:v mpeg1video -c:a mp2
clip flv1-mp3.flv -c:v flv1 -c:a libmp3lame -ar 44100
clip theora-vorbis.ogv -c:v libtheora -c:a libvorbis
for fixture in fixtures/*.*; do
    case $fixture in *.md | *.json | *.sh) continue ;; esac
    # The start of a large one holds what a demuxer looks at first.
    head -c "$MAX_SEED_BYTES" "$fixture" >"$seeds/$(basename "$fixture")"
done

# In jobs of their own, so that one crash does not end the run.
"$target/$host/release/first_pictures" "$corpus" "$seeds" -fork="$jobs" -max_total_time="$seconds" \
    -max_len="$MAX_SEED_BYTES" -rss_limit_mb="$MAX_RSS_MIB" \
    -timeout="$MAX_INPUT_SECONDS" -report_slow_units="$MAX_INPUT_SECONDS" \
    -ignore_crashes=1 -ignore_ooms=1 -ignore_timeouts=1 -artifact_prefix="$artifacts/"

found=$(find "$artifacts" -type f)
if [ -n "$found" ]; then
    echo "Inputs that crash, hang or take more than $MAX_RSS_MIB MiB:" >&2
    echo "$found" >&2
    echo "One again, with its stack: RUST_BACKTRACE=1 $target/$host/release/first_pictures FILE" >&2
    exit 1
fi
echo "No crash. $(find "$corpus" -type f | wc -l) inputs are in $corpus."
