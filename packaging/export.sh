#!/bin/sh
# Makes the environment of the exporter, and runs it with the arguments there are: export.sh [ARGUMENT ...]
#
# It cannot be Safelight's own environment: transformers 4.57, which optimum-onnx 0.1 ends at, wants a huggingface_hub
# below 1, and Safelight one from 2 on. So .venv-export holds the list `export` of pyproject.toml and of Safelight's own
# dependencies only what the exporter imports; Safelight itself is not installed there, a .pth file names its folder.
#
# TORCH chooses the torch, which is the large part: on Linux the newest brings the libraries of NVIDIA along, some 3 GB
# that an export does not need. Where a version for processors alone can be had, name it: TORCH='torch==2.13.0'.
set -u
cd "$(dirname "$0")/.." || exit 2
here=$(pwd)
venv=$here/.venv-export
cache=$here/.cache/setup
log=$cache/export.log
unset PYTHONHOME PYTHONPATH PIP_USER PIP_TARGET PIP_PREFIX PIP_REQUIRE_VIRTUALENV VIRTUAL_ENV
export PIP_NO_INPUT=1 PIP_DISABLE_PIP_VERSION_CHECK=1

stop() {
    printf '%s\n' "$*" >&2
    exit 2
}

requirements() { # one a line; ours first, then the list, with the torch that was asked for
    "$venv/bin/python" - "${TORCH:-}" <<'END'
import re
import sys
import tomllib

OURS = {"numpy", "onnx", "pydantic"}
with open("pyproject.toml", "rb") as stream:
    pyproject = tomllib.load(stream)
project = pyproject["project"]
lists = project["optional-dependencies"] | pyproject.get("dependency-groups", {})
for text in [*project["dependencies"], *project["optional-dependencies"]["cpu"], *lists["export"]]:
    name = re.match(r"[A-Za-z0-9_.-]+", text)[0]
    if name in OURS | {"onnxruntime"} or text in lists["export"]:
        print(sys.argv[1] if name == "torch" and sys.argv[1] else text)
END
}

fingerprint() { printf '%s %s %s\n' "$(cat pyproject.toml packaging/export.sh | cksum)" "$here" "${TORCH:-}"; }

prepare() {
    [ "$(cat "$venv/.safelight-export" 2>/dev/null)" != "$(fingerprint)" ] || return 0
    mkdir -p "$cache" || stop "$here cannot be written to: clone Safelight into a folder of your own."
    echo "Making the environment of the exporter in .venv-export (once; with torch it is 1 GB, or more, see TORCH) ..."
    .venv/bin/python -m venv --clear "$venv" >"$log" 2>&1 || stop "No environment could be made in $venv (log: $log)."
    requirements >"$cache/export.txt" || stop "pyproject.toml has no list 'export'."
    "$venv/bin/python" -m pip install --no-color --progress-bar off -r "$cache/export.txt" >>"$log" 2>&1 </dev/null ||
        stop "Not all packages of the exporter could be installed: is there a network, and 4 GB of room? (log: $log)"
    "$venv/bin/python" -c 'import sys, sysconfig
with open(sysconfig.get_path("purelib") + "/safelight.pth", "w") as stream: stream.write(sys.argv[1] + "\n")' "$here/daemon"
    fingerprint >"$venv/.safelight-export"
}

[ -x .venv/bin/python ] || stop "Run 'make export', which prepares what this needs."
prepare
if [ $# -gt 0 ]; then exec "$venv/bin/python" -m safelight.models.export "$@"; fi
echo "The exporter is ready: .venv-export/bin/python -m safelight.models.export --help"
