"""`make rate`: the folder arrives as it was named, and without one there is a sample shoot."""

import os
import shutil

import pytest

from tests.end_to_end.newcomer import Newcomer

NAMES = [
    b"plain",
    b"with two blanks",
    b"it's",
    b'say "cheese"',
    b"price $HOME $(touch gone) ${x} $$",
    b"$(shell touch gone)",
    b"back`touch gone`tick",
    b"hash # percent % star * brace {a,b}",
    b"semi; touch gone",
    b"-n",
    b"--dry-run",
    "Straße 写真 📷".encode(),
    b"latin1 \xe9t\xe9",
    b"new\nline",
    b"back\\slash",
    b"a=b:c",
]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    newcomer = Newcomer(tmp_path_factory.mktemp("computer") / "c")
    newcomer.python()
    assert newcomer.setup().returncode == 0
    return newcomer


@pytest.fixture
def newcomer(prepared):
    prepared.safelight(status=0)
    (prepared.folder / "arguments").unlink(missing_ok=True)
    return prepared


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("absolute", [True, False])
def test_folder_arrives_as_it_was_named(newcomer, name, absolute):
    folder = os.path.join(os.fsencode(newcomer.clone), name)
    os.makedirs(folder, exist_ok=True)
    named = folder if absolute else name
    done = newcomer.make("rate", b"FOLDER=" + named)
    assert done.returncode == 0, done.stderr
    assert newcomer.arguments() == [b"rate", b"--", named]
    assert not (newcomer.clone / "gone").exists()


@pytest.mark.parametrize("named", ["~", "~/Pictures/my shoot"])
def test_tilde_is_home_where_the_shell_left_it(newcomer, named):
    folder = newcomer.home / named.removeprefix("~").lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    done = newcomer.make("rate", f"FOLDER={named}")
    assert done.returncode == 0, done.stderr
    assert newcomer.arguments()[-1] == os.fsencode(newcomer.home) + named.removeprefix("~").encode()


def test_more_options_are_passed_on(newcomer):
    done = newcomer.make("rate", f"FOLDER={newcomer.home}", 'ARGS=--dry-run --state "my state"')
    assert done.returncode == 0, done.stderr
    assert newcomer.arguments()[1:4] == [b"--dry-run", b"--state", b"my state"]


def test_folder_that_is_not_there_is_one_sentence_and_installs_nothing(tmp_path):
    newcomer = Newcomer(tmp_path / "computer")
    done = newcomer.make("rate", "FOLDER=/no such folder")
    assert done.returncode == 2
    assert "There is no folder /no such folder" in done.stderr
    assert not (newcomer.clone / ".venv").exists()


def test_folder_that_is_empty_is_no_wish_for_the_sample(newcomer):
    shutil.rmtree(newcomer.clone / "sample", ignore_errors=True)
    done = newcomer.make("rate", "FOLDER=")
    assert done.returncode == 2
    assert "FOLDER= is empty" in done.stderr
    assert not (newcomer.clone / "sample").exists()


@pytest.mark.parametrize("status", [1, 2])
def test_failed_frames_fail_the_command(newcomer, status):
    newcomer.safelight(status=status)
    assert newcomer.make("rate", f"FOLDER={newcomer.home}").returncode == 2  # make's own status for any failure


def test_without_a_folder_the_sample_is_made_and_rated_into_a_state_of_its_own(newcomer):
    newcomer.safelight(status=1, does="touch sample/a.xmp sample/b.xmp")  # 1: the file that is cut off
    done = newcomer.make("rate")
    assert done.returncode == 0, done.stderr
    assert (newcomer.clone / "sample/DSC_0001.JPG").exists()
    state = os.fsencode(newcomer.clone / ".cache/sample-state")
    assert newcomer.arguments() == [b"rate", b"--state", state, b"--", b"sample"]
    assert "make rate FOLDER=" in done.stdout


def test_sample_is_made_once(newcomer):
    newcomer.make("rate")
    before = newcomer.calls()
    (newcomer.clone / "sample/DSC_0001.JPG.xmp").write_text("a rating", encoding="utf-8")
    newcomer.make("rate")
    assert newcomer.calls() == before
    assert (newcomer.clone / "sample/DSC_0001.JPG.xmp").read_text(encoding="utf-8") == "a rating"


@pytest.mark.parametrize("status", [1, 2])
def test_sample_that_was_not_rated_fails(newcomer, status):
    shutil.rmtree(newcomer.clone / "sample", ignore_errors=True)
    newcomer.safelight(status=status)
    assert newcomer.make("rate").returncode == 2
