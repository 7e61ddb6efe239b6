"""`safelight setup` on a real terminal, and where there is none."""

import os
import pty
import select
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.end_to_end.program import Program

PATIENCE_S = 20.0
CTRL_C, CTRL_D = b"\x03", b"\x04"
FIRST, MORE, CHOICE = "Folder, or - for none", "Another folder, or Enter", "Your choice"
INTO, NAMES, PROGRAMS = "Copy into", "Enter if that is right", "Numbers, such as"
CARDS = [(CHOICE, ""), (INTO, ""), (NAMES, "")]


@pytest.fixture
def home(tmp_path):
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@pytest.fixture
def program(home):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("XDG_", "SAFELIGHT_"))}
    return Program(home, kept | {"HOME": str(home), "TERM": "dumb", "LC_ALL": "C.UTF-8"})


def settings(home: Path) -> Path:
    return home / ".config/safelight/settings.toml"


def until_it_waits(child: int, deadline: float) -> None:
    """Wait until a program sleeps: Python heeds no Ctrl-C between the last letter of a question and its reading."""
    while time.monotonic() < deadline:
        if Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] == "S":
            return
        time.sleep(0.002)


def talk(program: Program, answers: Sequence[tuple[str, str | bytes]]) -> tuple[int, str]:
    """Run setup on a terminal; give each answer when its question has been asked. Return status and what was shown."""
    command = program.command("setup")
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(program.home)
        os.execve(command[0], command, dict(program.environment))
    shown, asked, waiting = b"", 0, list(answers)
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1.0)
        try:
            more = os.read(terminal, 4096) if ready else b""
        except OSError:  # the other end is closed
            break
        shown += more
        if waiting and waiting[0][0].encode() in shown[asked:] and shown.endswith(b": "):
            asked = len(shown)
            until_it_waits(child, deadline)
            answer = waiting.pop(0)[1]
            answer = answer if isinstance(answer, bytes) else answer.encode()
            os.write(terminal, answer if answer in (CTRL_C, CTRL_D) else answer + b"\n")
    else:
        os.kill(child, 9)
    _, status = os.waitpid(child, 0)
    os.close(terminal)
    text = shown.decode(errors="backslashreplace").replace("\r\n", "\n")
    assert not waiting, f"never asked {waiting[0][0]!r}: {text}"
    assert "Traceback" not in text, text
    return os.waitstatus_to_exitcode(status), text


def test_enter_three_times_is_a_sound_setup(program, home):
    (home / "Pictures").mkdir()
    status, shown = talk(program, [(FIRST, ""), (MORE, ""), *CARDS, (PROGRAMS, "")])
    assert status == 0, shown
    assert "~/Pictures/2026/2026-05-01 Canon EOS R5/IMG_0001.CR3" in shown  # what the template comes to
    assert "Written to " in shown
    said = tomllib.loads(settings(home).read_text())
    assert said["watch"] == {"folders": ["~/Pictures"]}
    assert said["cards"] == {"new": "import"}
    assert said["sidecars"] == {"profile": "darktable"}
    assert "daemon does not run" in shown


def test_everything_answered_otherwise(program, home):
    for name in ("one", "two words", "café"):
        (home / name).mkdir()
    answers = [
        *((MORE, name) for name in ("one", "~/two words", str(home / "café"))),
        (MORE, ""),
        (CHOICE, "ask"),
        (INTO, "~/new/in"),
        (NAMES, "{date:%Y}/{name}"),
        (NAMES, ""),
        (PROGRAMS, "2"),
    ]
    status, shown = talk(program, answers)
    assert status == 0, shown
    said = tomllib.loads(settings(home).read_text())
    assert said["watch"]["folders"] == ["~/one", "~/two words", "~/café"]
    assert said["cards"] == {"new": "ask", "import_folder": "~/new/in", "template": "{date:%Y}/{name}"}
    assert said["sidecars"] == {"profile": "adobe"}
    assert not (home / "new").exists()  # asking makes no folder


def test_a_bad_answer_is_asked_for_again(program, home):
    (home / "file").write_bytes(b"")
    (home / "good").mkdir()
    answers = [
        *((MORE, bad) for bad in ("nowhere", "file", "/", "good", "good", "good/")),
        (MORE, ""),
        *((CHOICE, bad) for bad in ("copy", "i", "maybe")),
        (CHOICE, "import"),
        (INTO, "file/below"),
        (INTO, ""),
        (NAMES, "{place}/{name}"),
        (NAMES, "../{name}"),
        (NAMES, ""),
        *((PROGRAMS, bad) for bad in ("3", "darktable", "1 9")),
        (PROGRAMS, "2, 1"),
    ]
    status, shown = talk(program, answers)
    assert status == 0, shown
    for sentence in (
        "There is no folder",
        "is a file, not a folder",
        "All of the disk cannot be watched",
        "is watched already.",
        "Please answer import, rate, ask or ignore.",
        "The template asks for {place}",
        "Please answer 1, 2, or 1 2 for both.",
    ):
        assert sentence in shown, sentence
    said = tomllib.loads(settings(home).read_text())
    assert (said["watch"]["folders"], said["sidecars"]["profile"]) == (["~/good"], "both")


@pytest.mark.parametrize(("answer", "folders"), [("y", ["~/Pictures"]), ("", ["~/Pictures"])])
def test_photographs_that_are_there_are_asked_about(program, home, answer, folders):
    (home / "Pictures/2020").mkdir(parents=True)
    for name in ("a.jpg", "a.cr3", "b.jpg"):
        (home / "Pictures/2020" / name).write_bytes(b"")
    answers = [(FIRST, ""), ("It holds 2 photographs already. Rate them too?", answer), (MORE, ""), *CARDS]
    status, shown = talk(program, [*answers, (PROGRAMS, "")])
    assert status == 0, shown
    assert tomllib.loads(settings(home).read_text())["watch"]["folders"] == folders


def test_photographs_that_are_there_can_be_left_alone(program, home):
    (home / "Pictures").mkdir()
    (home / "Pictures/a.jpg").write_bytes(b"")
    answers = [(FIRST, ""), ("It holds 1 photograph already.", "n"), (MORE, ""), (CHOICE, "ignore"), (PROGRAMS, "")]
    assert talk(program, answers)[0] == 0
    said = tomllib.loads(settings(home).read_text())
    assert said["watch"]["folders"] == [{"path": "~/Pictures", "existing": "leave"}]
    assert said["cards"]["new"] == "ignore"


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
@pytest.mark.parametrize("there", [True, False])
def test_who_stops_in_the_middle_has_changed_nothing(program, home, key, there):
    before = "# mine\n[cards]\nnew = 'rate' # so\n"
    if there:
        settings(home).parent.mkdir(parents=True)
        settings(home).write_text(before)
    status, shown = talk(program, [(MORE, ""), (CHOICE, ""), (PROGRAMS, key)] if there else [(MORE, key)])
    assert status == 130, shown
    assert "Nothing was changed." in shown
    assert (settings(home).read_text() if there else None) == (before if there else None)
    assert there or not settings(home).parent.exists()


def test_what_is_set_is_the_default_and_its_comments_stay(program, home):
    (home / "a").mkdir()
    text = (
        "# mine\n[watch]\nfolders = [\n  '~/gone',  # a disk that is not here now\n"
        "  {path = '~/a', existing = 'leave'},\n]\nrescan_minutes = 3\n"
        "[cards]\nnew = 'rate' # so\n[sidecars]\nprofile = 'both'\n"
    )
    settings(home).parent.mkdir(parents=True)
    settings(home).write_text(text)
    questions = [(FIRST, ""), (FIRST, ""), (MORE, ""), (CHOICE, ""), (PROGRAMS, "")]
    status, shown = talk(program, questions)
    assert status == 0, shown
    assert settings(home).read_text() == text
    assert talk(program, [(FIRST, "-"), *questions[1:]])[0] == 0
    said = settings(home).read_text()
    assert tomllib.loads(said)["watch"] == {"folders": [{"path": "~/a", "existing": "leave"}], "rescan_minutes": 3}
    assert "# mine\n" in said and "new = 'rate' # so\n" in said


def test_a_file_that_cannot_be_meant_is_told_before_anything_is_asked(program, home):
    settings(home).parent.mkdir(parents=True)
    settings(home).write_text("[watch]\nfolders = 3\n")
    status, shown = talk(program, [])
    assert status == 2
    assert "settings.toml, line 2: watch.folders must be a list of folders" in shown
    assert settings(home).read_text() == "[watch]\nfolders = 3\n"


def test_a_name_that_is_not_utf8_can_be_typed(program, home):
    os.mkdir(os.fsencode(home) + b"/caf\xe9")
    status, shown = talk(program, [(MORE, b"caf\xe9"), (MORE, ""), (CHOICE, "rate"), (PROGRAMS, "")])
    assert status == 0, shown
    assert tomllib.loads(settings(home).read_text())["watch"]["folders"] == [f"file://{home}/caf%E9"]


def test_without_a_terminal_it_says_what_to_write_where(program, home):
    status, said, errors = program.run("setup")
    assert (status, said) == (2, "")
    assert str(settings(home)) in errors
    example = "\n".join(line.strip() for line in errors.split("such as:", 1)[1].splitlines())
    settings(home).parent.mkdir(parents=True)
    settings(home).write_text(example)  # the example is a file that works
    assert program.run("watch", "list")[0] == 0
