#!/bin/sh
# The API with a debug build and the pages from Vite's dev server, which proxies to it. Ctrl-C ends both.
set -eu
cd "$(dirname "$0")/.."

cargo build -p standalone
(cd frontend && exec node node_modules/vite/bin/vite.js) &
vite=$!
trap 'kill "$vite" 2>/dev/null || true; wait "$vite" 2>/dev/null || true' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

echo "Pages that reload as you edit: http://localhost:5173/ (add the #token=… of the link below)"
target/debug/assetlab
