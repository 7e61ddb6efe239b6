#!/bin/sh
# Writes the locks that every installation takes: `make lock`, after a change of the dependencies in pyproject.toml.
#
# One resolution holds for every Python from 3.11 on and every platform. The development lock is resolved under the run-time
# lock, so that both name the same versions. No index and no path of this machine is written into them.
# Versions stay as they are unless pyproject.toml forbids them; `make lock ARGS=--upgrade` takes the newest.
set -eu
cd "$(dirname "$0")/.."

compile() { # compile SOURCE LOCK COMMENT ARGUMENT...
    source=$1 lock=$2 comment=$3
    shift 3
    if [ -f "$lock" ]; then cp "$lock" "$lock.new"; fi
    .venv/bin/uv pip compile "$source" --quiet --universal --python-version 3.11 --generate-hashes --no-header \
        --no-annotate --no-emit-index-url --no-emit-find-links "$@" --output-file "$lock.new"
    { printf '# %s Written by "make lock"; do not edit.\n' "$comment"; cat "$lock.new"; } >"$lock"
    rm "$lock.new"
    echo "$lock: $(grep -c '==' "$lock") packages"
}

compile pyproject.toml requirements.lock "What Safelight runs with (extra cpu), and what installs it." \
    --extra cpu --group setup "$@"
compile pyproject.toml requirements-dev.lock "What Safelight is developed and tested with." \
    --extra cpu --extra tray --extra dev --group setup --constraint requirements.lock "$@"
compile packaging/sample.in requirements-sample.lock "Whose photographs the sample shoot is made of; never imported." \
    --no-deps "$@"
