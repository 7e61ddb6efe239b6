"""Changing settings.toml: what a person wrote stays, and what is written means what was wanted."""

import errno
import os
import threading
from dataclasses import fields, replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight import paths
from safelight.app import configuration, configuration_file
from safelight.app.configuration_sections import SECTIONS, Watched
from safelight.app.configuration_text import edited, fresh
from safelight.errors import SettingsError

WRITTEN = """\
# mine
[watch]  # beside the section
folders = [ # all of them
  "~/a",   # the first
  # about b
  {path = "/b", existing = "leave"},
  "/c", # the last
]  # the end
rescan_minutes = 5

[cards]
new = "ask"   # always
# default = "import"
"""


@pytest.fixture
def environ(tmp_path):
    return {"HOME": str(tmp_path)}


@pytest.fixture
def file(environ):
    file = paths.settings_file(environ)
    file.parent.mkdir(parents=True)
    return file


def names_of(kind):
    return [each.name for each in fields(kind)]


def watched(*folders):
    return tuple(Watched(path=Path(folder)) for folder in folders)


def test_a_new_file_explains_every_setting(environ, tmp_path):
    after = configuration_file.put(environ, {"watch.folders": watched(tmp_path / "Pictures"), "cards.new": "import"})
    file = paths.settings_file(environ)
    text = file.read_text()
    assert 'folders = ["~/Pictures"]\n' in text
    for section, kind in SECTIONS.items():
        assert f"[{section}]\n" in text
        assert all(f"{name} = " in text for name in names_of(kind))
    assert configuration.read(environ) == after
    assert set(after.lines) == {"watch.folders", "cards.new"}
    assert after.cards.new == "import"
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_commented_lines_of_a_new_file_are_the_defaults(environ, tmp_path):
    said = fresh(configuration.read(environ), chosen=frozenset(), home=tmp_path).splitlines()
    names = [name for kind in SECTIONS.values() for name in names_of(kind)]
    live = [line.removeprefix("# ") if line[2:].split(" = ")[0] in names else line for line in said]
    read = configuration.parse("\n".join(live), file=paths.settings_file(environ), environ=environ)
    assert len(read.lines) == len(names)
    assert [value for _, value, _ in read.effective()] == [
        value for _, value, _ in configuration.read(environ).effective()
    ]


def test_a_setting_that_was_a_comment_stands_by_its_words_when_it_is_set(environ):
    configuration_file.put(environ, {"cards.new": "import"})
    configuration_file.put(environ, {"work.jobs": 3, "watch.rescan_minutes": 30.0})
    lines = paths.settings_file(environ).read_text().splitlines()
    assert lines[lines.index("jobs = 3") - 1].startswith("# Photographs decoded at once")
    assert "rescan_minutes = 30" in lines
    assert not any("jobs = 0" in line for line in lines)


def test_comments_stay(environ, file):
    file.write_text(WRITTEN)
    before = configuration.read(environ).watch.folders
    configuration_file.put(environ, {"watch.folders": (*before, *watched("/new")), "cards.default": "rate"})
    text = file.read_text()
    for comment in "mine", "beside the section", "all of them", "the first", "about b", "the last", "the end", "always":
        assert f"# {comment}" in text
    assert text.index("~/a") < text.index("/b") < text.index("/c") < text.index("/new")
    assert 'default = "rate"\n' in text and "# default" not in text
    configuration_file.put(environ, {"watch.folders": tuple(each for each in before if each.path != Path("/b"))})
    text = file.read_text()
    assert '"/b"' not in text and '"/new"' not in text
    assert '"~/a",   # the first' in text and "# the last" in text
    assert configuration.read(environ).watch.rescan_minutes == 5


def test_nothing_new_leaves_the_file_alone(environ, file):
    file.write_text(WRITTEN)
    before = file.stat()
    configuration_file.put(environ, {"watch.folders": configuration.read(environ).watch.folders, "cards.new": "ask"})
    assert (file.read_text(), file.stat().st_ino) == (WRITTEN, before.st_ino)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n# only a comment\n",
        "[watch]\n",
        "[watch]\nfolders = []\n",
        'watch.folders = ["/a"]',
        'watch = {folders = ["/a"]}\n',
        '[watch]\r\nfolders = ["/a"]\r\n',
        '[[watch.folders]]\npath = "/a"\n\n[[watch.folders]]\npath = "/z"\nexisting = "leave"\n[cards]\nnew = "ask"\n',
        '[cards]\nnew = "ask"',
        "[watch]\nfolders = [\n\n]\n[work]\n# folders = 3\n",
        '["watch"]\n"folders" = ["/a"]\n',
    ],
)
def test_every_form_of_a_file_can_be_edited(environ, file, text):
    file.write_bytes(text.encode())
    wanted = (*watched("/n\n1", os.fsdecode(b"/\xff"), "/a"), Watched(path=Path("/leave"), existing="leave"))
    configuration_file.put(environ, {"watch.folders": wanted, "learn.undo_hours": 1.5, "cards.backup_folder": None})
    read = configuration.read(environ)
    assert set(read.watch.folders) == set(wanted)
    assert read.learn.undo_hours == 1.5
    assert all(line in file.read_text() for line in text.splitlines() if line.startswith("#"))
    configuration_file.put(environ, {"watch.folders": ()})
    assert configuration.read(environ).watch.folders == ()


@settings(max_examples=40)
@given(
    folders=st.lists(st.sampled_from(["/a", "/b c", "/d\u00e9", "/e'\"", "/f]", "/g#"]), unique=True),
    leave=st.sets(st.sampled_from(["/a", "/d\u00e9", "/g#"])),
    jobs=st.integers(0, 64),
)
def test_what_is_written_is_what_was_wanted(folders, leave, jobs):
    environ, file = {"HOME": "/h"}, Path("/h/s.toml")
    wanted = tuple(Watched(path=Path(each), existing="leave" if each in leave else "rate") for each in folders)
    text = edited(WRITTEN, {"watch.folders": wanted, "work.jobs": jobs}, home=Path("/h"))
    read = configuration.parse(text, file=file, environ=environ)
    before = configuration.parse(WRITTEN, file=file, environ=environ)
    assert sorted(read.watch.folders, key=str) == sorted(wanted, key=str)
    assert read.work.jobs == jobs
    assert replace(read.watch, folders=()) == replace(before.watch, folders=())
    assert (read.cards, read.learn) == (before.cards, before.learn)


def test_a_file_that_cannot_be_read_is_not_replaced(environ, file):
    file.write_text("[watch\n# my notes\n")
    with pytest.raises(SettingsError, match="line 1"):
        configuration_file.put(environ, {"cards.new": "ask"})
    assert file.read_text() == "[watch\n# my notes\n"
    assert os.listdir(file.parent) == [file.name]


def test_a_value_that_is_none_is_not_written(environ, file):
    file.write_text(WRITTEN)
    with pytest.raises(SettingsError):
        configuration_file.put(environ, {"work.jobs": 1000})
    assert file.read_text() == WRITTEN


def test_an_edit_that_means_something_else_is_not_made(environ, file, monkeypatch):
    file.write_text(WRITTEN)
    monkeypatch.setattr("safelight.app.configuration_text.edited", lambda text, changes, home: text)
    with pytest.raises(SettingsError, match="left as they are"):
        configuration_file.put(environ, {"work.jobs": 2})
    assert file.read_text() == WRITTEN


def test_a_link_to_the_settings_stays_a_link(environ, file, tmp_path):
    real = tmp_path / "dotfiles.toml"
    real.write_text(WRITTEN)
    real.chmod(0o640)
    file.symlink_to(real)
    configuration_file.put(environ, {"work.jobs": 2})
    assert file.is_symlink()
    assert "jobs = 2" in real.read_text()
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_full_disk_leaves_the_settings_as_they_were(environ, file, monkeypatch):
    file.write_text(WRITTEN)

    def full(_descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(configuration_file.os, "fsync", full)
    with pytest.raises(SettingsError, match="No space left"):
        configuration_file.put(environ, {"work.jobs": 2})
    assert file.read_text() == WRITTEN
    assert os.listdir(file.parent) == [file.name]


def test_two_who_add_a_folder_at_once_both_get_theirs(environ):
    def add(number):
        configuration_file.change(environ, lambda now: {"watch.folders": (*now.watch.folders, *watched(f"/{number}"))})

    threads = [threading.Thread(target=add, args=(number,)) for number in range(6)]
    [thread.start() for thread in threads]
    [thread.join(20) for thread in threads]
    found = {str(each.path) for each in configuration.read(environ).watch.folders}
    assert found == {f"/{number}" for number in range(6)}


def test_an_editor_that_saves_meanwhile_is_not_overwritten(environ, file):
    file.write_text(WRITTEN)

    def slow(_now):
        file.write_text("# saved by an editor\n")
        return {"work.jobs": 2}

    with pytest.raises(SettingsError, match="another program is changing it"):
        configuration_file.change(environ, slow)
    assert file.read_text() == "# saved by an editor\n"
