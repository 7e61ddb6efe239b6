"""Finding files by the names without suffix, whatever letters they are written with: exports are told by them."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.frame import FileStamp, FoundFile, Role
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore


def catalog_of(*paths: str) -> SqliteStore:
    store = SqliteStore(open_database(":memory:"))
    with store.transaction():
        frame_id = store.catalog.add_frame(Path("/first"), arrived_s=0.0)
        for number, path in enumerate(dict.fromkeys(paths)):
            file = FoundFile(Path(path), Role.IMAGE, FileStamp(1, 1, number, 1))
            store.catalog.put_file(file, frame_id=frame_id, content=b"")
    return store


def named(store: SqliteStore, *stems: str) -> list[str]:
    return sorted(str(file.path) for file in store.catalog.files_named(stems))


@pytest.mark.parametrize(
    "path, stem, found",
    [
        ("/a/IMG_1.jpg", "img_1", True),
        ("/a/img_1.CR2", "img_1", True),
        ("/a/IMG_1.jpg", "img_2", False),
        ("/a.b/IMG_1", "img_1", True),
        ("/a.b/IMG_1", "a", False),
        ("/a/.jpg", ".jpg", True),
        ("/a/IMG.1.jpg", "img.1", True),
        ("/a/ÄÖÜ.jpg", "äöü", True),
        ("/ä/IMG_1.jpg", "img_1", True),
        ("/a/\N{KELVIN SIGN}_1.jpg", "k_1", True),  # a letter beyond ASCII whose small form is within it
        ("/a/raw\udcff.jpg", "raw\udcff", True),  # a byte that is no UTF-8
    ],
)
def test_names_are_compared_without_suffix_and_case(path: str, stem: str, found: bool) -> None:
    assert named(catalog_of(path, "/a/other.jpg"), stem) == ([path] if found else [])


NAMES = st.text("aAéÉk\N{KELVIN SIGN}.1_-\udcff", min_size=1, max_size=6).filter(lambda name: name not in {".", ".."})


@given(paths=st.lists(NAMES, max_size=6), stem=NAMES)
def test_what_is_found_is_what_python_says_of_the_name(paths: list[str], stem: str) -> None:
    stored = [f"/f.d/{name}" for name in paths]
    wanted = stem.lower()
    expected = sorted({path for path in stored if os.path.splitext(os.path.basename(path))[0].lower() == wanted})
    assert named(catalog_of(*stored), wanted) == expected
