"""What the program asks of the system, as strace sees it: originals are only read, and nothing goes to a network."""

import os
import re
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from tests.end_to_end.program import Program, program, untouched
from tests.faults.shoot import jpeg, make_shoot, put

__all__ = ["program"]
pytestmark = pytest.mark.xdist_group("rate_touches_nothing")  # what a fixture rated is for all of them

# Everything that opens, makes, changes, names or removes a file, and everything that could speak to another machine.
WATCHED = (
    "open,openat,openat2,creat,truncate,rename,renameat,renameat2,unlink,unlinkat,link,linkat,symlink,symlinkat,"
    "mkdir,mkdirat,rmdir,chmod,fchmodat,chown,lchown,fchownat,utime,utimes,utimensat,setxattr,lsetxattr,removexattr,"
    "mknod,mknodat,socket,connect,sendto"
)
CALL = re.compile(r"^\d+\s+(?:<\.\.\. )?(\w+)\((.*)$")
WRITING = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC|O_APPEND")
OPENING = {"open", "openat", "openat2"}
OURS = re.compile(r"(\.xmp|/\.safelight-[0-9a-f]{32}\.tmp)$")


@dataclass(frozen=True)
class Call:
    name: str
    arguments: str

    def paths(self, folder: Path) -> list[str]:
        """Return the paths in its arguments that lie in a folder."""
        return [path for path in re.findall(r'"([^"]*)"', self.arguments) if path.startswith(str(folder))]


def traced(program: Program, log: Path, *arguments: "str | Path") -> list[Call]:
    """Run the program and its children under strace and return what they asked of the system."""
    if shutil.which("strace") is None:
        pytest.skip("needs strace, which is not installed")
    options = ("strace", "-f", "-qq", "-s", "4096", "-e", f"trace={WATCHED}", "-e", "signal=none", "-o", str(log))
    child = replace(program, before=options).start(*arguments)
    said, errors = child.communicate(timeout=120)
    if b"ptrace" in errors.lower() or b"strace:" in errors:
        pytest.skip(f"strace may not be used here: {errors.decode()}")
    assert child.returncode == 1, (said, errors)
    found = (CALL.match(line) for line in log.read_text(encoding="utf-8", errors="replace").splitlines())
    return [Call(match[1], match[2]) for match in found if match]


@dataclass(frozen=True)
class Case:
    folder: Path
    first: list[Call]
    second: list[Call]


@pytest.fixture(scope="module")
def case(program: Program, tmp_path_factory: pytest.TempPathFactory) -> Case:
    base = tmp_path_factory.mktemp("traced")
    folder = base / "shoot"
    make_shoot(folder, scenes=2, frames_each=2, side=320)
    put(folder / "pair.dng", jpeg(8))
    put(folder / "pair.jpg", jpeg(8))
    put(folder / "broken.nef", b"II*\0" + os.urandom(64) * 50)  # exiftool is asked as well
    put(folder / "half.jpg", jpeg(9)[:20_000])
    os.symlink("half.jpg", folder / "link.jpg")
    program.rate(folder, "--dry-run", "--state", base / "warm")  # builds the model bundle
    with untouched(folder):
        first = traced(program, base / "first", "rate", folder, "--state", base / "state", "--jobs", "2")
        second = traced(program, base / "second", "rate", folder, "--state", base / "state", "--jobs", "2")
    return Case(folder, first, second)


def test_trace_saw_the_photographs_being_read_and_sidecars_being_written(case: Case) -> None:
    opened = {path for call in case.first if call.name in OPENING for path in call.paths(case.folder)}
    assert {str(path) for path in case.folder.glob("*.jpg") if not path.is_symlink()} <= opened
    written = [path for call in case.first if WRITING.search(call.arguments) for path in call.paths(case.folder)]
    assert len(written) == 6
    assert all(OURS.search(path) for path in written)


def test_originals_are_only_ever_opened_for_reading(case: Case) -> None:
    for call in (*case.first, *case.second):
        for path in call.paths(case.folder):
            if OURS.search(path):
                continue
            assert call.name in OPENING, call
            assert not WRITING.search(call.arguments), call


def test_links_are_never_followed_by_an_open(case: Case) -> None:
    assert not [
        call for call in case.first if call.name in OPENING and str(case.folder / "link.jpg") in call.paths(case.folder)
    ]


def test_second_run_opens_no_photograph(case: Case) -> None:
    opened = {path for call in case.second if call.name in OPENING for path in call.paths(case.folder)}
    pictures = {path for path in opened if not path.endswith(".xmp")}
    assert pictures <= {str(case.folder)}
    assert not [call for call in case.second if WRITING.search(call.arguments) and call.paths(case.folder)]


def test_nothing_speaks_to_a_network(case: Case) -> None:
    for call in (*case.first, *case.second):
        assert "AF_INET" not in call.arguments, call
