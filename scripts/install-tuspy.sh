#!/bin/sh
# install-tuspy.sh: puts tuspy, tus's client in Python that our server is tried with, into target/tuspy, and is silent
# when it is there.
set -eu

version=1.1.0
venv="$(dirname "$0")/../target/tuspy"

[ "$(cat "$venv/version" 2>/dev/null || true)" != "$version" ] || exit 0
echo "Installing tuspy $version into target/tuspy"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "tuspy==$version"
echo "$version" >"$venv/version"
