"""What goes wrong with a bundle in use: kills at any moment, files that vanish or spoil, models that talk nonsense."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.faults.library import FRAMES, Library, library

__all__ = ["library"]

GREY = 0.02  # how far the mean of a picture is from the middle, 0-1
LOOK = "INSERT OR REPLACE INTO assessments"  # a look is remembered


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Library]:
    """Return a library that the embedded bundle has rated; the tiny bundle is installed."""
    library = Library(tmp_path_factory.mktemp("library"))
    library.make()
    library.keep()
    yield library
    library.tidy()


@pytest.fixture(scope="module")
def undisturbed(made: Library) -> dict[str, Any]:
    """Return what the catalog says after a taking over that nothing disturbed, and a rating by it."""
    made.restore()
    for command in (("models", "catch-up"), ("rerate",)):
        assert made.run(*command)[0] == 0
    return made.told()


def killed(library: Library, statement: str, number: int, *command: str) -> None:
    """Run a command that is killed before the `number`-th statement that begins so."""
    words = [sys.executable, "-m", "tests.faults.catching_up", statement, str(number), *command]
    done = subprocess.run(
        [*words, "--state", str(library.state)],
        env=library.environment,
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == -9, done.stderr.decode()


def test_a_kill_while_looking_and_while_taking_over_loses_nothing(
    library: Library, undisturbed: dict[str, Any]
) -> None:
    killed(library, LOOK, 1, "models", "catch-up")
    killed(library, LOOK, 70, "models", "catch-up")
    seen = library.standing()["seen"]
    assert 0 < seen < FRAMES
    killed(library, "INSERT OR REPLACE INTO successions", 1, "models", "catch-up")
    assert library.standing()["seen"] == FRAMES
    killed(library, "UPDATE assessments SET quality", FRAMES // 2, "models", "catch-up")
    assert library.told()["took over"] == []  # all of it or nothing
    status, said, _ = library.run("models", "catch-up")
    assert status == 0 and "judges from now on" in said
    killed(library, "INSERT INTO journal", 30, "rerate")
    assert library.run("rerate")[0] == 0
    assert library.told() == undisturbed
    assert library.verified() == ""


def test_a_kill_while_rating_with_a_bundle_loses_nothing(library: Library) -> None:
    assert library.run("models", "catch-up")[0] == 0
    for number in range(FRAMES, FRAMES + 3):
        library.add(number)
    killed(library, LOOK, 4, "rate", str(library.pictures))
    killed(library, "INSERT INTO journal", 5, "rate", str(library.pictures))
    assert library.run("rate", library.pictures)[0] == 0
    assert library.standing() | {"provider": ""} == {
        "bundle": "tiny-siglip", "seen": FRAMES + 3, "unseen": 0, "judges": True, "fails": False, "provider": "",
        "trouble": "", "out_of_reach": 0, "waits_for_absent": False,
    }  # fmt: skip
    assert len(library.stars()) == FRAMES + 3
    assert library.verified() == ""


def accept(folder: Path) -> None:
    """Let the receipt say of every file what it is now."""
    receipt = json.loads((folder / "receipt.json").read_text())
    for each in receipt["files"]:
        content = (folder / each["path"]).read_bytes()
        each |= {"size_bytes": len(content), "sha256": sha256(content).hexdigest(), "accepted": True}
    (folder / "receipt.json").write_text(json.dumps(receipt))


def model(path: Path, *, length: int = 64, blind_below: float = -1.0) -> None:
    """Write a model in place of another: it answers NaN for pictures that are as grey as this."""
    onnx = pytest.importorskip("onnx")
    make, kinds = onnx.helper, onnx.TensorProto
    before = onnx.load(path).graph
    taken, given = before.input[0].name, before.output[-1].name
    constants = {
        "rows": np.linspace(1, 2, length, dtype=np.float32)[None],
        "limit": np.float32([blind_below]),
        "half": np.float32([0.5]),
    }
    nodes = [
        make.make_node("ReduceMean", [taken], ["mean"], axes=[1, 2, 3], keepdims=0),
        make.make_node("Unsqueeze", ["mean", "one"], ["column"]),
        make.make_node("Abs", ["column"], ["size"]),
        make.make_node("Sub", ["size", "limit"], ["left"]),
        make.make_node("Sqrt", ["left"], ["root"]),
        make.make_node("Mul", ["column", "half"], ["tilt"]),  # what says the same of a negative is not installed
        make.make_node("Add", ["root", "tilt"], ["both"]),
        make.make_node("Mul", ["both", "rows"], [given]),
    ]
    shape = [each.dim_value or "batch" for each in before.input[0].type.tensor_type.shape.dim]
    graph = make.make_graph(
        nodes,
        "odd",
        [make.make_tensor_value_info(taken, kinds.FLOAT, ["batch", *shape[1:]])],
        [make.make_tensor_value_info(given, kinds.FLOAT, ["batch", length])],
        [
            make.make_tensor("one", kinds.INT64, [1], [1]),
            *(make.make_tensor(name, kinds.FLOAT, value.shape, value) for name, value in constants.items()),
        ],
    )
    made = make.make_model(graph, opset_imports=[make.make_opsetid("", 13)], ir_version=8)
    onnx.save(made, path)


def truncate(folder: Path) -> None:
    """Leave the beginning of the model."""
    os.truncate(folder / "vision_int8.onnx", 1000)


def no_model(folder: Path) -> None:
    """Put something else in its place, and let the receipt agree."""
    (folder / "vision_int8.onnx").write_text("no model")
    accept(folder)


def other_shape(folder: Path) -> None:
    """Put a model in its place that answers too few numbers."""
    model(folder / "vision_int8.onnx", length=48)
    accept(folder)


def not_a_number(folder: Path) -> None:
    """Put a model in its place that answers no numbers."""
    model(folder / "vision_int8.onnx", blind_below=2.0)
    accept(folder)


def leave(folder: Path) -> None:
    """Let the description name a file beside the folder."""
    text = (folder / "manifest.toml").read_text()
    (folder / "manifest.toml").write_text(text.replace('"vision_int8.onnx"', '"../vision_int8.onnx"'))


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (shutil.rmtree, "is not installed"),
        (truncate, "has 1000 bytes instead of"),
        (no_model, "vision_int8.onnx"),
        (other_shape, "answers 48 numbers instead of 64"),
        (not_a_number, "not finite"),
        (leave, "manifest.toml"),
    ],
)
def test_a_bundle_that_cannot_be_used_is_told_of_once_and_the_embedded_one_serves(
    library: Library, spoil: Callable[[Path], None], why: str
) -> None:
    spoil(library.bundle())
    library.add(FRAMES)
    status, said, complained = library.run("rate", library.pictures)
    assert (status, complained.count("Traceback")) == (0, 0)
    assert said.count(why) == 1, said
    assert f"IMG_{FRAMES:04d}.jpg.xmp" in library.stars()
    _, told, _ = library.run("status")
    assert told.count(why) == 1 and "embedded judges in place of tiny-siglip" in told, told
    assert library.run("models", "catch-up")[0] == 1


def test_a_bundle_that_is_fetched_again_is_complained_of_no_longer(library: Library) -> None:
    no_model(library.bundle())
    assert library.run("models", "catch-up")[0] == 1
    assert library.standing()["fails"]
    shutil.rmtree(library.bundle())
    assert library.models("fetch", "tiny-siglip", "--from", library.place / "source-tiny-siglip")[0] == 0
    assert library.standing() | {"provider": ""} == {
        "bundle": "tiny-siglip", "seen": 0, "unseen": FRAMES, "judges": False, "fails": False, "provider": "",
        "trouble": "", "out_of_reach": 0, "waits_for_absent": False,
    }  # fmt: skip


def install_odd(library: Library, blind_below: float) -> None:
    """Install and choose a bundle whose model says the same of every picture, and nothing of grey ones."""
    name = "odd-grey" if blind_below == GREY else "odd-same"
    source = library.place / f"made-{name}"
    shutil.copytree(library.place / "source-tiny-siglip", source)
    text = (source / "manifest.toml").read_text()
    for path in source.glob("vision_*.onnx"):
        size, digest = path.stat().st_size, sha256(path.read_bytes()).hexdigest()
        model(path, blind_below=blind_below)
        text = text.replace(f"size_bytes = {size}", f"size_bytes = {path.stat().st_size}")
        text = text.replace(digest, sha256(path.read_bytes()).hexdigest())
    (source / "manifest.toml").write_text(text)
    library.install(name, source)
    library.use(name)


def test_a_model_that_fails_over_some_pictures_leaves_all_to_the_embedded_one(library: Library) -> None:
    install_odd(library, GREY)
    status, said, complained = library.run("models", "catch-up")
    assert status == 1 and said.count("not finite") == 1, said + complained
    assert library.standing()["fails"]
    library.add(FRAMES)
    status, said, complained = library.run("rate", library.pictures)
    assert status == 0, said + complained
    assert f"IMG_{FRAMES:04d}.jpg.xmp" in library.stars()
    assert library.verified() == ""


def test_a_model_that_says_the_same_of_every_picture_never_judges(library: Library) -> None:
    install_odd(library, -1.0)
    status, said, _ = library.run("models", "catch-up")
    assert status == 0 and "the same for every photograph" in said
    assert not library.standing()["judges"]
    assert "does not judge" in library.run("status")[1]
