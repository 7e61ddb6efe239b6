"""What cannot be exported is said in a sentence, before a library of a gigabyte is loaded."""

import subprocess
import sys
from pathlib import Path

import pytest

from safelight.errors import BundleError
from safelight.models.export import __main__ as command
from safelight.models.export.architectures import ARCHITECTURES
from safelight.models.export.wanted import PAPER, AtRandom, FromFolder, FromHub, Wanted, precisions

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def parsed(*arguments: str) -> Wanted:
    return command.wanted_from(command._parser().parse_args(arguments))


def test_a_hub_checkpoint_is_named_after_its_repository(tmp_path):
    wanted = parsed(str(tmp_path / "new"), "--hub", "google/SigLIP2-base", "--revision", COMMIT)
    assert wanted.origin == FromHub("google/SigLIP2-base", COMMIT)
    assert wanted.name == "siglip2-base"
    assert wanted.vision == ("fp32", "fp16", "int8")
    assert wanted.text == ("fp16", "int8")


def test_a_checkpoint_on_this_computer_is_named_after_its_folder(tmp_path):
    (tmp_path / "Mine").mkdir()
    (tmp_path / "Mine" / "config.json").write_text("{}")
    wanted = parsed(str(tmp_path / "new"), "--checkpoint", str(tmp_path / "Mine"), "--text", "none")
    assert (wanted.name, wanted.text) == ("mine", ())
    assert wanted.origin == FromFolder(tmp_path / "Mine")


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_architecture_can_be_asked_for(tmp_path, name):
    assert parsed(str(tmp_path / "new"), "--random", name).name == f"{name}-random"


@pytest.mark.parametrize("revision", ["", "main", "v1.0", COMMIT[:7], COMMIT.upper(), COMMIT + "0", COMMIT + "\n"])
def test_a_revision_that_can_change_is_refused(revision):
    with pytest.raises(BundleError, match="no revision") as refused:
        FromHub("google/siglip-base-patch16-224", revision)
    assert "40 digits" in refused.value.hint


@pytest.mark.parametrize(
    "repository", ["", "siglip", "a/b/c", "../etc/passwd", "a/..", "https://x/y", "a/b c", "a/b\n"]
)
def test_what_is_no_repository_is_refused(repository):
    with pytest.raises(BundleError, match="no repository"):
        FromHub(repository, COMMIT)


def test_a_folder_without_a_checkpoint_is_refused(tmp_path):
    with pytest.raises(BundleError, match=r"no config\.json"):
        FromFolder(tmp_path)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"name": "embedded"}, "cannot name a bundle"),
        ({"name": "../up"}, "cannot name a bundle"),
        ({"name": ".hidden"}, "cannot name a bundle"),
        ({"name": "Large"}, "cannot name a bundle"),
        ({"name": ""}, "cannot name a bundle"),
        ({"vision": ()}, "vision tower"),
        ({"licence": "x" * 301}, "licence"),
        ({"licence": "two\nlines"}, "licence"),
        ({"home": "http://plain.example"}, "no address"),
        ({"threads": 0}, "thread"),
    ],
)
def test_what_no_manifest_could_say_is_refused(tmp_path, changes, reason):
    plain = {"origin": AtRandom("tiny"), "folder": tmp_path / "new", "name": "tiny"}
    Wanted(**plain)
    with pytest.raises(BundleError, match=reason) as refused:
        Wanted(**{**plain, **changes})
    assert refused.value.hint


def test_nothing_is_written_over_a_folder_that_holds_something(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").touch()
    (tmp_path / "file").touch()
    (tmp_path / "empty").mkdir()
    for name in ("full", "file"):
        with pytest.raises(BundleError, match="there already"):
            Wanted(origin=AtRandom("tiny"), folder=tmp_path / name, name="tiny")
    Wanted(origin=AtRandom("tiny"), folder=tmp_path / "empty", name="tiny")


def test_precisions_are_read_in_one_order():
    assert precisions("int8,fp32") == ("fp32", "int8")
    assert precisions("int8,int8") == ("int8",)
    assert precisions("none") == ()
    for text in ("", "fp8", "fp32,", "fp32 ,int8", "none,int8"):
        with pytest.raises(BundleError, match="no precision"):
            precisions(text)


def test_random_weights_come_in_known_architectures():
    with pytest.raises(BundleError, match="no architecture"):
        AtRandom("huge")
    assert PAPER.startswith("https://")


def test_without_its_libraries_the_command_says_how_to_get_them(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(command, "_is_there", lambda name: name not in {"torch", "optimum.exporters.onnx"})
    assert command.main([str(tmp_path / "new"), "--random", "tiny"]) == 2
    told = capsys.readouterr().err
    assert "torch, optimum.exporters.onnx" in told
    assert "make export" in told
    assert not (tmp_path / "new").exists()


def test_a_library_whose_parent_is_missing_is_missing():
    assert command._is_there("json")
    assert not command._is_there("no_such_library.part")


def test_reading_the_command_line_loads_no_large_library(tmp_path):
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys\nfrom safelight.models.export.__main__ import main\n"
            "status = main([sys.argv[1], '--hub', 'a/b'])\n"
            "print(status, sorted({'torch', 'transformers', 'onnxruntime', 'onnx', 'tokenizers'} & set(sys.modules)))",
            str(tmp_path / "new"),
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2 []\n"
    assert "no revision" in done.stderr


def test_what_the_exporter_shares_with_safelight_is_little():
    """It runs without Safelight's own dependencies: only what packaging/export.sh installs may be imported."""
    here = Path(command.__file__).parent
    names = [path.stem for path in sorted(here.glob("*.py")) if path.stem not in {"__init__", "__main__"}]
    light = [name for name in names if name not in {"checkpoint", "graphs", "towers", "precisions", "making"}]
    assert len(light) >= 6
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import importlib, sys\n"
            "for name in sys.argv[1:]: importlib.import_module(f'safelight.models.export.{name}')\n"
            "import safelight.inference.session\n"
            "known = {'safelight', 'numpy', 'pydantic', 'pydantic_core', 'annotated_types', 'typing_extensions',"
            " 'typing_inspection', '__main__', *sys.stdlib_module_names}\n"
            "print(sorted({name.split('.')[0] for name in sys.modules} - known))",
            *light,
            "__main__",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    foreign = [name for name in eval(done.stdout) if not name.startswith(("_", "editables", "sitecustomize"))]
    assert foreign == []
