"""Computes the reference embedding that a session is compared with.

`python -m safelight.models.build.golden --out FILE` is run when the graph or the reference picture changes, on a build
whose class outputs were checked on photographs (tests/adapters/test_encoder_classes.py). Stored as float16: a check by
direction needs no more.
"""

import argparse
import io
from pathlib import Path

import numpy as np

from safelight.inference.bundle import read_shipped, source_folder
from safelight.inference.golden import reference_picture
from safelight.inference.manifest import read_manifest
from safelight.inference.session import open_session
from safelight.models.build.efficientnet_lite0 import build
from safelight.models.shipped import EMBEDDED


def golden_file() -> bytes:
    """Return the content of the golden `.npy` file for the embedded bundle, built anew from the weights."""
    manifest = read_manifest(EMBEDDED)
    session = open_session(build(read_shipped(source_folder(manifest.origin), manifest.source)))
    picture = reference_picture(manifest.picture.side_px)[None]
    (answer,) = session.run([manifest.outputs.embedding], {manifest.picture.tensor: picture})
    embedding = answer[0].astype(np.float64)
    buffer = io.BytesIO()
    np.save(buffer, (embedding / np.sqrt((embedding**2).sum())).astype(np.float16), allow_pickle=False)
    return buffer.getvalue()


def main() -> None:
    """Write the file that `--out` names."""
    parser = argparse.ArgumentParser(description="Compute the reference embedding of the embedded bundle.")
    parser.add_argument("--out", type=Path, required=True)
    parser.parse_args().out.write_bytes(golden_file())


if __name__ == "__main__":
    main()
