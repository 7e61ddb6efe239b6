"""settings.toml: what it sets, what it refuses and in which words, and what a command without one pays."""

import os
import subprocess
import sys
from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight import paths
from safelight.app import configuration
from safelight.app.configuration import Configuration
from safelight.app.configuration_sections import SECTIONS, Told, Watched
from safelight.app.folder_names import folder_of, text_of
from safelight.errors import CannotStart, SettingsError
from safelight.sidecars.naming import Profile

HOME = Path("/home/ada")
ENVIRON = {"HOME": str(HOME)}
FILE = HOME / ".config/safelight/settings.toml"


def parsed(text: str) -> Configuration:
    return configuration.parse(text, file=FILE, environ=ENVIRON)


def refused(text: str) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        parsed(text)
    assert caught.value.summary.startswith(f"{FILE}, line ")
    assert caught.value.summary.endswith((".", "?"))
    assert caught.value.hint.endswith(".")
    return caught.value


def written(home: Path, data: bytes) -> dict[str, str]:
    environ = {"HOME": str(home)}
    file = paths.settings_file(environ)
    file.parent.mkdir(parents=True)
    file.write_bytes(data)
    return environ


def test_without_a_file_the_defaults_hold(tmp_path):
    read = configuration.read({"HOME": str(tmp_path)})
    assert read.watch.folders == ()
    assert (read.cards.new, read.cards.default) == ("ask", "import")
    assert read.cards.import_folder == tmp_path / "Pictures"
    assert read.cards.backup_folder is None
    assert (read.sidecars.profile, read.work.jobs, read.learn.blind_share, read.learn.undo_hours) == (
        "darktable",
        0,
        0.08,
        24,
    )
    assert {origin for _, _, origin in read.effective()} == {"default"}


def test_the_folder_of_imports_follows_the_desktop(tmp_path):
    (tmp_path / ".config").mkdir()
    (tmp_path / ".config/user-dirs.dirs").write_text('XDG_PICTURES_DIR="$HOME/Bilder"\n')
    assert configuration.read({"HOME": str(tmp_path)}).cards.import_folder == tmp_path / "Bilder"
    (tmp_path / ".config/user-dirs.dirs").write_text('XDG_PICTURES_DIR="$HOME/"\n')  # how it is switched off
    assert configuration.read({"HOME": str(tmp_path)}).cards.import_folder == tmp_path / "Pictures"


def test_the_file_lies_where_xdg_says():
    assert paths.settings_file({"HOME": "/h", "XDG_CONFIG_HOME": "/c"}) == Path("/c/safelight/settings.toml")
    assert paths.settings_file({"HOME": "/h", "XDG_CONFIG_HOME": "c"}) == Path("/h/.config/safelight/settings.toml")


def test_folders_are_texts_or_tables():
    read = parsed(
        '[watch]\nfolders = ["~/Pictures", {path = "/mnt/a", existing = "leave"},\n "file:///mnt/caf%E9", "~"]\n'
        '[cards]\nimport_folder = ""\nbackup_folder = ""\n'
    )
    assert read.watch.folders == (
        Watched(path=HOME / "Pictures"),
        Watched(path=Path("/mnt/a"), existing="leave"),
        Watched(path=Path(os.fsdecode(b"/mnt/caf\xe9"))),
        Watched(path=HOME),
    )
    assert read.cards.import_folder == HOME / "Pictures"
    assert read.cards.backup_folder is None


def test_every_setting_knows_its_line():
    read = parsed('\n[work]\n# jobs = 1\njobs = 3\n\n[cards]\nnew = "rate"\nlast = 1\n'.replace("last = 1\n", ""))
    assert read.origin("work.jobs") == "settings.toml line 4"
    assert read.origin("cards.new") == "settings.toml line 7"
    assert read.origin("cards.default") == "default"
    with pytest.raises(KeyError):
        read.origin("cards.old")


def test_what_the_services_get(tmp_path):
    read = parsed('[sidecars]\nprofile = "adobe"\n[work]\njobs = 3\n[learn]\nundo_hours = 2\n')
    said = read.settings(ENVIRON, state=tmp_path)
    assert (said.profile, said.jobs, said.undo_s, said.state) == (Profile.ADOBE, 3, 7200.0, tmp_path)
    asked = read.settings(ENVIRON, profile="both", jobs=1)
    assert (asked.profile, asked.jobs) == (Profile.BOTH, 1)
    assert parsed("").settings(ENVIRON).jobs == len(os.sched_getaffinity(0))


def test_the_import_folder_is_watched_for_what_arrives():
    assert parsed("").watched() == (Watched(path=HOME / "Pictures", existing="leave"),)
    assert parsed('[watch]\nfolders = ["~"]').watched() == (Watched(path=HOME),)
    assert parsed('[cards]\nnew = "ignore"').watched() == ()
    elsewhere = parsed('[watch]\nfolders = ["/a"]\n[cards]\nnew = "import"\nimport_folder = "/b"')
    assert [each.path for each in elsewhere.watched()] == [Path("/a"), Path("/b")]


def test_settings_never_change():
    read = parsed("")
    with pytest.raises(FrozenInstanceError):
        read.watch.rescan_minutes = 3


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        ('[watch]\nrescan_minutes = "15"', 2, "watch.rescan_minutes must be a number from 0.1 to 1440"),
        ("[watch]\nrescan_minutes = true", 2, "watch.rescan_minutes must be a number"),
        ("[watch]\nrescan_minutes = nan", 2, "watch.rescan_minutes must be a number"),
        ("[watch]\nrescan_minutes = inf", 2, "watch.rescan_minutes must be a number"),
        ("[work]\n\njobs = -1", 3, "work.jobs must be a whole number from 0 to 64, but it is -1."),
        ("[work]\njobs = 2.5", 2, "work.jobs must be a whole number"),
        ('[notify]\nshoots = "yes"', 2, "notify.shoots must be true or false"),
        ('[cards]\nnew = "copy"', 2, '"ask", "import", "rate" or "ignore", but it is "copy"'),
        ('[cards]\nimport_folder = "Pictures"', 2, "written as a whole path"),
        ("[cards]\nbackup_folder = false", 2, "cards.backup_folder must be a folder in quotes"),
        ("[cards]\ntemplate = 1979-05-27", 2, "cards.template must be a text in quotes"),
        ('[cards]\ntemplate = "{place}/{name}"', 2, "The template asks for {place}, which is not known"),
        ('[cards]\ntemplate = "../{name}"', 2, "cards.template is"),
        ("[watch]\nfoldrs = []", 2, "There is no setting watch.foldrs. Did you mean folders?"),
        ("[work]\n[wtach]\n", 2, "There is no section wtach. Did you mean watch?"),
        ('profile = "adobe"', 1, "profile belongs below the line [sidecars]."),
        ("\nwatch = 3", 2, "watch must be a section, [watch], but it is 3."),
        ("[[watch]]\n", 1, "watch must be a section"),
        ('[watch]\nfolders = "~/a"', 2, "watch.folders must be a list of folders"),
        ('[watch]\nfolders = [\n"/a",\n3]', 4, "watch.folders, entry 2 must be a folder in quotes"),
        ('[watch]\nfolders = [\n"/a",\n"b"]', 4, 'watch.folders, entry 2 is "b"'),
        ('[watch]\nfolders = [\n{path = "/a", existing = "no"}]', 3, "watch.folders, entry 1, existing must be"),
        ('[watch]\nfolders = [{existing = "leave"}]', 2, "watch.folders, entry 1 needs a path."),
        ('[[watch.folders]]\npath = "/a"\n[[watch.folders]]\npath = "/b"\nexisting = 1', 5, "entry 2, existing"),
        ('[watch]\nfolders = ["/a",\n"/b",\n"/a"]', 4, "The folder /a is named twice."),
        ("[watch\n", 1, "cannot be read as settings"),
        ("[watch]\n\nfolders = [\n", 3, "cannot be read as settings"),
        ("[work]\njobs = 1\njobs = 2", 3, "cannot be read as settings"),
        ("\0", 1, "cannot be read as settings"),
    ],
)
def test_a_bad_setting_is_told_with_its_line(text, line, said):
    told = refused(text).summary
    assert told.startswith(f"{FILE}, line {line}: "), told
    assert said in told, told


def test_the_first_mistake_is_told_and_the_others_are_counted():
    error = refused("[work]\njobs = -1\n[learn]\nblind_share = 2\n[watch]\nx = 1\n")
    assert "line 2: work.jobs" in error.summary
    assert "There are 2 more mistakes below." in error.hint
    assert isinstance(error, CannotStart)


def test_a_long_value_is_not_repeated_in_full():
    assert len(refused(f'[cards]\nnew = "{"x" * 5000}"').summary) < 400


@pytest.mark.parametrize("data", [b"\xff\xfe", b"# caf\xe9\n", b"#" * (300 << 10)])
def test_a_file_that_is_no_text_is_refused(tmp_path, data):
    environ = written(tmp_path, data)
    with pytest.raises(SettingsError, match="cannot be read"):
        configuration.read(environ)


def test_what_stands_in_the_files_place(tmp_path):
    environ = written(tmp_path, b"")
    file = paths.settings_file(environ)
    assert configuration.read(environ).lines == {}
    file.unlink()
    os.mkfifo(file)  # nobody writes into it: reading it would wait for ever
    with pytest.raises(SettingsError, match="it is no file"):
        configuration.read(environ)
    file.unlink()
    file.mkdir()
    with pytest.raises(SettingsError, match="it is no file"):
        configuration.read(environ)
    file.rmdir()
    file.symlink_to(tmp_path / "nothing")
    with pytest.raises(SettingsError, match="a link to a file that does not exist"):
        configuration.read(environ)
    file.unlink()
    (tmp_path / "real.toml").write_bytes(b"\xef\xbb\xbf[work]\r\njobs = 2\r\n")  # as some editors write it
    file.symlink_to(tmp_path / "real.toml")
    assert configuration.read(environ).work.jobs == 2


def test_without_a_file_no_validator_is_loaded(tmp_path):
    code = (
        "import sys, os; from safelight.app import configuration; configuration.settings(os.environ);"
        "print([name for name in ('pydantic', 'tomlkit', 'numpy', 'click') if name in sys.modules])"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env={"HOME": str(tmp_path)}, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("[]\n", "")


def test_every_setting_says_what_it_is_for():
    for name, kind in SECTIONS.items():
        hints = get_type_hints(kind, include_extras=True)
        for each in fields(kind):
            told = [mark.text for mark in get_args(hints[each.name]) if isinstance(mark, Told)]
            assert len(told) == 1 and told[0].endswith("."), f"{name}.{each.name}"


@given(name=st.binary(min_size=1, max_size=40).filter(lambda name: b"\0" not in name))
def test_a_folder_is_written_so_that_it_is_read_back(name):
    for folder in (Path(os.fsdecode(b"/" + name)), HOME / os.fsdecode(name.replace(b"/", b""))):
        folder = Path("/" + str(folder).lstrip("/"))  # noqa: PLW2901
        text = text_of(folder, HOME)
        assert text.encode("utf-8")  # can stand in a text file
        assert folder_of(text, HOME) == folder
