#!/bin/sh
# Installs the programs of a list where Debian has them, and says which ones are missing; sourced, not run.
#
# Whoever sources it has defined `needed`, which prints a line "PROGRAM PACKAGE WHAT IT IS FOR" for each, and `log`.

missing() { # missing FIELD: that field of every line whose program is not here
    needed | while read -r program package what; do
        command -v "$program" >/dev/null 2>&1 || printf '%s\n' "$program|$package|$what" | cut -d '|' -f "$1"
    done
}

as_root() { # as_root COMMAND...: never asks for a password
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi >>"$log" 2>&1 </dev/null
}

may_install() {
    command -v apt-get >/dev/null 2>&1 || return 1
    [ "$(id -u)" = 0 ] || { command -v sudo >/dev/null 2>&1 && as_root true; }
}

apt_get() { as_root env DEBIAN_FRONTEND=noninteractive timeout 600 apt-get -q -y -o DPkg::Lock::Timeout=60 "$@"; }

packages=$(missing 2 | sort -u | tr '\n' ' ')
[ -n "$packages" ] || exit 0
if may_install; then
    printf 'Installing what the tests drive: %s...\n' "$packages"
    # One by one: a package that this Debian does not have must not keep the others away.
    for package in $packages; do
        apt_get install --no-install-recommends "$package" ||
            { apt_get update && apt_get install --no-install-recommends "$package"; }
    done
fi
packages=$(missing 2 | sort -u | tr '\n' ' ')
[ -n "$packages" ] || exit 0
printf 'Not here, so what needs it is skipped:\n'
missing 1,3 | sed 's/^\([^|]*\)|/  \1: /'
printf "'sudo apt install %s' adds them (log of this try: %s).\n" "${packages% }" "$log"
