"""Bundles with a model in them, through what the commands call: verify, fetch, remove; the tiny random SigLIP."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from safelight.app import bundles
from safelight.app.bundle_choice import Choice
from safelight.app.bundle_shelf import MANIFESTS, Shelf
from safelight.app.settings import settings as settings_of
from safelight.errors import BundleError
from safelight.inference import face_models, installed
from safelight.inference.fetched import read_fetched
from safelight.inference.installed import Installed, made_trouble, read_installed
from tests.fakes.bundle_scene import Recorder
from tests.fakes.bundles import NAME, SOURCE
from tests.fakes.graphs import bundle, tower

INT8 = "vision_int8.onnx"
GOLDEN, DIRECTIONS = "golden_vision.npy", "directions.npz"


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path / "data"), "XDG_CONFIG_HOME": str(tmp_path / "config")}


@pytest.fixture
def settings(environ):
    return settings_of(environ)


@pytest.fixture
def folder(settings):
    """The tiny bundle, installed from its folder with its text tower."""
    fetch(settings, folder=SOURCE, text_int8=True)
    return settings.bundles / NAME


def fetch(settings, name=NAME, **choice):
    telling = Recorder()
    done = bundles.fetch(name, Choice(**choice), settings=settings, telling=telling)
    return done, telling.said


def wrong(settings, name=NAME):
    return bundles.verify(name, settings=settings, telling=Recorder()).wrong


def as_before(folder):
    """Let the receipt be one of before what was computed was noted."""
    receipt = json.loads((folder / "receipt.json").read_text())
    del receipt["made"]
    (folder / "receipt.json").write_text(json.dumps(receipt))


# -- a file that is larger than described


def test_a_file_that_is_larger_than_described_is_installed_when_it_is_accepted(settings, tmp_path):
    source = tmp_path / "larger"
    shutil.copytree(SOURCE, source)
    size = (source / INT8).stat().st_size
    sha256 = hashlib.sha256((source / INT8).read_bytes()).hexdigest()
    text = (source / "manifest.toml").read_text()
    assert f"size_bytes = {size}" in text and f'sha256 = "{sha256}"\nconfirmed = true' in text
    text = text.replace(f"size_bytes = {size}", f"size_bytes = {size - 1000}")
    text = text.replace(f'sha256 = "{sha256}"\nconfirmed = true', f'sha256 = "{"1" * 64}"\nconfirmed = false')
    (source / "manifest.toml").write_text(text)
    with pytest.raises(BundleError) as caught:
        fetch(settings, folder=source)
    assert f"--accept-hash {sha256}" in caught.value.hint
    done, _ = fetch(settings, folder=source, accepted=frozenset({sha256}))
    assert [each.size_bytes for each in done.files if each.accepted] == [size]
    assert wrong(settings) == ()


# -- what is computed at install


@pytest.mark.parametrize("name", [GOLDEN, DIRECTIONS])
@pytest.mark.parametrize("old", [False, True])
def test_what_was_computed_and_is_missing_is_told_and_computed_anew(settings, folder, name, old):
    assert wrong(settings) == ()
    before = (folder / "made" / name).read_bytes()
    if old:
        as_before(folder)
    (folder / "made" / name).unlink()
    assert wrong(settings) == (f"made/{name}, which was computed at install, is missing.",)
    done, said = fetch(settings)
    assert done.new and any("computed anew" in each for each in said)
    assert (folder / "made" / name).read_bytes() == before and wrong(settings) == ()
    assert {each.path for each in done.files} >= {INT8, "text_int8.onnx", "tokenizer.json"}


@pytest.mark.parametrize("name", [GOLDEN, DIRECTIONS])
@pytest.mark.parametrize("old", [False, True])
def test_what_was_computed_and_is_damaged_is_told_and_computed_anew(settings, folder, name, old):
    made = folder / "made" / name
    before = made.read_bytes()
    if old:
        as_before(folder)
    made.write_bytes(before[:100])
    assert len(wrong(settings)) == 1
    assert fetch(settings)[0].new
    assert made.read_bytes() == before and wrong(settings) == ()
    assert not fetch(settings)[0].new


def test_a_reference_without_a_sum_that_does_not_agree_is_told_and_computed_anew(settings, folder):
    golden = folder / "made" / GOLDEN
    before = golden.read_bytes()
    np.save(golden, -np.load(golden))
    as_before(folder)
    assert wrong(settings) == (f"made/{GOLDEN}, which was computed at install, does not agree with its model.",)
    assert fetch(settings)[0].new
    assert golden.read_bytes() == before and wrong(settings) == () and not fetch(settings)[0].new


def test_the_reference_stays_when_the_bundle_is_fetched_again_for_something_else(settings, folder):
    golden = folder / "made" / GOLDEN
    value = np.load(golden)
    value[:5] *= np.float16(1.01)  # as another library of before said it
    np.save(golden, value)
    other = golden.read_bytes()
    as_before(folder)
    (folder / INT8).unlink()
    assert fetch(settings, folder=SOURCE)[0].new
    assert golden.read_bytes() == other
    again = bytearray((folder / INT8).read_bytes())
    assert hashlib.sha256(again).hexdigest() == read_installed(folder).received[INT8].sha256


def test_another_tower_has_a_reference_of_its_own(settings, tmp_path):
    fetch(settings, "stand-in", folder=bundle(tmp_path / "one", {("int8", "cpu"): tower()}))
    golden = settings.bundles / "stand-in" / "made" / GOLDEN
    before = golden.read_bytes()
    np.save(golden, -np.load(golden))
    as_before(settings.bundles / "stand-in")
    fetch(settings, "stand-in", folder=bundle(tmp_path / "two", {("int8", "cpu"): tower(batch=1)}))
    assert golden.read_bytes() == before and wrong(settings, "stand-in") == ()


def test_a_damaged_reference_is_not_read(folder):
    made = folder / "made" / GOLDEN
    content = bytearray(made.read_bytes())
    content[-1] ^= 1
    made.write_bytes(content)
    with pytest.raises(BundleError, match="damaged") as caught:
        read_installed(folder).made(GOLDEN)
    assert f"safelight models fetch {NAME}" in caught.value.hint


def test_the_face_models_that_are_computed_are_those_that_are_read():
    assert [f"{model.name}.onnx" for model in face_models.MODELS] == list(installed.FACE_MODELS)


# -- what is computed of face models


@pytest.fixture
def faces(tmp_path):
    """A bundle of face models as it stands after install: the models are random bytes."""
    file = MANIFESTS / "faces.toml"
    made = tmp_path / "faces" / "made"
    made.mkdir(parents=True)
    contents = {name: bytes([number]) * 100_000 for number, name in enumerate(installed.FACE_MODELS)}
    for name, content in contents.items():
        (made / name).write_bytes(content)
    sums = {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}
    told = {"format": 1, "revision": installed.FACE_REVISION, "files": sums}
    (made / installed.FACE_SUMS).write_text(json.dumps(told))
    return Installed(tmp_path / "faces", read_fetched(file.read_bytes(), file), {})


def test_converted_face_models_are_compared_with_their_sums(faces):
    assert made_trouble(faces) == made_trouble(faces, whole=True) == ""
    (faces.folder / "made" / "landmarks.onnx").write_bytes(bytes(100_000))
    assert made_trouble(faces) == "", "no model is read to list the bundles"
    assert made_trouble(faces, whole=True) == "made/landmarks.onnx, which was computed at install, is damaged."
    (faces.folder / "made" / "landmarks.onnx").unlink()
    assert "landmarks.onnx" in made_trouble(faces) and "missing" in made_trouble(faces)


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b'{"revision": 0, "files": {}}'])
def test_face_models_whose_sums_cannot_be_used_are_to_be_made_anew(faces, content):
    sums = faces.folder / "made" / installed.FACE_SUMS
    sums.unlink() if content is None else sums.write_bytes(content)
    assert installed.FACE_SUMS in made_trouble(faces)


# -- clearing what was begun


def begin(settings, name, content=b"12345"):
    place = settings.bundles / ".fetching" / name
    place.mkdir(parents=True)
    (place / "vision.onnx.part").write_bytes(content)
    return place


def test_what_was_begun_is_cleared_and_the_bundle_in_use_stays(settings, environ, folder):
    bundles.use(NAME, settings=settings, environ=environ, telling=Recorder())
    place = begin(settings, NAME)
    assert bundles.remove(NAME, settings=settings, environ=environ, unfinished=True) == 5
    assert not place.exists() and wrong(settings) == ()
    with pytest.raises(BundleError, match=f"Nothing was begun of a model bundle {NAME}"):
        bundles.remove(NAME, settings=settings, environ=environ, unfinished=True)
    with pytest.raises(BundleError, match="in use"):
        bundles.remove(NAME, settings=settings, environ=environ)


def test_what_a_crash_left_of_one_s_own_bundle_is_cleared(settings, environ):
    begin(settings, "mine.gone")
    assert bundles.remove("mine", settings=settings, environ=environ, unfinished=True) == 5
    assert list(Shelf(settings.bundles).remains()) == []


def test_an_old_bundle_that_a_crash_left_is_put_back_and_not_cleared(settings, environ, folder):
    begin(settings, NAME)
    folder.rename(settings.bundles / ".fetching" / f"{NAME}.old")
    assert bundles.remove(NAME, settings=settings, environ=environ, unfinished=True) == 5
    assert wrong(settings) == ()


@pytest.mark.parametrize("name", ["../../photographs", "..", ".", "a/b", ".fetching", "", "t\0y", "embedded"])
def test_a_name_that_leads_elsewhere_clears_nothing(settings, environ, name):
    begin(settings, "other")
    (settings.bundles / ".fetching" / ".old").mkdir()
    with pytest.raises(BundleError):
        bundles.remove(name, settings=settings, environ=environ, unfinished=True)
    assert (settings.bundles / ".fetching" / "other" / "vision.onnx.part").exists()


# -- what is told of bundles that are not there


def test_the_embedded_bundle_is_verified_like_any_other(settings):
    found = bundles.verify("embedded", settings=settings, telling=Recorder())
    assert found.wrong == () and len(found.files) == 3


def test_a_missing_bundle_of_one_s_own_is_fetched_from_a_folder(settings, environ):
    for ask in (
        lambda name: bundles.use(name, settings=settings, environ=environ, telling=Recorder()),
        lambda name: bundles.remove(name, settings=settings, environ=environ),
        lambda name: bundles.verify(name, settings=settings, telling=Recorder()),
    ):
        with pytest.raises(BundleError) as caught:
            ask("stand-in")
        assert "'safelight models fetch stand-in --from FOLDER'" in caught.value.hint
        with pytest.raises(BundleError) as caught:
            ask("siglip2-base")
        assert "'safelight models fetch siglip2-base' installs it" in caught.value.hint


# -- what can be no bundle


def test_a_tower_that_answers_nonsense_is_not_kept_and_not_fetched_again(settings, tmp_path):
    bad = bundle(tmp_path / "bad", {("int8", "cpu"): tower(wrong="nan")})
    with pytest.raises(BundleError, match="not finite") as caught:
        fetch(settings, "stand-in", folder=bad)
    assert "Fetch it again" not in caught.value.told and str(bad) in caught.value.hint
    assert list(Shelf(settings.bundles).remains()) == []


def test_the_bundle_that_was_there_stays_when_a_bad_one_is_refused(settings, tmp_path):
    good = bundle(tmp_path / "good", {("int8", "cpu"): tower()})
    bad = bundle(tmp_path / "bad", {("int8", "cpu"): tower(wrong="constant")})
    fetch(settings, "stand-in", folder=good)
    with pytest.raises(BundleError, match="negative"):
        fetch(settings, "stand-in", folder=bad)
    assert wrong(settings, "stand-in") == () and list(Shelf(settings.bundles).remains()) == []
    assert Path(settings.bundles / "stand-in" / "manifest.toml").read_bytes() == (good / "manifest.toml").read_bytes()
