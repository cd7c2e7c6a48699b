#!/bin/sh
# Refuses to start a build that cannot end well: names the tool, the version found and how to get a newer one.
set -eu

RUST_AT_LEAST=1.95.0
# Vite 8 needs what came with 20.19.
NODE_AT_LEAST=20.19.0

at_least() { # at_least WANTED FOUND
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

failed=0
check() { # check NAME WANTED FOUND HOW_TO_GET_IT
    if [ -z "$3" ]; then
        echo "AssetLab needs $1 $2 or newer, and there is none on the PATH." >&2
    elif ! at_least "$2" "$3"; then
        echo "AssetLab needs $1 $2 or newer; this is $3." >&2
    else
        return 0
    fi
    echo "  $4" >&2
    failed=1
}

rust_found=$(rustc --version 2>/dev/null | awk '{ print $2 }' || true)
node_found=$(node --version 2>/dev/null | sed 's/^v//' || true)
npm_found=$(npm --version 2>/dev/null | tail -n 1 || true)

check Rust "$RUST_AT_LEAST" "$rust_found" \
    "With rustup: 'rustup update stable'. Without: install rustup as https://rustup.rs describes (Debian 12's own package is too old)."
check Node.js "$NODE_AT_LEAST" "$node_found" \
    "Install the LTS release as https://nodejs.org/en/download describes (Debian 12's own package is too old)."
check npm 9.0.0 "$npm_found" "npm comes with Node.js from nodejs.org; some distributions package it apart, as 'npm'."

exit "$failed"
