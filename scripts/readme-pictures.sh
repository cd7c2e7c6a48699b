#!/bin/sh
# readme-pictures.sh: copies the screenshots that the README shows from target/screenshots to docs/, with fewer colours.
set -eu

cd "$(dirname "$0")/.."
for name in upload watch library; do
	ffmpeg -loglevel error -y -i "target/screenshots/$name-desktop-light.png" \
		-vf "split[a][b];[a]palettegen[palette];[b][palette]paletteuse" "docs/$name.png"
done
