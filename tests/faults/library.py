"""Makes a library that a fetched bundle can take over: pictures enough, rated by the embedded bundle, a tiny bundle.

Pictures are small, of two kinds that a person may like or not, so that a taste can be learned of a few of them.
"""

import json
import os
import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.end_to_end.daemons import QUIET, Home
from tests.faults.shoot import encoded, exif, picture, put

TINY = Path(__file__).resolve().parents[1] / "data" / "tiny_siglip"
FRAMES = 212  # a bundle takes over at 200
IN_USE = QUIET + '[models]\nbundle = "{}"\n'


class Library(Home):
    """A home with rated pictures, which `restore` brings back for each test."""

    def make(self, frames: int = FRAMES) -> None:
        """Write pictures, install the tiny bundle and rate with the embedded one."""
        for number in range(frames):
            self.add(number)
        self.install("tiny-siglip")
        self.use("embedded")
        status, _, complained = self.run("rate", self.pictures)
        assert status == 0, complained

    def add(self, number: int) -> Path:
        """Write one more picture: striped where the number is even."""
        image = picture(number, side=96)
        if number % 2 == 0:
            stripes = np.asarray(image) // 2 + (np.arange(image.width) // 6 % 2 * 120)[None, :, None]
            image = Image.fromarray(stripes.astype(np.uint8))
        data = encoded(image, quality=90, exif=exif(number * 20 + number // 40 * 9000))  # 40 to an outing
        return put(self.pictures / f"IMG_{number:04d}.jpg", data)

    def install(self, name: str, source: Path = TINY) -> None:
        """Install a bundle from a folder under a name."""
        folder = self.place / f"source-{name}"
        shutil.copytree(source, folder)
        manifest = (folder / "manifest.toml").read_text()
        (folder / "manifest.toml").write_text(re.sub('name = "[^"]+"', f'name = "{name}"', manifest, count=1))
        status, _, complained = self.models("fetch", name, "--from", folder)
        assert status == 0, complained

    def bundle(self, name: str = "tiny-siglip") -> Path:
        """Return where a bundle is installed."""
        return self.home / ".local/share/safelight/models" / name

    def use(self, name: str) -> None:
        """Choose the bundle that judges."""
        self.settings(IN_USE.format(name))

    def models(self, *arguments: str | Path) -> tuple[int, str, str]:
        """Run one of the commands of `models` that concern no state folder."""
        plain = Home.command
        self.command = lambda *words: plain(self, *words)[:-2]  # type: ignore[method-assign]
        try:
            return self.run("models", *arguments)
        finally:
            del self.command

    def keep(self) -> None:
        """Remember everything as it is now, for `restore`."""
        for name, copy in (("state", shutil.copy2), ("pictures", os.link)):  # SQLite writes its file in place
            shutil.copytree(self.place / name, self.place / f"{name}-kept", copy_function=copy)
        shutil.copytree(self.bundle().parent, self.place / "bundles-kept", copy_function=shutil.copy2)

    def restore(self) -> None:
        """Go back to what was remembered; the pictures are the very same files."""
        for name, copy in (("state", shutil.copy2), ("pictures", os.link)):
            shutil.rmtree(self.place / name, ignore_errors=True)
            shutil.copytree(self.place / f"{name}-kept", self.place / name, copy_function=copy)
        shutil.rmtree(self.bundle().parent)
        shutil.copytree(self.place / "bundles-kept", self.bundle().parent, copy_function=shutil.copy2)
        self.use("tiny-siglip")

    def rate_by_kind(self, numbers: range) -> None:
        """Rate as somebody who likes stripes, in the sidecars."""
        for number in numbers:
            sidecar = self.pictures / f"IMG_{number:04d}.jpg.xmp"
            stars = 4 + number // 2 % 2 if number % 2 == 0 else 1 + number // 2 % 2
            text = re.sub(r'xmp:Rating="\d"', f'xmp:Rating="{stars}"', sidecar.read_text(), count=1)
            sidecar.unlink()  # what was remembered for `restore` is the same file
            sidecar.write_text(text)

    def delete(self, numbers: range) -> None:
        """Delete pictures with their sidecars."""
        for number in numbers:
            for path in self.pictures.glob(f"IMG_{number:04d}.jpg*"):
                path.unlink()

    def told(self) -> dict[str, Any]:
        """Return what the catalog says: looks, ratings, what bundles took over, how many entries of each kind."""
        connection = sqlite3.connect(self.state / "catalog.sqlite")
        try:
            looks = "SELECT judge, content, embedding, quality, appeal FROM assessments ORDER BY judge, content"
            return {
                "looks": connection.execute(looks).fetchall(),
                "ratings": connection.execute("SELECT frame_id, stars, score FROM ratings ORDER BY 1").fetchall(),
                "took over": connection.execute("SELECT judge, digest FROM successions ORDER BY 1").fetchall(),
                "changes": connection.execute(
                    "SELECT payload FROM journal WHERE kind = 'judge_changed' ORDER BY seq"
                ).fetchall(),
            }
        finally:
            connection.close()

    def change(self, statement: str) -> None:
        """Change the catalog by hand."""
        connection = sqlite3.connect(self.state / "catalog.sqlite")
        with connection:
            connection.execute(statement)
        connection.close()

    def standing(self) -> dict[str, Any]:
        """Return what `status` says of the bundle in use."""
        found: dict[str, Any] = self.record("status")["models"]
        return found

    def verified(self) -> str:
        """Return what a replay says; empty when everything is as it was."""
        status, said, _ = self.run("learn", "--replay", "--verify", "--json")
        return "" if status == 0 and not json.loads(said)["differences"] else said


@pytest.fixture
def library(made: Library) -> Library:
    """Return the library that a module has `made`, as it was, with the tiny bundle chosen."""
    made.restore()
    return made
