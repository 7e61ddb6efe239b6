#!/bin/sh
# Rates the folder that `make rate FOLDER=...` names, or the sample shoot: rate.sh [ARGUMENT OF safelight rate]...
#
# The folder comes in the variable SAFELIGHT_FOLDER and never through a command line that make or a shell reads again, so that
# blanks, quotes, dollars and names that are not UTF-8 arrive as they are. SAFELIGHT_FOLDER_FROM is make's word for where it
# came from: `undefined` means that no folder was named; one that was named and is empty is a mistake, not a wish for the sample.
set -u
clone=$(cd "$(dirname "$0")/.." && pwd)
safelight=$clone/.venv/bin/safelight
folder=${SAFELIGHT_FOLDER:-}

if [ "${SAFELIGHT_FOLDER_FROM:-undefined}" = undefined ]; then
    "$clone/packaging/setup.sh" sample || exit
    # A state of its own: the sample must not take part in the quantiles of the person's library.
    state=$clone/.cache/sample-state
    cd "$clone" || exit 2
    "$safelight" rate --state "$state" "$@" -- sample
    status=$?
    # One file of the sample is cut off on purpose; that is no failure of the newcomer's first command. A crash ends with 1 too,
    # so there must be ratings besides the one that came with the sample.
    set -- sample/*.xmp
    if [ "$status" -gt 1 ] || { [ "$status" -eq 1 ] && [ $# -lt 2 ]; }; then exit "$status"; fi
    printf '%s\n' "" "That was the sample shoot in sample/, with one file cut off on purpose. Why a frame got its stars:" \
        "  .venv/bin/safelight explain --state .cache/sample-state sample/DSC_0002.JPG" \
        "Your own photographs:" \
        "  make rate FOLDER=~/Pictures/2026-11-21"
    exit 0
fi

# Not every shell expands a ~ behind FOLDER=.
# shellcheck disable=SC2088  # the sign itself is meant
case $folder in
'~') folder=$HOME ;;
'~/'*) folder=$HOME/${folder#'~/'} ;;
esac
if [ -z "$folder" ]; then
    echo "FOLDER= is empty: name the folder to rate, for example make rate FOLDER=~/Pictures." >&2
    exit 2
fi
if [ ! -d "$folder" ]; then
    printf 'There is no folder %s: check the name; blanks in it need quotes, as in FOLDER="my pictures".\n' "$folder" >&2
    exit 2
fi
"$clone/packaging/setup.sh" run || exit
exec "$safelight" rate "$@" -- "$folder"
