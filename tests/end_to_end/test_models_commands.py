"""`safelight models`, as a person runs it: real program, real HTTP to a hub on this computer, real tiny model."""

import json
import shutil
import signal
import time
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from random import Random

import pytest

from tests.end_to_end.program import program as shared_program
from tests.fakes.hub_server import hub_server

TINY = Path(__file__).resolve().parents[1] / "data" / "tiny_siglip"
REPOSITORY, REVISION = "Xenova/siglip-base-patch16-224", "4649052661e53c7000355844105f8a1792088239"
VISION = "onnx/vision_model_quantized.onnx"
CONTENT = Random(5).randbytes(60_000)
SUM = sha256(CONTENT).hexdigest()
VARIABLES = ("HF_", "HUGGING", "XDG_DATA", "XDG_CONFIG", "XDG_RUNTIME", "HTTP_PROXY", "HTTPS_PROXY", "http_", "https_")

program = shared_program


@pytest.fixture
def person(program, tmp_path):
    """The program with a home of its own; the network is what a test says."""
    kept = {name: value for name, value in program.environment.items() if not name.startswith(VARIABLES)}
    return replace(program, home=tmp_path, environment={**kept, "HOME": str(tmp_path), "NO_PROXY": "127.0.0.1"})


@pytest.fixture
def hub():
    with hub_server() as server:
        server.files[(REPOSITORY, REVISION, VISION)] = CONTENT
        yield server


def models(person, *arguments, **environment):
    return person.run("models", *arguments, env=environment)


def bundles(person):
    return person.home / ".local" / "share" / "safelight" / "models"


def lines(person, **environment):
    status, said, _ = models(person, "list", "--json", **environment)
    assert status == 0
    return {each["name"]: each for each in json.loads(said)}


def installed(person):
    status, _, errors = models(person, "fetch", "tiny-siglip", "--from", TINY)
    assert status == 0, errors


def test_the_list_says_what_there_is_and_which_judges(person):
    found = lines(person)
    assert list(found) == ["embedded", *sorted(set(found) - {"embedded"})]
    assert {"siglip2-base", "siglip-base", "siglip2-so400m"} <= set(found)
    assert found["embedded"]["state"] == "embedded" and found["embedded"]["in_use"]
    base = found["siglip2-base"]
    assert (base["state"], base["licence"], base["size_bytes"]) == ("not installed", "Apache-2.0", 94_553_333)
    assert base["unconfirmed"] == ["onnx/vision_model_int8.onnx"]
    said = models(person, "list")[1]
    assert "* embedded" in said and "94.6 MB" in said and "not installed" in said
    assert not bundles(person).exists(), "looking makes nothing"


def test_a_bundle_is_installed_from_a_folder_used_verified_and_removed(person):
    installed(person)
    folder = bundles(person) / "tiny-siglip"
    assert (folder / "made").is_dir() and (folder / "receipt.json").is_file()
    assert lines(person)["tiny-siglip"]["state"] == "installed"
    assert "undamaged" in models(person, "fetch", "tiny-siglip", "--from", TINY)[1]

    status, said, _ = models(person, "use", "tiny-siglip")
    assert status == 0 and "judges as soon as it has seen your photographs" in said
    settings = (person.home / ".config" / "safelight" / "settings.toml").read_text()
    assert '\nbundle = "tiny-siglip"' in settings
    assert lines(person)["tiny-siglip"]["in_use"]

    assert models(person, "verify")[0] == 0
    (folder / "vision_int8.onnx").write_bytes(b"x" * (folder / "vision_int8.onnx").stat().st_size)
    status, said, _ = models(person, "verify", "tiny-siglip")
    assert status == 1 and "vision_int8.onnx is not what was installed" in said

    status, _, errors = models(person, "remove", "tiny-siglip")
    assert status == 2 and "in use" in errors and "models use embedded" in errors
    assert folder.is_dir()
    assert models(person, "use", "embedded")[0] == 0
    status, said, _ = models(person, "remove", "tiny-siglip")
    assert status == 0 and "MB are free again" in said
    assert not folder.exists() and "tiny-siglip" not in lines(person)


def test_a_damaged_bundle_is_not_used_and_is_put_right(person):
    installed(person)
    file = bundles(person) / "tiny-siglip" / "vision_int8.onnx"
    file.write_bytes(b"x" * file.stat().st_size)
    status, _, errors = models(person, "use", "tiny-siglip")
    assert status == 2 and "vision_int8.onnx" in errors
    assert lines(person)["embedded"]["in_use"]
    assert models(person, "fetch", "tiny-siglip", "--from", TINY)[0] == 0
    assert models(person, "use", "tiny-siglip")[0] == 0


@pytest.mark.parametrize(("command", "name"), [("use", "siglip2-base"), ("remove", ".."), ("verify", "nothing")])
def test_what_is_not_installed_is_told(person, command, name):
    status, _, errors = models(person, command, name)
    assert status == 2 and "is not installed" in errors


def test_a_fetch_tells_the_whole_size_before_it_begins(person):
    nobody = "http://127.0.0.1:9"
    status, _, errors = models(person, "fetch", "siglip-base", "--text", "--no-gpu", HF_ENDPOINT=nobody)
    assert status == 2
    assert errors.splitlines()[0] == "siglip-base: 3 files, 213.4 MB."
    assert "127.0.0.1:9 cannot be reached" in errors


def test_what_is_made_for_a_gpu_is_not_fetched_without_one(person):
    nobody = "http://127.0.0.1:9"
    status, _, errors = models(person, "fetch", "siglip2-so400m", "--no-gpu", HF_ENDPOINT=nobody)
    assert status == 2 and "is made for a GPU, which --no-gpu leaves out" in errors
    assert "cannot be reached" not in errors
    status, _, errors = models(person, "fetch", "siglip2-so400m", "--gpu", HF_ENDPOINT=nobody)
    assert status == 2 and "cannot be reached" in errors


def test_the_embedded_bundle_is_neither_fetched_nor_removed(person):
    assert models(person, "remove", "embedded")[0] == models(person, "fetch", "embedded")[0] == 2
    assert models(person, "use", "embedded")[0] == 0


def test_what_is_no_model_is_asked_about_and_then_not_installed(person, hub):
    """The hub has another file than the description of it says; the person trusts it; it is no ONNX model."""
    status, _, errors = models(person, "fetch", "siglip-base", HF_ENDPOINT=hub.endpoint)
    assert status == 2 and SUM in errors and f"--accept-hash {SUM}" in errors
    assert "ef14a954f3d57e1806666432bd9785004c1dc27100aa260eee0cb0f10a5de058" in errors
    assert hub.bodies() == []
    status, _, errors = models(person, "fetch", "siglip-base", "--accept-hash", SUM.upper(), HF_ENDPOINT=hub.endpoint)
    assert status == 2 and len(hub.bodies()) == 1 and errors.strip()
    assert not (bundles(person) / "siglip-base").exists()
    assert lines(person)["siglip-base"]["state"] == "not installed", "the same would be refused again"


def test_a_sum_that_is_none_is_a_mistake(person):
    status, _, errors = models(person, "fetch", "siglip-base", "--accept-hash", "yes")
    assert status == 2 and "is no sha256" in errors


def test_no_network_and_none_allowed(person, hub):
    status, _, errors = models(person, "fetch", "siglip-base", HF_ENDPOINT="http://127.0.0.1:9")
    assert status == 2 and "cannot be reached" in errors
    status, _, errors = models(person, "fetch", "siglip-base", HF_ENDPOINT=hub.endpoint, HF_HUB_OFFLINE="1")
    assert status == 2 and "HF_HUB_OFFLINE" in errors and hub.asked == []


def test_the_proxy_is_used(person, hub):
    """The hub takes the place of the proxy: it is asked for an address that exists nowhere."""
    environment = {"HTTP_PROXY": hub.endpoint, "HF_ENDPOINT": "http://hub.invalid", "NO_PROXY": ""}
    status, _, errors = models(person, "fetch", "siglip-base", **environment)
    assert status == 2 and SUM in errors
    assert [each.headers["host"] for each in hub.asked] == ["hub.invalid"]


def test_the_cache_under_hf_home_is_used(person, hub):
    snapshot = person.home / "hf" / "hub" / "models--Xenova--siglip-base-patch16-224" / "snapshots" / REVISION
    (snapshot / "onnx").mkdir(parents=True)
    (snapshot / VISION).write_bytes(CONTENT)
    environment = {"HF_HOME": str(person.home / "hf"), "HF_HUB_OFFLINE": "1"}
    _, _, errors = models(person, "fetch", "siglip-base", "--accept-hash", SUM, **environment)
    assert "taken from" in errors and hub.asked == []


def test_a_stop_keeps_what_arrived_and_says_so(person, hub):
    hub.stalls_after = 20_000
    arguments = ("models", "fetch", "siglip-base", "--accept-hash", SUM)
    started = person.start(*arguments, env={"HF_ENDPOINT": hub.endpoint})
    part = bundles(person) / ".fetching" / "siglip-base" / f"{VISION}.part"
    deadline = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size == 20_000):
        assert time.monotonic() < deadline and started.poll() is None
        time.sleep(0.02)
    started.send_signal(signal.SIGINT)
    _, complained = started.communicate(timeout=60)
    said = f"the same command goes on from there: safelight {' '.join(arguments)}\n"
    assert started.returncode == 130 and said in complained.decode()
    assert "Traceback" not in complained.decode()
    assert part.stat().st_size == 20_000
    said = models(person, "list")[1]
    assert "unfinished" in said
    assert "'safelight models fetch siglip-base' goes on, 'safelight models remove siglip-base' gives it up." in said


def test_a_bundle_that_is_gone_is_told_by_list_and_doctor(person):
    installed(person)
    assert models(person, "use", "tiny-siglip")[0] == 0
    shutil.rmtree(bundles(person) / "tiny-siglip")
    assert "the embedded bundle judges" in models(person, "list")[1]
    said = json.loads(person.run("doctor", "--json")[1])
    found = next(each for each in said if each["name"] == "Bundle tiny-siglip")
    assert found["level"] == "note" and "embedded bundle judges instead" in found["told"]


def test_doctor_tells_of_damage_and_of_what_lies_around(person):
    installed(person)
    (bundles(person) / "tiny-siglip" / "tokenizer.json").unlink()
    begun = bundles(person) / ".fetching" / "siglip-base"
    begun.mkdir()
    (begun / "x.part").write_bytes(b"x" * 5_000_000)
    said = {each["name"]: each for each in json.loads(person.run("doctor", "--json")[1])}
    assert said["Bundle tiny-siglip"]["level"] == "bad" and "tokenizer.json" in said["Bundle tiny-siglip"]["told"]
    assert said["Bundle siglip-base"]["level"] == "note" and "5 MB" in said["Bundle siglip-base"]["told"]


def test_settings_that_cannot_be_meant_are_told(person):
    file = person.home / ".config" / "safelight" / "settings.toml"
    file.parent.mkdir(parents=True)
    for text, told in (
        ('bundle = "../../x"', "models.bundle must be the name of a model bundle"),
        ('accelerator = "gpu"', 'models.accelerator must be "auto" or "cpu"'),
        ('faces = "yes"', "models.faces must be true or false"),
    ):
        file.write_text(f"[models]\n{text}\n")
        status, _, errors = models(person, "list")
        assert status == 2 and told in errors and "line 2" in errors
