#!/bin/sh
# install-packages.sh build|test|valgrind|bench: installs the Debian packages that are missing, and is silent when none is.
set -eu

# ffmpeg-next links the system's FFmpeg and generates its bindings with libclang.
build="build-essential pkg-config clang libclang-dev
       libavcodec-dev libavformat-dev libavutil-dev libavfilter-dev libswscale-dev libswresample-dev"
# The end-to-end tests drive a real browser; the ffmpeg CLI makes clips and judges the results; moto, an S3 server
# that others wrote, and Schemathesis run in Python; libfaketime gives processes a wrong clock.
test="chromium curl ffmpeg libfaketime python3 python3-venv"

case "${1:-}" in
    build) wanted=$build ;;
    test) wanted="$build $test" ;;
    valgrind) wanted="$build $test valgrind" ;;
    bench) wanted="$build ffmpeg" ;;
    *) echo "usage: $0 build|test|valgrind|bench" >&2; exit 2 ;;
esac

if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    echo "This is not a Debian system: install what these Debian packages hold, if you have not yet:" $wanted
    exit 0
fi

missing=
for package in $wanted; do
    state=$(dpkg-query --show --showformat='${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
    as_root=
elif command -v sudo >/dev/null; then
    as_root=sudo
else
    echo "Packages are missing, and there is neither root nor sudo here. As root, run:" >&2
    echo "  apt-get update && apt-get install -y --no-install-recommends$missing" >&2
    exit 1
fi

echo "Installing the Debian packages that are missing:$missing"
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of names
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
