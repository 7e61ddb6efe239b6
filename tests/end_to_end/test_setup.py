"""The set-up on computers that lack something: one sentence that says what to do, and no wall of text."""

import shutil

import pytest

from tests.end_to_end.newcomer import ROOT, Newcomer

NO_NETWORK = "\n".join(
    [
        "WARNING: Retrying (Retry(total=4)) after connection broken by 'NewConnectionError: Failed to establish a new "
        "connection: [Errno -3] Temporary failure in name resolution'",
        "ERROR: Could not find a version that satisfies the requirement click==8.5.1 (from versions: none)",
        "ERROR: No matching distribution found for click==8.5.1",
    ]
    * 20
)


@pytest.fixture
def newcomer(tmp_path):
    return Newcomer(tmp_path / "computer")


def is_one_sentence(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return len(lines) == 1 and len(lines[0]) < 400 and lines[0].endswith((".", "it."))


def test_fresh_computer_is_set_up_and_told_little(newcomer):
    newcomer.python()
    done = newcomer.setup()
    assert done.returncode == 0
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 2
    installs = [call for call in newcomer.calls() if "pip install" in call]
    assert "--require-hashes -r requirements.lock" in installs[0]
    assert "--no-deps --no-build-isolation -e ." in installs[1]
    assert len(installs) == 2


def test_second_setup_costs_nothing(newcomer):
    newcomer.python()
    newcomer.setup()
    before = newcomer.calls()
    done = newcomer.setup()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert newcomer.calls() == before


def test_what_the_tests_need_is_enough_for_rating(newcomer):
    newcomer.python()
    newcomer.setup("dev")
    before = newcomer.calls()
    assert newcomer.setup("run").returncode == 0
    assert newcomer.calls() == before
    assert newcomer.setup("dev").returncode == 0
    assert newcomer.calls() == before


def test_rating_set_up_is_not_enough_for_the_tests(newcomer):
    newcomer.python()
    newcomer.setup("run")
    newcomer.setup("dev")
    assert any("requirements-dev.lock" in call for call in newcomer.calls())


def test_another_lock_is_installed(newcomer):
    newcomer.python()
    newcomer.setup()
    with (newcomer.clone / "requirements.lock").open("a", encoding="utf-8") as lock:
        lock.write("# changed\n")
    before = len(newcomer.calls())
    assert newcomer.setup().returncode == 0
    assert len(newcomer.calls()) > before


def test_environment_without_its_python_is_made_again(newcomer):
    newcomer.python()
    newcomer.setup()
    (newcomer.clone / ".venv/bin/python").unlink()
    assert newcomer.setup().returncode == 0
    assert sum("-m venv" in call for call in newcomer.calls()) == 2


def test_folder_named_venv_that_is_none_is_not_removed(newcomer):
    newcomer.python()
    (newcomer.clone / ".venv").mkdir()
    (newcomer.clone / ".venv" / "mine").touch()
    done = newcomer.setup()
    assert done.returncode == 2
    assert "is in the way" in done.stderr
    assert (newcomer.clone / ".venv" / "mine").exists()


def test_no_python(newcomer):
    done = newcomer.setup()
    assert done.returncode == 2
    assert is_one_sentence(done.stderr)
    assert "sudo apt install python3 python3-venv" in done.stderr


def test_old_python(newcomer):
    newcomer.python(version="3 10")
    done = newcomer.setup()
    assert done.returncode == 2
    assert is_one_sentence(done.stderr)
    assert "3.11 or newer and found 3.10" in done.stderr
    assert not (newcomer.clone / ".venv").exists()


def test_old_python_beside_a_new_one(newcomer):
    newcomer.python(version="3 9")
    newcomer.python("python3.12", version="3 12")
    assert newcomer.setup().returncode == 0


def test_shim_that_starts_nothing_is_passed_over(newcomer):
    newcomer.program("python3", "#!/bin/sh\necho 'python3: command not found' >&2\nexit 127\n")
    newcomer.python("python3.13", version="3 13")
    done = newcomer.setup()
    assert (done.returncode, done.stderr) == (0, "")


def test_debian_without_venv(newcomer):
    newcomer.python(ensurepip=False)
    done = newcomer.setup()
    assert done.returncode == 2
    assert is_one_sentence(done.stderr)
    assert "sudo apt install python3.11-venv" in done.stderr


def test_python_that_was_named_is_taken(newcomer):
    newcomer.python(version="3 8")
    newcomer.python("my python", version="3 12")
    done = newcomer.make("rate", f"PYTHON={newcomer.bin / 'my python'}")
    assert done.returncode == 0, done.stderr


def test_python_that_was_named_and_is_none(newcomer):
    newcomer.python()
    done = newcomer.make("doctor", "PYTHON=python4")
    assert done.returncode == 2
    assert "PYTHON=python4 does not start a Python" in done.stderr


@pytest.mark.parametrize(
    ("wall", "sentence"),
    [
        pytest.param(NO_NETWORK, "connect to the network", id="network"),
        pytest.param("ERROR: [Errno 28] No space left on device\n", "disk is full", id="disk"),
        pytest.param("ERROR: THESE PACKAGES DO NOT MATCH THE HASHES\n", "not the one that was locked", id="hash"),
        pytest.param(
            "ERROR: No matching distribution found for rawpy==0.28.0\n", "no build for this Python", id="build"
        ),
        pytest.param("Traceback (most recent call last):\n  something new\n", "at the end of the log", id="other"),
    ],
)
def test_pip_fails(newcomer, wall, sentence):
    newcomer.python()
    newcomer.pip_says(wall)
    done = newcomer.setup()
    assert done.returncode == 2
    assert is_one_sentence(done.stderr), done.stderr
    assert sentence in done.stderr
    assert "Traceback" not in done.stdout + done.stderr
    assert "ERROR" not in done.stdout + done.stderr
    log = newcomer.clone / ".cache/setup/setup.log"
    assert str(log) in done.stderr
    assert wall in log.read_text(encoding="utf-8")

    newcomer.pip_says("")
    assert newcomer.setup().returncode == 0, "the same command goes on when the cause is gone"


def test_exiftool_that_nobody_may_install_is_one_sentence_once(newcomer):
    newcomer.python()
    (newcomer.bin / "exiftool").unlink()
    done = newcomer.setup()
    assert (done.returncode, done.stderr) == (0, "")
    assert is_one_sentence(done.stdout.splitlines()[-1])
    assert "sudo apt install libimage-exiftool-perl" in done.stdout
    assert "exiftool" not in newcomer.setup("dev").stdout


def apt(newcomer, *, needs_update=False, broken=False):
    newcomer.program(
        "apt-get",
        f"""#!/bin/sh
echo "$*" >>"{newcomer.folder}/apt"
echo "a wall of text"
{"exit 100" if broken else ""}
case "$*" in
*update*) touch "{newcomer.folder}/updated" ;;
*install*)
    {f'[ -e "{newcomer.folder}/updated" ] || exit 100' if needs_update else ""}
    cp "{newcomer.bin}/true" "{newcomer.bin}/exiftool" ;;
esac
""",
    )
    (newcomer.bin / "exiftool").unlink()


def as_user(newcomer, number):
    newcomer.program("id", f"#!/bin/sh\necho {number}\n")


@pytest.mark.parametrize("needs_update", [False, True])
def test_root_gets_exiftool(newcomer, needs_update):
    newcomer.python()
    as_user(newcomer, 0)
    apt(newcomer, needs_update=needs_update)
    done = newcomer.setup()
    assert (done.returncode, done.stderr) == (0, "")
    assert (newcomer.bin / "exiftool").exists()
    assert "a wall of text" not in done.stdout
    assert "Pillow alone" not in done.stdout


def test_exiftool_that_cannot_be_installed_fails_nothing(newcomer):
    newcomer.python()
    as_user(newcomer, 0)
    apt(newcomer, broken=True)
    done = newcomer.setup()
    assert (done.returncode, done.stderr) == (0, "")
    assert "Pillow alone" in done.stdout
    tries = (newcomer.folder / "apt").read_text(encoding="utf-8")
    newcomer.setup("dev")
    assert (newcomer.folder / "apt").read_text(encoding="utf-8") == tries, "tried once"


def test_user_with_sudo_that_asks_is_not_asked(newcomer):
    newcomer.python()
    as_user(newcomer, 1000)
    apt(newcomer)
    newcomer.program("sudo", f'#!/bin/sh\necho "$*" >>"{newcomer.folder}/sudo"\n[ "$1" = -n ] || exit 9\nexit 1\n')
    done = newcomer.setup()
    assert done.returncode == 0
    assert "Pillow alone" in done.stdout
    assert (newcomer.folder / "sudo").read_text(encoding="utf-8") == "-n true\n"
    assert not (newcomer.folder / "apt").exists()


def test_user_with_sudo_that_does_not_ask_gets_exiftool(newcomer):
    newcomer.python()
    as_user(newcomer, 1000)
    apt(newcomer)
    newcomer.program("sudo", '#!/bin/sh\n[ "$1" = -n ] || exit 9\nshift\nexec "$@"\n')
    done = newcomer.setup()
    assert "Pillow alone" not in done.stdout
    assert (newcomer.bin / "exiftool").exists()


def test_make_test_passes_the_tests(newcomer):
    newcomer.python()
    done = newcomer.make("test")
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "1 passed in 0.1s"
    assert newcomer.calls()[-1].startswith("-m pytest")


def test_ci_runs_what_a_newcomer_runs_and_nothing_else():
    lines = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    commands = [line for line in lines if line and not line.startswith(("#", "set ", "cd "))]
    assert commands == ["make test", "exec make test-desktop"]


def test_make_alone_says_what_there_is(newcomer):
    done = newcomer.make()
    assert done.returncode == 0
    assert "make rate FOLDER=" in done.stdout
    assert "make test" in done.stdout
    assert newcomer.calls() == []


def test_clean_takes_no_photographs(newcomer):
    newcomer.python()
    newcomer.make("rate")
    assert (newcomer.clone / "sample/DSC_0001.JPG").exists()
    assert newcomer.make("clean").returncode == 0
    assert (newcomer.clone / "sample/DSC_0001.JPG").exists()
    assert not (newcomer.clone / ".venv").exists()


def test_moved_clone_is_set_up_again(newcomer):
    newcomer.python()
    newcomer.setup()
    before = len(newcomer.calls())
    moved = newcomer.folder / "moved"
    shutil.move(newcomer.clone, moved)
    newcomer.clone.symlink_to(moved)
    done = newcomer.run(str(moved / "packaging" / "setup.sh"), "run")
    assert done.returncode == 0
    assert len(newcomer.calls()) > before
