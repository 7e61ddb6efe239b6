"""Fetching again: what was begun, what was installed, what was computed, and what was refused or has no room."""

import errno
import json
import os
from pathlib import Path

import pytest

from safelight.app.bundle_choice import Choice, chosen
from safelight.app.bundle_shelf import State
from safelight.app.bundle_stage import staged
from safelight.errors import BundleError
from safelight.inference.fetched import read_fetched
from safelight.inference.installed import made_trouble
from tests.app.test_bundle_fetching import asked_bytes, in_cache, refused, state, sum_of
from tests.fakes.bundle_scene import GPU, NAME, SMALL, TEXT, TOKENIZER, VISION, contents, described, scene

__all__ = ["scene"]
FILES = contents()
WITH_TEXT = {VISION, TEXT, TOKENIZER}


def own_folder(scene, *, name="mine"):
    """Return a folder with a bundle that describes itself, as an exported one does."""
    folder = scene.home / name
    folder.mkdir()
    (folder / "vision.onnx").write_bytes(FILES[VISION])
    (folder / "manifest.toml").write_text(described(FILES, name=name, source="local = true\n"))
    return folder


def stage_of(scene, name=NAME):
    return scene.bundles / ".fetching" / name


# -- what was begun


def test_a_text_tower_that_was_begun_is_gone_on_with_though_nobody_asks_again(scene):
    scene.hub.breaks = [len(FILES[VISION]), 15_000] + [0] * 9
    refused(scene, text=True)
    scene.hub.breaks = []
    scene.fetch()
    assert set(scene.installed()) == WITH_TEXT
    assert ("bytes=15000-", len(FILES[TEXT]) - 15_000) in asked_bytes(scene)
    assert [each for each in scene.telling.said if TEXT in each and "--unfinished" in each]


def test_what_was_asked_for_is_fetched_though_it_broke_off_before_a_byte_of_it_came(scene):
    scene.hub.breaks = [15_000] + [0] * 9
    refused(scene, text=True)
    scene.hub.breaks = []
    scene.fetch()
    assert set(scene.installed()) == WITH_TEXT
    assert os.listdir(scene.bundles / ".fetching") == [f"{NAME}.lock"]


def test_what_was_asked_for_in_vain_is_forgotten_when_nothing_arrived(scene):
    scene.endpoint = "http://127.0.0.1:9"  # nobody listens there
    refused(scene, text=True)
    assert state(scene) is State.MISSING
    assert os.listdir(scene.bundles / ".fetching") == [f"{NAME}.lock"]
    scene.endpoint = None
    scene.fetch()
    assert set(scene.installed()) == {VISION}


def test_what_was_begun_is_gone_on_with_beside_a_whole_bundle(scene):
    scene.fetch()
    scene.hub.breaks = [15_000] + [0] * 9
    refused(scene, text=True)
    scene.hub.breaks = []
    assert scene.fetch().new
    assert set(scene.installed()) == WITH_TEXT


def test_without_a_gpu_s_files_means_that_though_they_were_begun():
    manifest = read_fetched(described(FILES).encode(), Path("toy.toml"))
    begun = frozenset({VISION, GPU, TEXT})
    went_on = chosen(manifest, Choice(), kept=frozenset(), begun=begun)
    assert [each.path for each in went_on] == [VISION, GPU, TEXT, TOKENIZER]
    without = chosen(manifest, Choice(no_gpu=True), kept=frozenset(), begun=begun)
    assert [each.path for each in without] == [VISION, TEXT, TOKENIZER]
    assert GPU in {each.path for each in chosen(manifest, Choice(no_gpu=True), kept=frozenset({GPU}), begun=begun)}


def test_a_refusal_leaves_no_copy_of_what_is_installed(scene, tmp_path):
    scene.fetch()
    (tmp_path / "text16.onnx").write_bytes(b"another")
    (tmp_path / "t.json").write_bytes(FILES[TOKENIZER])
    refused(scene, folder=tmp_path, text=True)
    assert not (stage_of(scene) / VISION).exists()
    refused(scene, folder=tmp_path / "nowhere", text_int8=True)
    assert state(scene) is State.INSTALLED


def test_remains_beside_a_bundle_that_is_whole_are_cleared(scene):
    scene.fetch()
    stage_of(scene).joinpath("onnx").mkdir(parents=True)
    (stage_of(scene) / VISION).write_bytes(b"another version")
    assert not scene.fetch().new
    assert list(scene.shelf.remains()) == []


# -- what was installed


def test_a_repair_installs_the_text_tower_again(scene):
    scene.fetch(text=True)
    (scene.bundles / NAME / VISION).unlink()
    before = len(scene.hub.bodies())
    scene.fetch()
    assert set(scene.installed()) == WITH_TEXT
    assert [each.sent for each in scene.hub.bodies()[before:]] == [len(FILES[VISION])]


def test_a_repair_fetches_a_text_tower_that_is_gone(scene):
    scene.fetch(text_int8=True)
    (scene.bundles / NAME / SMALL).unlink()
    scene.fetch()
    assert set(scene.installed()) == {VISION, SMALL, TOKENIZER}


def test_without_its_receipt_a_bundle_keeps_the_files_that_are_there(scene):
    scene.fetch(text=True)
    (scene.bundles / NAME / "receipt.json").write_text("{")
    scene.fetch()
    assert set(scene.installed()) == WITH_TEXT


def test_a_repair_asks_for_no_sum_that_was_accepted(scene):
    scene.describe(FILES, sums=False)
    scene.fetch(accepted=[sum_of(VISION)])
    (scene.bundles / NAME / VISION).unlink()
    done = scene.fetch()
    assert [(each.path, each.accepted) for each in done.files] == [(VISION, True)]


# -- what was computed


def test_the_receipt_holds_the_sums_of_what_was_computed(scene):
    scene.fetch(text=True)
    receipt = json.loads((scene.bundles / NAME / "receipt.json").read_text())
    assert [(each["name"], each["size_bytes"]) for each in receipt["made"]] == [
        ("directions.npz", len(b"directions")),
        ("golden_vision.npy", len(b"toy")),
    ]


@pytest.mark.parametrize("content", [None, b"", b"Toy", b"toys"])
def test_what_was_computed_and_is_missing_or_damaged_is_computed_anew_without_the_network(scene, content):
    scene.fetch(text=True)
    golden = scene.bundles / NAME / "made" / "golden_vision.npy"
    golden.unlink() if content is None else golden.write_bytes(content)
    assert "made/golden_vision.npy" in made_trouble(scene.shelf.installed(NAME))
    scene.endpoint, asked = "http://127.0.0.1:9", len(scene.hub.asked)
    done = scene.fetch()
    assert done.new and golden.read_bytes() == b"toy" and len(scene.hub.asked) == asked
    assert any("computed anew" in each and "golden_vision" in each for each in scene.telling.said)
    assert set(scene.installed()) == WITH_TEXT and made_trouble(scene.shelf.installed(NAME)) == ""
    assert not scene.fetch().new


@pytest.mark.parametrize("gone", ["golden_vision.npy", "directions.npz"])
def test_it_is_noticed_of_bundles_that_were_installed_before_this_was_noted(scene, gone):
    scene.fetch(text=True)
    folder = scene.bundles / NAME
    receipt = json.loads((folder / "receipt.json").read_text())
    del receipt["made"]
    (folder / "receipt.json").write_text(json.dumps(receipt))
    (folder / "made" / "golden_vision.npy").write_bytes(b"\x93NUMPY and so on")
    (folder / "made" / "directions.npz").write_bytes(b"PK and so on")
    assert made_trouble(scene.shelf.installed(NAME)) == ""
    (folder / "made" / gone).unlink()
    assert made_trouble(scene.shelf.installed(NAME)) == f"made/{gone}, which was computed at install, is missing."
    assert scene.fetch().new and made_trouble(scene.shelf.installed(NAME)) == ""


@pytest.mark.parametrize("lacks", ["golden_vision.npy", "directions.npz"])
def test_a_receipt_that_does_not_tell_of_what_is_needed_is_made_anew(scene, lacks):
    scene.fetch(text=True)
    file = scene.bundles / NAME / "receipt.json"
    receipt = json.loads(file.read_text())
    receipt["made"] = [each for each in receipt["made"] if each["name"] != lacks]
    file.write_text(json.dumps(receipt))
    told = f"The receipt does not tell of made/{lacks}, which is computed at install."
    assert made_trouble(scene.shelf.installed(NAME)) == told
    assert state(scene) is State.DAMAGED
    assert scene.fetch().new and made_trouble(scene.shelf.installed(NAME)) == ""


def test_a_link_in_the_place_of_what_was_computed_is_damage(scene, tmp_path):
    scene.fetch()
    golden = scene.bundles / NAME / "made" / "golden_vision.npy"
    golden.rename(tmp_path / "elsewhere")
    golden.symlink_to(tmp_path / "elsewhere")
    assert "is damaged" in made_trouble(scene.shelf.installed(NAME))


# -- a bundle that only its owner has


def test_a_bundle_of_one_s_own_that_is_whole_needs_no_folder(scene):
    scene.fetch("mine", folder=own_folder(scene))
    assert not scene.fetch("mine").new
    (scene.bundles / "mine" / "made" / "golden_vision.npy").unlink()
    assert scene.fetch("mine").new and scene.hub.asked == []


def test_a_bundle_of_one_s_own_that_is_damaged_asks_for_its_folder(scene):
    folder = own_folder(scene)
    scene.fetch("mine", folder=folder)
    (scene.bundles / "mine" / VISION).unlink()
    assert "--from DIR" in refused(scene, name="mine").hint
    (scene.bundles / "mine" / "manifest.toml").unlink()
    assert "safelight models fetch mine --from DIR" in refused(scene, name="mine").hint
    assert scene.fetch("mine", folder=folder).new


# -- what other programs have


def test_offline_a_file_of_the_cache_with_another_sum_is_asked_about(scene):
    scene.describe(FILES, confirmed=False, changed={VISION: "1" * 64})
    in_cache(scene, FILES[VISION])
    scene.offline = True
    error = refused(scene)
    assert sum_of(VISION) in error.summary and "1" * 64 in error.summary and str(scene.cache) in error.summary
    assert f"--accept-hash {sum_of(VISION)}" in error.hint and "HF_HUB_OFFLINE" in error.hint
    assert state(scene) is State.MISSING
    done = scene.fetch(accepted=[sum_of(VISION)])
    assert [each.accepted for each in done.files] == [True] and scene.hub.asked == []


def test_what_no_cache_has_is_told_before_what_it_has_otherwise(scene):
    scene.describe(FILES, confirmed=False, changed={VISION: "1" * 64})
    in_cache(scene, FILES[VISION])
    scene.offline = True
    assert refused(scene, text=True).summary.startswith(f"{TEXT} is not on this computer")


def test_a_file_of_the_cache_with_another_sum_gives_way_to_the_right_one(scene):
    scene.describe(FILES, confirmed=False)
    in_cache(scene, b"x" * 40_000)
    assert [each.accepted for each in scene.fetch().files] == [False]
    assert scene.installed() == {VISION: FILES[VISION]}


def test_offline_a_file_of_the_cache_that_cannot_be_right_is_told(scene):
    in_cache(scene, b"x" * 40_000)
    scene.offline = True
    refused(scene)
    assert any(str(scene.cache) in each and "not the file" in each for each in scene.telling.said)


# -- what is refused


def test_files_that_are_not_known_to_be_right_and_can_be_no_bundle_are_not_kept(scene):
    scene.describe(FILES, confirmed=False)
    scene.prepare_fails = BundleError("It is no model.", hint="Fetch it again.")
    error = refused(scene)
    assert error.summary == "It is no model." and "Fetch it again" not in error.hint and "refused again" in error.hint
    assert state(scene) is State.MISSING and list(scene.shelf.remains()) == []


def test_files_of_a_folder_that_can_be_no_bundle_are_not_kept_whatever_the_folder_says(scene):
    folder = own_folder(scene)
    scene.prepare_fails = BundleError("It is no model.", hint="Fetch it again.")
    assert str(folder) in refused(scene, name="mine", folder=folder).hint
    assert list(scene.shelf.remains()) == [] and (folder / "vision.onnx").read_bytes() == FILES[VISION]


def test_files_that_are_meant_are_kept_and_the_computer_is_looked_at(scene):
    scene.prepare_fails = BundleError("It answers nonsense.", hint="Fetch it again.")
    error = refused(scene)
    assert "Fetch it again" not in error.hint and "doctor" in error.hint and "--unfinished" in error.hint
    assert state(scene) is State.UNFINISHED


def test_a_disk_that_is_full_when_it_is_prepared_is_no_refusal(scene):
    scene.describe(FILES, confirmed=False)
    scene.prepare_fails = BundleError("It cannot be written.", hint="Free some space.")
    scene.prepare_fails.__cause__ = OSError(errno.ENOSPC, "full")
    assert refused(scene).hint == "Free some space."
    assert state(scene) is State.UNFINISHED


# -- room


def test_too_little_room_is_told_before_a_folder_is_copied(scene, tmp_path):
    (tmp_path / "vision.onnx").write_bytes(FILES[VISION])
    scene.spare_bytes = 1 << 60
    error = refused(scene, folder=tmp_path)
    assert "MB free" in error.summary and "needed" in error.summary
    assert list(scene.shelf.remains()) == []


def test_too_little_room_is_told_before_the_cache_is_copied(scene):
    in_cache(scene, FILES[VISION])
    scene.spare_bytes = 1 << 60
    assert "MB free" in refused(scene).summary
    assert list(scene.shelf.remains()) == [] and scene.hub.asked == []


def test_what_is_here_already_needs_no_room(scene):
    scene.fetch()
    (scene.bundles / NAME / "made" / "golden_vision.npy").unlink()
    scene.spare_bytes = 1 << 60
    assert scene.fetch().new


def test_half_a_copy_does_not_stay(scene):
    half = stage_of(scene) / f"{VISION}.copy"
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    with staged(scene.bundles, NAME):
        assert not half.exists()
    assert state(scene) is State.MISSING


def test_a_copy_that_breaks_off_leaves_nothing(scene, tmp_path):
    with staged(scene.bundles, NAME) as stage:
        with pytest.raises(BundleError):
            stage.take(tmp_path / "missing", VISION)
        os.mkdir(tmp_path / "a folder")
        with pytest.raises(BundleError):
            stage.take(tmp_path / "a folder", VISION)
        assert [each for each in stage.folder.rglob("*") if each.is_file()] == []
    assert list(scene.shelf.remains()) == []
