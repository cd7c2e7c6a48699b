#!/bin/sh
# The one rule of the house (ARCHITECTURE.md), checked on the resolved dependency trees:
# transcode knows media, store knows the buckets, worker alone knows both, api moves no media through libav.
set -eu

failed=0
forbid() { # forbid PACKAGE PATTERN REASON
    tree=$(cargo tree --locked --quiet -p "$1" --edges normal,build --prefix none --format '{p}')
    found=$(printf '%s\n' "$tree" | awk '{ print $1 }' | sort -u | grep -E "$2" || true)
    if [ -n "$found" ]; then
        echo "$1 must not depend on" $found >&2
        echo "  $3" >&2
        failed=1
    fi
}

libav='^(transcode|ffmpeg-next|ffmpeg-sys-next)$'
forbid api "$libav" "The API stays small and cannot be crashed by a decoder."
forbid store "$libav" "Keys, status and queue must be usable by programs that never touch media."
# aws-lc is rustls' cryptography and knows nothing of S3.
forbid transcode '^(store|aws-([^l]|l[^c]).*)$' "The library transcodes files, URLs and readers; it has no opinion on storage."
forbid worker '^(api|axum)$' "A worker serves nobody."

exit "$failed"
