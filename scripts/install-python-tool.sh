#!/bin/sh
# install-python-tool.sh NAME REQUIREMENT...: puts a tool that tests run, in exactly these versions, into target/NAME, and
# is silent when it is there.
set -eu

name="$1"
shift
venv="$(dirname "$0")/../target/$name"

[ "$(cat "$venv/versions" 2>/dev/null || true)" != "$*" ] || exit 0
echo "Installing $* into target/$name"
rm -rf "$venv"
python3 -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
echo "$*" >"$venv/versions"
