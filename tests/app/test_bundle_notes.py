"""What lies beside a bundle that is put together: the note of what was asked for, and what takes room or does not."""

import os
import signal
from hashlib import sha256
from pathlib import Path

import pytest

from safelight.app import bundles
from safelight.app.bundle_choice import Choice
from safelight.app.bundle_plan import planned
from safelight.app.bundle_shelf import Shelf
from safelight.app.bundle_stage import Stage, staged
from safelight.app.settings import Settings
from safelight.errors import BundleError
from tests.fakes import bundles as tiny
from tests.fakes.bundle_scene import NAME, TEXT, VISION, Recorder, Scene, contents
from tests.fakes.hub_server import HubServer


@pytest.fixture
def noted(tmp_path: Path) -> Path:
    """Return where the note of a bundle lies whose fetch was killed before the first byte."""
    (tmp_path / ".fetching").mkdir()
    Stage(tmp_path, NAME).note([VISION, TEXT])
    return tmp_path / ".fetching" / f"{NAME}.chosen"


def test_what_was_asked_for_outlives_a_kill_before_the_first_byte(tmp_path: Path, noted: Path) -> None:
    with staged(tmp_path, NAME) as stage:
        assert stage.begun() == {VISION, TEXT}
    assert not noted.exists(), "nothing arrived, and nobody killed it"


def test_a_note_of_what_was_never_begun_is_not_taken_for_a_later_fetch(tmp_path: Path, noted: Path) -> None:
    Stage(tmp_path, NAME).folder.rmdir()
    with staged(tmp_path, NAME) as stage:
        stage.write("made/golden.npy", b"x")
        assert stage.begun() == {"made/golden.npy"}


def test_a_note_that_is_a_pipe_a_folder_or_a_link_holds_nothing_up(tmp_path: Path, noted: Path) -> None:
    victim = tmp_path / "mine.txt"
    victim.write_text(TEXT)

    def no_note() -> None:
        noted.unlink() if not noted.is_dir() else noted.rmdir()

    for make in (lambda: os.mkfifo(noted), noted.mkdir, lambda: noted.symlink_to(victim)):
        no_note()
        make()
        signal.alarm(10)  # a pipe would be waited for
        assert list(Shelf(tmp_path).remains()) == [(NAME, 0)]
        assert f"{NAME}.chosen" not in Shelf(tmp_path).names()
        assert Stage(tmp_path, NAME).begun() == frozenset()
        with staged(tmp_path, NAME) as stage:
            stage.note([VISION])
            stage.write(VISION, b"x")
            assert stage.begun() == {VISION} and noted.read_text() == f"{VISION}\n"
        signal.alarm(0)
        (stage.folder / VISION).unlink()
    assert victim.read_text() == TEXT


def test_what_the_installed_bundle_shares_frees_no_room(tmp_path: Path) -> None:
    installed, stage = tmp_path / NAME / VISION, Stage(tmp_path, NAME)
    installed.parent.mkdir(parents=True)
    installed.write_bytes(b"x" * 5000)
    stage.link(installed, VISION)
    stage.write("alone", b"x" * 70)
    assert list(Shelf(tmp_path).remains()) == [(NAME, 70)]


def test_a_damaged_one_of_your_own_is_not_chosen_and_comes_from_its_folder(tmp_path: Path) -> None:
    folder = tiny.tiny_bundle(tmp_path / "models")
    settings = Settings(state=tmp_path, models=tmp_path, bundles=tmp_path / "models")
    for damage in (b"", b"x" * (folder / "vision_int8.onnx").stat().st_size):
        (folder / "vision_int8.onnx").write_bytes(damage)
        with pytest.raises(BundleError) as caught:
            bundles.use(tiny.NAME, settings=settings, environ={"HOME": str(tmp_path)}, telling=Recorder())
        assert caught.value.hint == f"'safelight models fetch {tiny.NAME} --from FOLDER' puts it right."


def test_a_file_of_another_size_that_was_accepted_is_here_already(tmp_path: Path) -> None:
    files = contents(size=2_000)
    scene = Scene(tmp_path, HubServer())
    scene.describe(files, confirmed=False)
    other = b"y" * (len(files[VISION]) - 700)
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "vision.onnx").write_bytes(other)
    scene.fetch(folder=folder, accepted=frozenset({sha256(other).hexdigest()}))
    told = planned(NAME, Choice(), shelf=Shelf(scene.bundles, manifests=scene.manifests, gpu=False))
    assert told is not None and told.here_bytes == told.size_bytes == len(other)
