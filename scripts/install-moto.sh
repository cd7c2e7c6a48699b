#!/bin/sh
# install-moto.sh: puts moto, the S3 server that the contract suite compares ours with, into target/moto, and is
# silent when it is there.
set -eu

version=5.2.5
venv="$(dirname "$0")/../target/moto"

[ "$(cat "$venv/version" 2>/dev/null || true)" != "$version" ] || exit 0
echo "Installing moto $version into target/moto"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "moto[server]==$version"
echo "$version" >"$venv/version"
