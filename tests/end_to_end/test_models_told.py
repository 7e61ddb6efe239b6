"""What `safelight models` tells a person: sizes, doubts, and commands that do what they say when they are typed."""

import json
import shutil
from pathlib import Path

import pytest

from safelight.app.bundle_choice import has_gpu
from safelight.cli.models_fetching import command
from safelight.control.messages import Answer
from safelight.errors import StateError
from tests.end_to_end.test_settings_commands import Inside, home, program
from tests.end_to_end.test_settings_commands import served as serving
from tests.fakes.bundles import NAME, SOURCE

__all__ = ["home", "program", "serving"]


@pytest.fixture
def served(serving):
    """Return what a daemon that only has its socket was asked, the daemon, and the program that finds it."""
    daemon, person = serving
    asked = []

    async def answer(request):
        asked.append(request.command)
        return Answer(text="done")

    daemon.answer = answer
    return asked, daemon, person


def folder(home: Path) -> Path:
    return home / ".local" / "share" / "safelight" / "models"


def install(program: Inside) -> None:
    status, _, errors = program.run("models", "fetch", NAME, "--from", SOURCE)
    assert status == 0, errors


def begin(home: Path, name: str) -> Path:
    """Let something lie where a bundle is put together."""
    part = folder(home) / ".fetching" / name / "onnx" / "x.onnx.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x" * 200_000)
    return part


def choose(home: Path, name: str) -> None:
    file = home / ".config" / "safelight" / "settings.toml"
    file.parent.mkdir(parents=True)
    file.write_text(f'[models]\nbundle = "{name}"\n')


@pytest.mark.skipif(has_gpu(), reason="sizes are those for a computer without a GPU")
def test_the_list_tells_sizes_with_the_text_tower_and_whom_nobody_confirmed(program):
    said = program.run("models", "list")[1]
    assert "94.6 MB (693.8 MB with --text)" in said
    assert "Nobody confirmed the sha256 of onnx/vision_model_int8.onnx." in said
    assert "Nobody confirmed the sha256 of face" not in said
    found = {each["name"]: each for each in json.loads(program.run("models", "list", "--json")[1])}
    assert (found["siglip2-base"]["size_bytes"], found["siglip2-base"]["with_text_bytes"]) == (94_553_333, 693_778_602)


def test_the_list_has_a_line_for_a_chosen_bundle_that_nobody_knows(program, home):
    choose(home, "mine")
    found = {each["name"]: each for each in json.loads(program.run("models", "list", "--json")[1])}
    assert (found["mine"]["state"], found["mine"]["in_use"], found["mine"]["described"]) == (
        "not installed",
        True,
        False,
    )
    said = program.run("models", "list")[1]
    assert said.endswith("mine is chosen in the settings but not installed: the embedded bundle judges.\n")


def test_the_command_to_type_again_repeats_what_was_given():
    asked = {"--text": True, "--text-int8": False, "--gpu": True, "--no-gpu": False}
    assert command("toy", asked, folder=None, accepted=()) == "safelight models fetch toy --text --gpu"
    plain = dict.fromkeys(asked, False)
    told = command("toy", plain, folder=Path("/media/my disk"), accepted=("ab", "cd"))
    assert told == "safelight models fetch toy --from '/media/my disk' --accept-hash ab --accept-hash cd"


def test_a_bundle_of_your_own_is_put_right_by_the_command_that_is_told(program, home):
    install(program)
    file = folder(home) / NAME / "vision_int8.onnx"
    file.write_bytes(b"x" * file.stat().st_size)
    status, said, _ = program.run("models", "verify", NAME)
    told = f"'safelight models fetch {NAME} --from FOLDER' puts it right."
    assert status == 1 and told in said
    shutil.rmtree(folder(home) / NAME / "made")
    assert told in program.run("models", "list")[1]
    install(program)
    assert program.run("models", "verify", NAME)[0] == 0
    assert (folder(home) / NAME / "made" / "golden_vision.npy").is_file()


def test_one_of_your_own_that_was_begun_is_told_with_its_folder(program, home):
    begin(home, "mine")
    said = program.run("models", "list")[1]
    assert "'safelight models fetch mine --from FOLDER' goes on, 'safelight models remove mine' gives it up." in said
    assert program.run("models", "remove", "mine")[0] == 0
    assert "mine" not in program.run("models", "list")[1]


def test_only_what_was_begun_is_removed_also_of_a_bundle_in_use(program, home):
    install(program)
    choose(home, NAME)
    part = begin(home, NAME)
    (hint,) = (each["hint"] for each in json.loads(program.run("doctor", "--json")[1]) if "lie around" in each["told"])
    assert f"'safelight models remove {NAME} --unfinished' clears it." in hint
    status, said, errors = program.run("models", "remove", NAME, "--unfinished")
    assert (status, said) == (0, f"What was begun of {NAME} is removed: 0.2 MB are free again.\n"), errors
    assert not part.exists() and program.run("models", "verify", NAME)[0] == 0


def test_the_help_shows_what_may_be_left_out(program):
    assert "models verify [OPTIONS] [NAME]\n" in program.run("models", "verify", "--help")[1]


def test_the_daemon_is_told_of_bundles_that_come_and_go(served):
    asked, _, program = served
    install(program)
    assert asked == ["reload"]
    install(program)
    assert asked == ["reload"], "nothing came"
    assert program.run("models", "remove", NAME)[0] == 0
    assert asked == ["reload", "reload"]


def test_a_daemon_that_does_not_take_a_bundle_up_is_quoted(served):
    _, daemon, program = served

    async def answer(_request):
        raise StateError("The worker is busy.", hint="Wait.")

    daemon.answer = answer
    status, said, errors = program.run("models", "fetch", NAME, "--from", SOURCE)
    assert status == 1 and f"{NAME} is installed" in said
    assert "The daemon works on with the models that it has opened: The worker is busy. Wait." in errors
