"""Builds trash cans as desktops leave them, byte for byte where names are no text."""

import os
from pathlib import Path
from urllib.parse import quote_from_bytes


class Can:
    """One can: a folder with files/ and info/."""

    def __init__(self, place: Path, *, sticky_parent: bool = False) -> None:
        self.place = place
        (place / "files").mkdir(parents=True)
        (place / "info").mkdir()
        if sticky_parent:
            place.parent.chmod(0o1777)

    def put(self, original: Path | str, *, name: str | None = None, date: str | None = "2024-05-06T07:08:09") -> Path:
        """Throw a small file away; `original` is written as it is told, absolute or relative."""
        path = self.place / "files" / (name or Path(original).name)
        path.write_bytes(b"picture")
        self.tell(path.name, original, date=date)
        return path

    def put_folder(self, original: Path | str, *names: str) -> Path:
        """Throw a folder with some files in it away."""
        path = self.place / "files" / Path(original).name
        for name in names:
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(b"picture")
        self.tell(path.name, original)
        return path

    def tell(self, name: str, original: Path | str, *, date: str | None = "2024-05-06T07:08:09") -> None:
        lines = ["[Trash Info]", f"Path={quote_from_bytes(os.fsencode(original))}"]
        lines += [f"DeletionDate={date}"] if date is not None else []
        self.info(name).write_text("\n".join(lines) + "\n")

    def info(self, name: str) -> Path:
        """Return the path of what tells of a trashed file."""
        return self.place / "info" / f"{name}.trashinfo"
