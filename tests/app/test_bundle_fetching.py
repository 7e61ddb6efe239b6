"""Fetching a bundle from a hub that does everything a hub can do wrong; real HTTP, no model."""

import json
import os
import shutil
from hashlib import sha256

import pytest

from safelight.app.bundle_shelf import State
from safelight.errors import BundleError
from safelight.hub.transfer import WAITS_S
from tests.fakes.bundle_scene import (
    GPU,
    NAME,
    REPOSITORY,
    REVISION,
    SMALL,
    TEXT,
    TOKENIZER,
    VISION,
    contents,
    scene,
)

__all__ = ["scene"]
FILES = contents()


def state(scene):
    return next(each.state for each in scene.shelf.listed() if each.name == NAME)


def refused(scene, **choice):
    with pytest.raises(BundleError) as caught:
        scene.fetch(**choice)
    assert caught.value.summary.endswith(".")
    return caught.value


def asked_bytes(scene):
    return [(each.headers.get("range"), each.sent) for each in scene.hub.bodies()]


def sum_of(path):
    return sha256(FILES[path]).hexdigest()


# -- what is fetched


def test_the_files_for_this_computer_are_fetched_verified_and_installed(scene):
    done = scene.fetch()
    assert (done.name, done.kind, done.new) == (NAME, "embedding", True)
    assert scene.installed() == {VISION: FILES[VISION]}
    receipt = json.loads((scene.bundles / NAME / "receipt.json").read_text())
    assert receipt["format"] == 1 and receipt["installed_s"] == scene.clock.now()
    assert receipt["files"] == [
        {
            "path": VISION,
            "size_bytes": len(FILES[VISION]),
            "sha256": sum_of(VISION),
            "confirmed": True,
            "accepted": False,
        }
    ]
    assert (scene.bundles / NAME / "manifest.toml").read_bytes() == (scene.manifests / "toy.toml").read_bytes()
    assert (scene.bundles / NAME / "made" / "golden_vision.npy").read_bytes() == b"toy"
    assert scene.prepared == [["manifest.toml", VISION]]
    assert state(scene) is State.INSTALLED and list(scene.shelf.remains()) == []
    assert scene.telling.seen[-1] == len(FILES[VISION]) and sorted(scene.telling.seen) == scene.telling.seen


def test_the_bytes_come_from_the_storage_without_a_token(scene, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    scene.fetch()
    at_hub = [each for each in scene.hub.asked if each.at == "hub"]
    at_storage = [each for each in scene.hub.asked if each.at == "storage"]
    assert [each.headers.get("authorization") for each in at_hub] == ["Bearer hf_secret"] * 2
    assert [each.headers.get("authorization") for each in at_storage] == [None]
    assert [each.method for each in at_hub] == ["HEAD", "GET"] and at_storage[0].sent == len(FILES[VISION])


def test_nothing_is_told_of_this_computer(scene):
    scene.fetch()
    assert {each.path.split("/")[1] for each in scene.hub.asked} == {"somebody"}, "no other address is asked"
    for each in scene.hub.asked:
        assert "torch" not in each.headers["user-agent"] and "agent/" not in each.headers["user-agent"]


def test_a_hub_that_sends_the_bytes_itself(scene):
    scene.hub.redirects = False
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]}


def test_what_is_asked_for_comes_too(scene):
    scene.fetch(gpu=True, text=True)
    assert set(scene.installed()) == {VISION, GPU, TEXT, TOKENIZER}
    assert scene.telling.said == []


def test_the_small_text_tower_comes_with_its_warning_said_before(scene):
    scene.hub.failing = [404]
    refused(scene, text_int8=True)
    assert scene.telling.said == ["The small one finds less."]
    scene.fetch(text_int8=True)
    assert set(scene.installed()) == {VISION, SMALL, TOKENIZER}


def test_what_is_installed_stays_when_more_is_fetched_and_is_not_fetched_again(scene):
    scene.fetch(text=True)
    before = len(scene.hub.bodies())
    scene.fetch(gpu=True)
    assert set(scene.installed()) == {VISION, TEXT, TOKENIZER, GPU}
    assert [each.sent for each in scene.hub.bodies()[before:]] == [len(FILES[GPU])]


def test_a_bundle_that_is_installed_is_not_touched(scene):
    scene.fetch()
    inode = (scene.bundles / NAME).stat().st_ino
    asked = len(scene.hub.asked)
    done = scene.fetch()
    assert not done.new and len(done.files) == 1
    assert (scene.bundles / NAME).stat().st_ino == inode and len(scene.hub.asked) == asked


def test_no_text_tower_where_there_is_none(scene):
    files = {VISION: FILES[VISION]}
    scene.describe(files)
    text = (scene.manifests / "toy.toml").read_text().replace("[text]\ntokens = 8\npad_id = 0\n", "")
    (scene.manifests / "toy.toml").write_text(text)
    assert "no such text tower" in refused(scene, text=True).summary


def test_a_bundle_for_a_gpu_is_not_fetched_by_mistake(scene):
    files = {GPU: FILES[GPU]}
    scene.describe(files)
    text = (scene.manifests / "toy.toml").read_text().replace("[text]\ntokens = 8\npad_id = 0\n", "")
    (scene.manifests / "toy.toml").write_text(text)
    assert "--gpu" in refused(scene).hint
    assert scene.fetch(gpu=True).new


def test_an_unknown_name_tells_the_known_ones(scene):
    error = refused(scene, name="toi")
    assert "toi" in error.summary and "toy" in error.hint
    assert not (scene.bundles / ".fetching").exists()


def test_a_path_that_leaves_its_folder_is_refused_before_anything_is_done(scene):
    file = scene.manifests / "toy.toml"
    for path in ("../escape", "/etc/passwd", "a/../../b", "a\\\\b"):
        file.write_text(file.read_text().replace(VISION, path, 1))
        assert "plain path" in refused(scene).summary
        scene.describe(FILES)
    assert scene.hub.asked == [] and os.listdir(scene.bundles) == []


# -- breaks


def test_after_a_break_only_the_rest_is_asked_for(scene):
    scene.hub.breaks = [15_000]
    scene.fetch()
    assert asked_bytes(scene) == [(None, 15_000), ("bytes=15000-", 25_000)]
    assert scene.installed() == {VISION: FILES[VISION]}
    assert scene.clock.slept_s == WAITS_S[0] and "Asking again in 1 s" in scene.telling.said[0]


def test_a_connection_that_breaks_again_and_again_is_given_up_and_gone_on_with_later(scene):
    scene.hub.breaks = [15_000] + [0] * len(WAITS_S) + [0]
    error = refused(scene)
    assert "broke off" in error.summary and "goes on from there" in error.hint
    assert scene.clock.slept_s == sum(WAITS_S), "each wait longer than the last"
    assert scene.part.stat().st_size == 15_000 and state(scene) is State.UNFINISHED
    scene.fetch()
    assert asked_bytes(scene)[-1] == ("bytes=15000-", 25_000)
    assert scene.installed() == {VISION: FILES[VISION]}


def test_breaks_that_move_on_are_not_counted_against_it(scene):
    scene.hub.breaks = [4_000] * 9
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]}
    assert [sent for _, sent in asked_bytes(scene)] == [4_000] * 10


def test_a_server_without_ranges_begins_anew(scene):
    scene.hub.breaks, scene.hub.ranges = [15_000], False
    scene.fetch()
    assert [sent for _, sent in asked_bytes(scene)] == [15_000, 40_000]
    assert scene.installed() == {VISION: FILES[VISION]}


def test_what_was_there_of_another_file_is_fetched_once_more_as_a_whole(scene):
    scene.part.parent.mkdir(parents=True)
    scene.part.write_bytes(b"\0" * 10_000)
    scene.fetch()
    assert asked_bytes(scene) == [("bytes=10000-", 30_000), (None, 40_000)]
    assert any("fetched again" in each for each in scene.telling.said)
    assert scene.installed() == {VISION: FILES[VISION]}


def test_a_part_of_a_file_without_a_known_sum_is_gone_on_with(scene):
    scene.describe(FILES, sums=False)
    scene.hub.announces = False
    scene.part.parent.mkdir(parents=True)
    scene.part.write_bytes(FILES[VISION][:10_000])
    assert sum_of(VISION) in refused(scene).hint
    assert asked_bytes(scene) == [("bytes=10000-", 30_000)]


@pytest.mark.parametrize("size", [40_000, 50_000])
def test_a_part_as_large_as_the_file_or_larger(scene, size):
    scene.part.parent.mkdir(parents=True)
    scene.part.write_bytes((FILES[VISION] + b"\0" * 10_000)[:size])
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]}
    assert len(scene.hub.bodies()) == (0 if size == 40_000 else 1)


# -- answers


def test_a_busy_server_is_asked_again(scene):
    scene.hub.failing = [503, 502]
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]} and scene.clock.slept_s == 3.0


def test_a_server_says_how_long_it_wants_to_be_left_alone(scene):
    scene.hub.failing, scene.hub.retry_after = [429], "30"
    scene.fetch()
    assert scene.clock.slept_s == 30.0


def test_a_server_that_is_busy_for_an_hour_is_not_waited_for(scene):
    scene.hub.failing, scene.hub.retry_after = [503], "3600"
    assert "(503)" in refused(scene).summary
    assert scene.clock.slept_s == 0.0


def test_a_server_that_stays_busy_is_given_up(scene):
    scene.hub.failing = [503] * 50
    error = refused(scene)
    assert "busy" in error.summary and "Try again later" in error.hint
    assert scene.clock.slept_s == sum(WAITS_S) and len(scene.hub.asked) == len(WAITS_S) + 1
    assert state(scene) is State.MISSING, "nothing arrived, so nothing is unfinished"


@pytest.mark.parametrize(
    ("status", "told"),
    [(401, "account"), (403, "account"), (404, "does not have"), (410, "does not have"), (418, "418")],
)
def test_refusals_are_told_at_once(scene, status, told):
    scene.hub.failing = [status]
    assert told in refused(scene).summary
    assert scene.clock.slept_s == 0.0 and len(scene.hub.asked) == 1


def test_a_refusal_of_the_storage_is_told(scene):
    scene.hub.failing = []
    scene.hub.truncated = 0
    assert "0 bytes" in refused(scene).summary


def test_no_network_is_told_at_once(scene):
    scene.endpoint = "http://127.0.0.1:9"  # nobody listens there
    error = refused(scene)
    assert "cannot be reached" in error.summary and "--from DIR" in error.hint
    assert scene.clock.slept_s == 0.0


def test_an_address_that_is_none(scene):
    scene.endpoint = "gopher://example"
    assert "gopher" in refused(scene).summary


def test_a_page_that_is_no_hub(scene):
    scene.hub.commit = "f" * 40
    assert "not as a model hub" in refused(scene).summary


def test_offline_nothing_is_asked(scene):
    scene.offline = True
    assert "HF_HUB_OFFLINE" in refused(scene).summary
    assert scene.hub.asked == []


# -- sums


def test_a_wrong_file_is_refused_before_it_is_fetched(scene):
    scene.hub.lies = {VISION: "0" * 64}
    error = refused(scene, accepted=["0" * 64])
    assert "0" * 64 in error.summary and sum_of(VISION) in error.summary and REPOSITORY in error.summary
    assert scene.hub.bodies() == []


def test_a_wrong_file_that_nobody_announced_is_refused_and_thrown_away(scene):
    scene.describe(FILES, changed={VISION: "0" * 64})
    scene.hub.announces = False
    assert sum_of(VISION) in refused(scene, accepted=[sum_of(VISION)]).summary
    assert not (scene.bundles / NAME).exists() and list(scene.shelf.remains()) == []


def test_a_truncated_file_is_refused_before_its_bytes_come(scene):
    scene.hub.truncated = 30_000
    error = refused(scene)
    assert "30,000 bytes" in error.summary and "40,000" in error.summary
    assert not (scene.bundles / NAME).exists()


def test_a_confirmed_size_is_compared_with_what_is_announced(scene):
    scene.hub.announces, scene.hub.redirects = False, False
    scene.hub.files[(REPOSITORY, REVISION, VISION)] = FILES[VISION][:30_000]
    assert "30,000 bytes" in refused(scene).summary
    assert scene.hub.bodies() == []


@pytest.mark.parametrize("announces", [True, False])
def test_an_unconfirmed_sum_that_differs_is_asked_about_with_both_values(scene, announces):
    scene.hub.announces = announces
    scene.describe(FILES, confirmed=False, changed={VISION: "1" * 64})
    error = refused(scene)
    assert sum_of(VISION) in error.summary and "1" * 64 in error.summary and "never confirmed" in error.summary
    assert f"--accept-hash {sum_of(VISION)}" in error.hint
    assert not (scene.bundles / NAME).exists()
    refused(scene, accepted=["2" * 64])  # another value than the one that was found accepts nothing
    bodies = len(scene.hub.bodies())
    done = scene.fetch(accepted=[sum_of(VISION)])
    assert [(each.confirmed, each.accepted, each.sha256) for each in done.files] == [(False, True, sum_of(VISION))]
    assert len(scene.hub.bodies()) - bodies == (1 if announces else 0), "what arrived before is not fetched again"


def test_an_unconfirmed_sum_that_fits_needs_no_question(scene):
    scene.describe(FILES, confirmed=False)
    done = scene.fetch()
    assert [(each.confirmed, each.accepted) for each in done.files] == [(False, False)]
    assert [each.unconfirmed for each in scene.shelf.listed()] == [(VISION,)]


def test_a_file_without_a_known_sum_needs_the_person(scene):
    scene.describe(FILES, sums=False)
    error = refused(scene, gpu=True)
    assert "No sum of" in error.summary and error.hint.count("--accept-hash") == 2
    scene.fetch(gpu=True, accepted=[sum_of(VISION), sum_of(GPU)])
    assert scene.installed() == {VISION: FILES[VISION], GPU: FILES[GPU]}


def test_what_was_accepted_once_is_not_asked_about_again(scene):
    scene.describe(FILES, sums=False)
    scene.fetch(accepted=[sum_of(VISION)])
    assert not scene.fetch().new
    scene.describe(FILES, sums=False, extra={VISION: "# another description\n"})
    assert "No sum of" in refused(scene).summary


# -- what was there before


def test_the_old_bundle_stands_until_the_new_one_is_whole(scene):
    scene.fetch()
    new = {**FILES, VISION: os.urandom(40_000)}
    scene.describe(new)
    scene.hub.breaks = [10_000] + [0] * 9
    refused(scene)
    scene.hub.breaks = []
    assert scene.installed() == {VISION: FILES[VISION]} and state(scene) is State.INSTALLED
    scene.fetch()
    assert scene.installed() == {VISION: new[VISION]} and list(scene.shelf.remains()) == []


def test_without_an_exchange_of_folders_there_are_two_renames(scene):
    scene.exchange = False
    scene.fetch()
    new = {**FILES, VISION: os.urandom(40_000)}
    scene.describe(new)
    scene.fetch()
    assert scene.installed() == {VISION: new[VISION]} and list(scene.shelf.remains()) == []


def test_an_old_bundle_between_two_renames_is_put_back(scene):
    scene.fetch()
    (scene.bundles / NAME).rename(scene.bundles / ".fetching" / f"{NAME}.old")
    assert not scene.fetch().new
    assert scene.installed() == {VISION: FILES[VISION]} and list(scene.shelf.remains()) == []


def test_a_bundle_that_cannot_be_prepared_is_not_installed(scene):
    scene.fetch()
    new = {**FILES, VISION: os.urandom(40_000)}
    scene.describe(new)
    scene.prepare_fails = BundleError("It is no model.")
    assert refused(scene).summary == "It is no model."
    assert scene.installed() == {VISION: FILES[VISION]}
    scene.prepare_fails = None
    before = len(scene.hub.bodies())
    scene.fetch()
    assert scene.installed() == {VISION: new[VISION]} and len(scene.hub.bodies()) == before


def test_a_damaged_bundle_is_put_right_with_what_is_missing_only(scene):
    scene.fetch(text=True)
    (scene.bundles / NAME / TEXT).write_bytes(b"x" * len(FILES[TEXT]))
    before = len(scene.hub.bodies())
    scene.fetch()
    assert scene.installed() == {path: FILES[path] for path in (VISION, TEXT, TOKENIZER)}
    assert [each.sent for each in scene.hub.bodies()[before:]] == [len(FILES[TEXT])]


@pytest.mark.parametrize("gone", ["receipt.json", "manifest.toml", VISION])
def test_a_bundle_without_one_of_its_files_is_damaged_and_put_right(scene, gone):
    scene.fetch()
    (scene.bundles / NAME / gone).unlink()
    assert state(scene) is State.DAMAGED
    before = len(scene.hub.bodies())
    scene.fetch()
    assert state(scene) is State.INSTALLED
    assert len(scene.hub.bodies()) - before == (1 if gone == VISION else 0)


# -- other places


def test_a_folder_serves_by_path_and_by_name(scene, tmp_path):
    folder = tmp_path / "stick"
    (folder / "onnx").mkdir(parents=True)
    (folder / VISION).write_bytes(FILES[VISION])
    (folder / "text16.onnx").write_bytes(FILES[TEXT])
    (folder / TOKENIZER).write_bytes(FILES[TOKENIZER])
    scene.fetch(folder=folder, text=True)
    assert set(scene.installed()) == {VISION, TEXT, TOKENIZER} and scene.hub.asked == []
    assert (folder / VISION).read_bytes() == FILES[VISION]


def test_a_folder_without_a_file_names_it(scene, tmp_path):
    (tmp_path / "vision.onnx").write_bytes(FILES[VISION])
    error = refused(scene, folder=tmp_path, gpu=True)
    assert GPU in error.summary and VISION not in error.summary
    assert scene.hub.asked == []


def test_a_wrong_file_in_a_folder_is_refused(scene, tmp_path):
    (tmp_path / "vision.onnx").write_bytes(b"another")
    assert refused(scene, folder=tmp_path / "nowhere").summary == f"There is no folder {tmp_path / 'nowhere'}."
    error = refused(scene, folder=tmp_path)
    assert sum_of(VISION) in error.summary and sha256(b"another").hexdigest() in error.summary
    assert list(scene.shelf.remains()) == []
    scene.describe(FILES, confirmed=False)
    assert "--accept-hash" in refused(scene, folder=tmp_path).hint
    assert (tmp_path / "vision.onnx").read_bytes() == b"another"


def test_a_bundle_that_was_exported_here_describes_itself(scene, tmp_path):
    folder = tmp_path / "export"
    shutil.copytree(scene.bundles, folder)
    (folder / "onnx").mkdir()
    (folder / VISION).write_bytes(FILES[VISION])
    (folder / "manifest.toml").write_text(
        (scene.manifests / "toy.toml")
        .read_text()
        .replace('name = "toy"', 'name = "mine"')
        .replace(f'repository = "{REPOSITORY}"\nrevision = "{REVISION}"', "local = true")
    )
    assert scene.fetch("mine", folder=folder).new
    assert (scene.bundles / "mine" / VISION).read_bytes() == FILES[VISION]
    assert {each.name: each.state for each in scene.shelf.listed()}["mine"] is State.INSTALLED


def test_a_folder_cannot_describe_a_bundle_that_is_known(scene, tmp_path):
    """Whoever hands over a folder must not be able to replace the sums of this version."""
    other = {path: os.urandom(1000) for path in FILES}
    (tmp_path / "vision.onnx").write_bytes(other[VISION])
    text = (scene.manifests / "toy.toml").read_text()
    (tmp_path / "manifest.toml").write_text(text.replace(sum_of(VISION), sha256(other[VISION]).hexdigest()))
    assert sum_of(VISION) in refused(scene, folder=tmp_path).summary


def in_cache(scene, content):
    """Lay a file into the cache as huggingface_hub does: a link in a snapshot to a blob."""
    repository = scene.cache / "models--somebody--toy-ONNX"
    snapshot = repository / "snapshots" / REVISION
    (snapshot / "onnx").mkdir(parents=True)
    (repository / "blobs").mkdir()
    (repository / "blobs" / "b").write_bytes(content)
    (snapshot / VISION).symlink_to("../../../blobs/b")


def test_the_cache_of_other_programs_is_used_and_left_as_it_is(scene):
    in_cache(scene, FILES[VISION])
    scene.offline = True
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]} and scene.hub.asked == []
    assert not (scene.bundles / NAME / VISION).is_symlink()
    assert (scene.cache / "models--somebody--toy-ONNX" / "blobs" / "b").read_bytes() == FILES[VISION]


def test_a_damaged_file_in_the_cache_is_fetched_instead(scene):
    in_cache(scene, b"x" * 40_000)
    scene.fetch()
    assert scene.installed() == {VISION: FILES[VISION]} and len(scene.hub.bodies()) == 1


def test_a_file_with_an_address_of_its_own_comes_from_there_without_a_token(scene, monkeypatch):
    """Manifests allow https only; the test's server speaks http, so the address is put in behind the check."""
    from safelight.hub.transfer import Wanted

    monkeypatch.setenv("HF_TOKEN", "hf_secret")
    address = f"{scene.hub.storage}/{REPOSITORY}/{REVISION}/{VISION}"
    wanted, into = Wanted("eyes.task", url=address), scene.home / "eyes.task"
    hub = scene.network()
    scene.hub.breaks = [15_000]
    announced = hub.announced(wanted)
    assert (announced.size_bytes, announced.sha256) == (40_000, None)
    hub.fetch(wanted, into, size_bytes=None, progress=lambda _: None)
    assert into.read_bytes() == FILES[VISION]
    assert asked_bytes(scene) == [(None, 15_000), ("bytes=15000-", 25_000)]
    assert all("authorization" not in each.headers for each in scene.hub.asked)
    assert hub.cached(wanted) is None


# -- the disk


def test_too_little_room_is_told_before_anything_is_fetched(scene):
    scene.spare_bytes = 1 << 60
    error = refused(scene)
    assert "MB free" in error.summary and "needed" in error.summary
    assert scene.hub.bodies() == []
