"""What is left for `status` about bundles goes with the copies that it is about, each with its own."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from safelight.app.bundle_word import Copies, Word, copies, missed, read, written
from safelight.app.settings import Settings

ALL = Word("cpu: There is no GPU.", "The bundle fails.", True, "Faces fail.")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    made = Settings(state=tmp_path, models=tmp_path, bundles=tmp_path / "bundles", bundle="toy")
    for name in ("toy", "faces"):
        install(made, name)
    return made


def install(settings: Settings, name: str, at_ns: int = 10**18) -> Path:
    """Put a receipt where a bundle would be."""
    receipt = settings.bundles / name / "receipt.json"
    receipt.parent.mkdir(parents=True, exist_ok=True)
    receipt.write_text("{}")
    os.utime(receipt, ns=(at_ns, at_ns))
    return receipt


def left(settings: Settings) -> str:
    return written(ALL, settings, copies(settings))


def test_what_is_left_is_read(settings: Settings) -> None:
    assert read(left(settings), settings) == ALL
    assert ALL.trouble == "The bundle fails. Faces fail."
    assert read(None, settings) == Word()


def test_installing_what_finds_faces_leaves_what_is_said_of_the_bundle(settings: Settings) -> None:
    text = left(settings)
    receipt = install(settings, "faces", 10**18 + 1)
    assert read(text, settings) == replace(ALL, of_faces="")
    receipt.unlink()
    assert read(text, settings) == replace(ALL, of_faces="")


def test_what_is_said_goes_with_the_copy_of_the_bundle(settings: Settings) -> None:
    text = left(settings)
    install(settings, "toy", 10**18 + 1)
    assert read(text, settings) == Word(of_faces="Faces fail.")
    assert read(text, replace(settings, bundle="other")) == Word(of_faces="Faces fail.")


def test_of_faces_that_are_not_wanted_nothing_is_said(settings: Settings) -> None:
    assert read(left(settings), replace(settings, faces=False)).trouble == "The bundle fails."


def test_word_of_a_bundle_that_was_missing_is_not_about_the_one_that_is_back(settings: Settings) -> None:
    receipt = settings.bundles / "toy" / "receipt.json"
    away = receipt.rename(settings.bundles / "receipt.json")
    loaded = copies(settings)
    assert loaded == Copies(0, 10**18)
    away.rename(receipt)  # before the word is left
    assert read(written(ALL, settings, loaded), settings) == Word(of_faces="Faces fail.")


def test_a_bundle_that_could_not_be_read_and_is_there_was_missed(settings: Settings) -> None:
    unread = written(ALL, settings, Copies(0, 10**18))
    assert missed(unread, settings) and read(unread, settings).of_bundle == ""
    assert not missed(unread, replace(settings, bundle="other"))
    assert not missed(left(settings), settings) and not missed(None, settings)
    (settings.bundles / "toy" / "receipt.json").unlink()
    assert not missed(unread, settings) and read(unread, settings) == ALL


def test_word_of_an_older_release_is_about_nothing(settings: Settings) -> None:
    old = '{"bundle": "toy", "installed": [1, 2], "provider": "cpu", "trouble": "", "fails": false}'
    assert read(old, settings) == Word()


def test_without_a_folder_of_bundles_none_is_looked_for(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(settings.bundles)
    assert copies(replace(settings, bundles=Path())) == Copies(0, 0)
