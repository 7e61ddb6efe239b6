"""The tiny SigLIP of tests/data, as the exporter wrote it and as an installation has it.

Its weights are random: what it says of a picture means nothing, but shapes, files, sums and the way through code are
those of a real bundle. Made with `python -m safelight.models.export tests/data/tiny_siglip --random tiny
--name tiny-siglip --vision fp32,int8 --text int8`.
"""

import json
import shutil
from pathlib import Path

from safelight.inference.fetched import FetchedManifest, read_fetched

SOURCE = Path(__file__).resolve().parents[1] / "data" / "tiny_siglip"
NAME = "tiny-siglip"
INSTALLED_S = 1_790_000_000.0


def tiny_manifest() -> FetchedManifest:
    path = SOURCE / "manifest.toml"
    return read_fetched(path.read_bytes(), path)


def tiny_bundle(folder: Path) -> Path:
    """Lay the tiny bundle out below `folder` as an installation has it, without what is computed at install."""
    installed = folder / NAME
    installed.mkdir(parents=True)
    manifest = tiny_manifest()
    for path in ("manifest.toml", *(file.path for file in manifest.files)):
        shutil.copyfile(SOURCE / path, installed / path)
    files = [
        {
            "path": file.path,
            "size_bytes": file.size_bytes,
            "sha256": file.sha256,
            "confirmed": file.confirmed,
            "accepted": False,
        }
        for file in manifest.files
    ]
    receipt = {"format": 1, "installed_s": INSTALLED_S, "files": files}
    (installed / "receipt.json").write_text(json.dumps(receipt), encoding="utf-8")
    return installed
