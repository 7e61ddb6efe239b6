"""The command line of the exporter: `python -m safelight.models.export FOLDER (--hub | --checkpoint | --random) ...`.

Says what is missing before it begins, prints one line a file with its agreement with torch, and ends with what it cost.
Invariant: telemetry and downloads that nobody asked for are switched off before any library is imported.
"""

import argparse
import importlib.util
import os
import resource
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from safelight.errors import BundleError, SafelightError
from safelight.inference.fetched import FetchedManifest
from safelight.models.export.architectures import ARCHITECTURES
from safelight.models.export.wanted import AtRandom, FromFolder, FromHub, Wanted, precisions

LIBRARIES = ("torch", "transformers", "optimum.exporters.onnx", "onnx", "onnxruntime", "tokenizers")
_QUIET = {
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "YES",
    "TRANSFORMERS_NO_ADVISORY_WARNINGS": "1",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Export what the arguments ask for; 0, or 2 with one sentence and a hint when it cannot be done."""
    options = _parser().parse_args(arguments)
    begun = time.monotonic()
    try:
        wanted = wanted_from(options)
        manifest = _make(wanted)
    except SafelightError as error:
        sys.stderr.write(f"{error.told}\n")
        return 2
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    size_mb = sum(file.size_bytes or 0 for file in manifest.files) / 1e6
    sys.stdout.write(
        f"{wanted.folder}: the bundle {manifest.name}, {len(manifest.files)} files, {size_mb:.1f} MB;"
        f" {time.monotonic() - begun:.0f} s, {peak_mb} MB of memory at most.\n"
    )
    return 0


def wanted_from(options: argparse.Namespace) -> Wanted:
    """Return what the parsed options ask for; raises BundleError for what cannot be meant."""
    origin: FromHub | FromFolder | AtRandom
    if options.hub:
        origin, name = FromHub(options.hub, options.revision or ""), options.hub.split("/")[-1].lower()
    elif options.checkpoint:
        origin, name = FromFolder(options.checkpoint), options.checkpoint.resolve().name.lower()
    else:
        origin, name = AtRandom(options.random, options.seed), f"{options.random}-random"
    return Wanted(
        origin=origin,
        folder=options.folder,
        name=options.name or name,
        vision=precisions(options.vision),
        text=precisions(options.text),
        licence=options.licence,
        home=options.home,
        threads=options.threads,
    )


def _make(wanted: Wanted) -> FetchedManifest:
    missing = [name for name in LIBRARIES if not _is_there(name)]
    if missing:
        raise BundleError(
            f"The exporter needs libraries that are not in this environment: {', '.join(missing)}.",
            hint="It has an environment of its own, which 'make export' makes.",
        )
    os.environ.update(_QUIET)
    if not isinstance(wanted.origin, FromHub):
        os.environ["HF_HUB_OFFLINE"] = "1"
    from safelight.models.export.making import make  # torch and its kin are loaded here

    return make(wanted, say=_say)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _is_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ImportError:  # a part of what is not there
        return False


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m safelight.models.export", description="Turn a SigLIP checkpoint into a bundle."
    )
    parser.add_argument("folder", type=Path, help="the new folder to write the bundle to")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--hub", metavar="OWNER/NAME", help="a checkpoint of the model hub, at --revision")
    source.add_argument("--checkpoint", type=Path, metavar="DIR", help="a checkpoint on this computer")
    source.add_argument("--random", choices=list(ARCHITECTURES), help="random weights: the true cost, no meaning")
    parser.add_argument("--revision", metavar="COMMIT", help="the 40 digits of a commit of the --hub checkpoint")
    parser.add_argument("--name", help="the name of the bundle; without it, after the checkpoint")
    parser.add_argument(
        "--vision",
        default="fp32,fp16,int8",
        metavar="LIST",
        help="precisions of the vision tower (default: %(default)s)",
    )
    parser.add_argument(
        "--text",
        default="fp16,int8",
        metavar="LIST",
        help="precisions of the text tower, or none (default: %(default)s)",
    )
    parser.add_argument("--licence", default="", help="the licence of the weights, for the manifest")
    parser.add_argument("--home", default="", metavar="URL", help="where the weights come from, for the manifest")
    parser.add_argument("--seed", type=int, default=0, help="of random weights (default: %(default)s)")
    parser.add_argument(
        "--threads", type=int, default=os.cpu_count() or 1, help="of torch and onnxruntime (default: %(default)s)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
