"""A disk that is pulled just while its folders are looked at."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from safelight.ports import Listing
from safelight.watching.scan import DiskScanner
from tests.services.library import Library


@pytest.mark.parametrize("whole", [True, False])
def test_a_disk_pulled_between_the_look_at_it_and_the_look_into_it_is_not_a_cull(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: bool
) -> None:
    library = Library(tmp_path / "pictures")
    stick = library.folder / "stick"
    stick.mkdir()
    library.mounts.mount(stick, device=9, file_system=99)
    library.fill("a.jpg", "stick/b.jpg", "stick/c.jpg")

    def pull() -> None:
        if stick in library.mounts.mounted:
            shutil.rmtree(stick)
            stick.mkdir()
            library.mounts.unmount(stick)

    class Pulled(DiskScanner):
        def scan(self, folder: Path) -> Iterator[Listing]:
            pull()
            return iter(super().scan(folder))

        def listing(self, folder: Path) -> Listing:
            pull()
            return super().listing(folder)

    monkeypatch.setattr("tests.services.library.DiskScanner", Pulled)
    if whole:
        library.reconcile()
    else:
        library.service().look_into([stick], roots=[library.folder])
    assert stick not in library.mounts.mounted
    assert library.facts() == []
