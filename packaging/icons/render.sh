#!/bin/sh
# Draws the PNG files from the SVG sources beside this script: the lamps of the tray into the package, the icon of the
# program into hicolor/ as icon themes lay it out. What it writes is kept in the repository, so that only who changes a
# drawing needs rsvg-convert (Debian: librsvg2-bin). `render.sh FOLDER` writes below FOLDER instead, for comparing.
set -eu
cd "$(dirname "$0")"
into=${1:-../..}
lamps=$into/daemon/safelight/tray/pictures
theme=$into/packaging/icons/hicolor
drawn=$(mktemp -d)
trap 'rm -rf "$drawn"' EXIT
mkdir -p "$lamps"

draw() { # draw SIZE SOURCE TARGET [STYLESHEET]
    rsvg-convert --width "$1" --height "$1" ${4:+--stylesheet "$4"} --output "$3" "$2"
}

lamp_of() { # lamp_of SIZE: the drawing whose grid fits
    case $1 in
    16) printf 'lamp-16.svg' ;;
    24) printf 'lamp-24.svg' ;;
    22) # without the margin of one pixel
        sed 's/viewBox="0 0 24 24"/viewBox="1 1 22 22"/' lamp-24.svg >"$drawn/lamp-22.svg"
        printf '%s' "$drawn/lamp-22.svg"
        ;;
    *) printf 'lamp.svg' ;;
    esac
}

for state in lit dim off; do
    cat "states/$state.css" states/mark.css >"$drawn/$state-marked.css"
    for size in 16 22 24 32 48 64; do
        draw "$size" "$(lamp_of "$size")" "$lamps/$state-$size.png" "states/$state.css"
        draw "$size" "$(lamp_of "$size")" "$lamps/$state-marked-$size.png" "$drawn/$state-marked.css"
    done
done

for size in 16 22 24 32 48 64 128 256; do
    mkdir -p "$theme/${size}x$size/apps"
    draw "$size" safelight.svg "$theme/${size}x$size/apps/safelight.png"
done
mkdir -p "$theme/scalable/apps"
cp safelight.svg "$theme/scalable/apps/safelight.svg"
