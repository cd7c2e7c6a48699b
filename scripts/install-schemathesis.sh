#!/bin/sh
# install-schemathesis.sh: puts Schemathesis, which tries what an OpenAPI document says, and a validator of such documents
# into target/schemathesis, and is silent when they are there.
set -eu

versions="schemathesis==4.32.5 openapi-spec-validator==0.9.0"
venv="$(dirname "$0")/../target/schemathesis"

[ "$(cat "$venv/version" 2>/dev/null || true)" != "$versions" ] || exit 0
echo "Installing $versions into target/schemathesis"
rm -rf "$venv"
python3 -m venv "$venv"
# shellcheck disable=SC2086 # two packages
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check $versions
echo "$versions" >"$venv/version"
