"""Putting Safelight in place for a person who is made up, and taking every trace of it back."""

import os
import re
import stat
import subprocess
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from safelight.app import installing, installing_texts
from safelight.app.installing import Surroundings
from safelight.app.installing_receipt import Receipt
from safelight.app.installing_steps import Call, Run, Work, Write, carried_out
from safelight.app.installing_system import Programs, UserSystem, daemon_ender, programs
from safelight.cli import installing as command
from safelight.errors import CannotStart

UNIT = ".config/systemd/user/safelight.service"
DROP_IN = ".config/systemd/user/safelight.service.d/50-safelight.conf"


@dataclass
class FakeSystem:
    """A systemd that notes what it is asked, and enables as the real one does: by links."""

    environment: dict[str, str] | None
    running: set[str] = field(default_factory=set)
    ran: list[tuple[str, ...]] = field(default_factory=list)
    complains: dict[str, str] = field(default_factory=dict)

    def systemd(self):
        return self.environment

    def active(self, unit):
        return unit in self.running

    def command(self, command):
        self.ran.append(tuple(command))
        return self.complains.get(command[2])


@dataclass
class Person:
    home: Path
    system: FakeSystem
    around: Surroundings

    def install(self):
        return self._do(installing.installation(self.around))

    def uninstall(self, *, purge=False):
        return self._do(installing.removal(self.around, purge=purge))

    def _do(self, plan):
        work = Work(Receipt.read(self.around.receipt), self.system.command)
        return plan, [(step.told, problem) for step, problem in carried_out(plan, work) if problem]

    def verbs(self):
        return [command[2] for command in self.system.ran]


def person(home, *, systemd=True, packaged=False, running=(), **more):
    home.mkdir(exist_ok=True)
    system = FakeSystem({"HOME": str(home)} if systemd else None, set(running))
    folder = Path("/usr/bin") if packaged else home / "venv/bin"
    placed = Programs(folder / "safelight", folder / "safelight-tray", packaged)
    environ = {"HOME": str(home), "XDG_RUNTIME_DIR": str(home / "run")} | more.pop("environ", {})
    around = Surroundings(environ=environ, system=system, programs=placed, **more)
    return Person(home, system, around)


@pytest.fixture
def anna(tmp_path):
    return person(tmp_path / "anna")


def listing(home):
    """Everything in a home: what it is, its permissions, what it holds."""
    return {
        str(path.relative_to(home)): (
            stat.S_IFMT(path.lstat().st_mode),
            stat.S_IMODE(path.lstat().st_mode),
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
        )
        for path in home.rglob("*")
    }


# --- installing -------------------------------------------------------------------------------------------------------


def test_units_start_the_program_where_it_lies(anna):
    _, problems = anna.install()
    assert not problems
    unit = (anna.home / UNIT).read_text()
    assert f"\nExecStart={anna.home}/venv/bin/safelight run\n" in unit
    assert "/usr/bin" not in unit
    shipped = (installing_texts.SOURCES / "units/safelight.service").read_text()
    assert unit == shipped.replace("/usr/bin/safelight", f"{anna.home}/venv/bin/safelight")
    assert (
        f"Exec={anna.home}/venv/bin/safelight-tray\n"
        in (anna.home / ".local/share/applications/safelight.desktop").read_text()
    )
    assert (anna.home / ".config/autostart/safelight-tray.desktop").is_file()
    assert not (anna.home / ".config/autostart/safelight-daemon.desktop").exists(), "systemd starts it"
    assert not (anna.home / DROP_IN).exists(), "nothing is needed besides"


def test_icons_lie_where_a_theme_has_them(anna):
    anna.install()
    icons = anna.home / ".local/share/icons/hicolor"
    found = {str(path.relative_to(icons)) for path in icons.rglob("*") if path.is_file()}
    assert {"scalable/apps/safelight.svg", "16x16/apps/safelight.png", "256x256/apps/safelight.png"} <= found
    assert (icons / "48x48/apps/safelight.png").read_bytes().startswith(b"\x89PNG")


def test_systemd_is_asked_in_an_order_that_works(anna):
    anna.install()
    assert anna.verbs() == ["daemon-reload", "enable", "restart"]
    assert anna.system.ran[-1] == ("systemctl", "--user", "restart", "safelight.service")


def test_icon_is_shown_at_once_where_the_desktop_runs(tmp_path):
    bert = person(tmp_path / "bert", running={"graphical-session.target"})
    bert.install()
    assert bert.system.ran[-1] == ("systemctl", "--user", "restart", "safelight-tray.service")


def test_without_systemd_the_desktop_starts_it(tmp_path):
    bert = person(tmp_path / "bert", systemd=False)
    plan, problems = bert.install()
    assert not problems
    assert not bert.system.ran
    entry = (bert.home / ".config/autostart/safelight-daemon.desktop").read_text()
    assert f"Exec={bert.home}/venv/bin/safelight run\n" in entry
    assert not (bert.home / ".config/systemd").exists()
    assert any("next login" in note for note in plan.notes)


def test_package_of_the_system_is_only_switched_on(tmp_path):
    bert = person(tmp_path / "bert", packaged=True)
    bert.install()
    assert bert.verbs() == ["daemon-reload", "enable", "restart"]
    written = {name for name, (kind, *_) in listing(bert.home).items() if stat.S_ISREG(kind)}
    assert written == {".config/autostart/safelight-tray.desktop", ".local/state/safelight/installed.json"}
    assert "Exec=/usr/bin/safelight-tray\n" in (bert.home / ".config/autostart/safelight-tray.desktop").read_text()


def test_installing_twice_writes_nothing_the_second_time(anna):
    anna.install()
    before = listing(anna.home)
    plan, problems = anna.install()
    assert not problems
    assert not [step for step in plan.steps if isinstance(step, Write)]
    assert listing(anna.home) == before


def test_moved_program_is_followed(anna):
    anna.install()
    elsewhere = Programs(Path("/opt/new/bin/safelight"), Path("/opt/new/bin/safelight-tray"), packaged=False)
    anna.around = replace(anna.around, programs=elsewhere)
    _, problems = anna.install()
    assert not problems
    assert "ExecStart=/opt/new/bin/safelight run\n" in (anna.home / UNIT).read_text()


def test_switching_to_the_package_removes_what_it_replaces(anna):
    anna.install()
    anna.around = replace(anna.around, programs=Programs(Path("/usr/bin/safelight"), Path("/usr/bin/x"), packaged=True))
    _, problems = anna.install()
    assert not problems
    assert not (anna.home / UNIT).exists(), "it would hide the unit of the package"
    assert not (anna.home / ".local/share/applications/safelight.desktop").exists()


def test_units_stay_when_systemd_cannot_be_reached_once(anna):
    anna.install()
    anna.system.environment = None
    _, problems = anna.install()
    assert not problems
    assert (anna.home / UNIT).is_file()
    assert not (anna.home / ".config/autostart/safelight-daemon.desktop").exists(), "it would start twice"


def test_unit_changed_by_the_person_is_left_and_named(anna):
    anna.install()
    (anna.home / UNIT).write_text("[Service]\nExecStart=/mine\n")
    anna.around = replace(anna.around, programs=Programs(Path("/opt/a"), Path("/opt/b"), packaged=False))
    plan, problems = anna.install()
    assert not problems
    assert (anna.home / UNIT).read_text() == "[Service]\nExecStart=/mine\n"
    assert any(str(anna.home / UNIT) in sentence for sentence in plan.left)


@pytest.mark.parametrize("kind", ["file", "link", "dangling", "folder", "pipe"])
def test_what_somebody_else_put_there_is_left_and_named(anna, kind):
    path = anna.home / UNIT
    path.parent.mkdir(parents=True)
    other = anna.home / "dotfiles.service"
    match kind:
        case "file":
            path.write_text("theirs")
        case "link":
            other.write_text("theirs")
            path.symlink_to(other)
        case "dangling":
            path.symlink_to(other)
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
    before = path.lstat()
    plan, _ = anna.install()
    assert path.lstat() == before
    assert not other.exists() or other.read_text() == "theirs"
    assert any(str(path) in sentence for sentence in plan.left)
    plan, _ = anna.uninstall()
    assert path.lstat() == before
    assert any(str(path) in sentence for sentence in plan.left)


def test_file_that_appears_between_listing_and_doing_is_left(anna):
    plan = installing.installation(anna.around)
    (anna.home / UNIT).parent.mkdir(parents=True)
    (anna.home / UNIT).write_text("theirs")
    work = Work(Receipt.read(anna.around.receipt), anna.system.command)
    problems = [problem for _, problem in carried_out(plan, work) if problem]
    assert len(problems) == 1 and "changed meanwhile" in problems[0]
    assert (anna.home / UNIT).read_text() == "theirs"


def test_planning_changes_nothing(anna):
    (anna.home / "a").write_text("a")
    before = listing(anna.home)
    installing.installation(anna.around)
    installing.removal(anna.around, purge=True)
    assert listing(anna.home) == before
    assert not anna.system.ran


def test_failed_start_is_told_and_the_rest_is_done(anna):
    anna.system.complains["restart"] = "Job for safelight.service failed."
    _, problems = anna.install()
    ((step, problem),) = problems
    assert "start the daemon now" in step
    assert "Job for safelight.service failed." in problem
    assert (anna.home / UNIT).is_file()


@pytest.mark.parametrize("written_before_the_kill", [True, False])
def test_kill_while_a_file_is_renewed_leaves_it_ours(anna, monkeypatch, written_before_the_kill):
    anna.install()

    def killed(path, content):
        if written_before_the_kill:
            path.write_bytes(content)
        raise KeyboardInterrupt

    anna.around = replace(anna.around, programs=Programs(Path("/opt/a"), Path("/opt/b"), packaged=False))
    with monkeypatch.context() as patched:
        patched.setattr("safelight.app.installing_steps.written", killed)
        with pytest.raises(KeyboardInterrupt):
            anna.install()
    plan, problems = anna.install()
    assert not problems and not plan.left
    anna.uninstall()
    assert not listing(anna.home)


def test_full_disk_is_told_in_a_sentence(anna, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safelight.app.installing_steps.written", full)
    _, problems = anna.install()
    assert problems and all("No space left on device" in problem for _, problem in problems)
    assert not list(anna.home.rglob("*.new"))


# --- folders that the sandbox would lock -----------------------------------------------------------------------------


def test_folders_elsewhere_become_writable(tmp_path):
    bert = person(tmp_path / "bert", folders=(Path("/data/my photos"), tmp_path / "bert/Pictures", Path("/media/disk")))
    bert.install()
    written = (bert.home / DROP_IN).read_text()
    assert 'ReadWritePaths="-/data/my photos"' in written
    assert "Pictures" not in written and "/media" not in written


def test_folder_below_a_locked_one_becomes_writable(tmp_path):
    unit = "ReadWritePaths=%h -/media\nReadOnlyPaths=-%h/.config\n"
    home = tmp_path
    folders = (home / "a", home / ".config/photos", Path("/media/x"), Path("/mediasomething"))
    assert installing_texts.beyond(unit, home=home, folders=folders) == (
        home / ".config/photos",
        Path("/mediasomething"),
    )


def test_linked_folder_counts_as_what_it_is(tmp_path):
    home = tmp_path / "home"
    (tmp_path / "disk").mkdir()
    home.mkdir()
    (home / "Pictures").symlink_to(tmp_path / "disk")
    unit = f"ReadWritePaths={home}\n"
    assert installing_texts.beyond(unit, home=home, folders=(home / "Pictures",)) == (tmp_path / "disk",)


def test_folder_in_the_common_temporary_folder_is_not_hidden():
    text = installing_texts.drop_in(
        "ReadWritePaths=%h\n", home=Path("/home/a"), folders=[Path("/tmp") / "x"], environment={}
    )
    assert "PrivateTmp=no" in text
    assert f"ReadWritePaths=-{Path('/tmp') / 'x'}" in text


def test_base_folders_of_the_shell_reach_the_daemon(tmp_path):
    bert = person(tmp_path / "bert", environ={"XDG_STATE_HOME": "/data/state 100%"})
    text = installing_texts.drop_in(
        installing_texts.unit("safelight.service", {"safelight": Path("/a"), "safelight-tray": Path("/b")}),
        home=bert.home,
        folders=installing._written(bert.around),
        environment=installing._named(bert.around),
    )
    assert 'Environment="XDG_STATE_HOME=/data/state 100%%"' in text
    assert 'ReadWritePaths="-/data/state 100%%"' in text


# --- quoting ----------------------------------------------------------------------------------------------------------


def test_programs_with_odd_names_are_quoted(tmp_path):
    odd = Programs(Path('/a b/100%"\\$x/safelight'), Path("/a b/it's/safelight-tray"), packaged=False)
    bert = person(tmp_path / "bert")
    bert.around = replace(bert.around, programs=odd)
    bert.install()
    assert 'ExecStart="/a b/100%%\\"\\\\$x/safelight" run\n' in (bert.home / UNIT).read_text()
    assert 'Exec="/a b/it\'s/safelight-tray"\n' in (bert.home / ".config/autostart/safelight-tray.desktop").read_text()
    assert installing_texts.for_desktop(Path("/a/$b`%")) == '"/a/\\\\$b\\\\`%%"'


@pytest.mark.parametrize("path", ["/a\nb", "/a\x1b[1m", os.fsdecode(b"/a\xff")])
def test_path_that_no_unit_can_hold_is_refused_before_anything_is_written(tmp_path, path):
    bert = person(tmp_path / "bert")
    bert.around = replace(bert.around, programs=Programs(Path(path), Path(path), packaged=False))
    with pytest.raises(CannotStart) as refused:
        bert.install()
    assert "cannot" not in refused.value.hint and refused.value.hint
    assert not listing(bert.home)


@given(st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), min_size=1, max_size=40))
def test_a_glib_reader_finds_the_program_again(name):
    path = Path("/") / name.replace("/", "_")
    word = installing_texts.for_desktop(path)
    word = re.sub(r"\\(.)", r"\1", word.removeprefix('"').removesuffix('"')) if word.startswith('"') else word
    # The entry's own layer took one half of the backslashes away, here the quotes' layer takes the other.
    assert re.sub(r"\\(.)", r"\1", word).replace("%%", "%") == str(path)


# --- uninstalling -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("systemd", [True, False], ids=["systemd", "desktop"])
@pytest.mark.parametrize("packaged", [True, False], ids=["package", "pip"])
def test_uninstalling_takes_back_every_trace(tmp_path, systemd, packaged):
    bert = person(tmp_path / "bert", systemd=systemd, packaged=packaged, folders=(Path("/data/photos"),))
    (bert.home / ".config").mkdir(mode=0o700)
    (bert.home / ".config/mine").write_text("mine")
    before = listing(bert.home)
    bert.install()
    assert listing(bert.home) != before
    _, problems = bert.uninstall()
    assert not problems
    assert listing(bert.home) == before


def test_uninstalling_ends_and_disables_first(anna):
    anna.install()
    anna.system.ran.clear()
    plan, _ = anna.uninstall()
    first, *_ = plan.steps
    assert isinstance(first, Run)
    assert first.command == ("systemctl", "--user", "disable", "--now", "safelight.service", "safelight-tray.service")
    assert anna.verbs() == ["disable", "daemon-reload"]


def test_uninstalling_without_systemd_removes_its_links(anna):
    anna.install()
    wants = anna.home / ".config/systemd/user/default.target.wants"
    wants.mkdir()
    (wants / "safelight.service").symlink_to(anna.home / UNIT)
    anna.system.environment = None
    _, problems = anna.uninstall()
    assert not problems
    assert not listing(anna.home)


def test_uninstalling_ends_a_daemon_that_was_started_by_hand(tmp_path):
    ended = []
    bert = person(tmp_path / "bert", systemd=False, end_daemon=lambda: ended.append(True))
    plan, _ = bert.uninstall()
    assert [step for step in plan.steps if isinstance(step, Call)]
    assert ended == [True]


def test_uninstalling_leaves_what_was_changed_and_says_so(anna):
    anna.install()
    entry = anna.home / ".config/autostart/safelight-tray.desktop"
    entry.write_text(entry.read_text() + "X-Mine=true\n")
    plan, problems = anna.uninstall()
    assert not problems
    assert entry.exists()
    assert any(str(entry) in sentence for sentence in plan.left)
    entry.unlink()
    _, problems = anna.uninstall()
    assert not problems
    assert not (anna.home / ".config").exists(), "the folders that were made are still known"


def test_uninstalling_without_the_receipt_removes_what_is_still_exactly_ours(anna):
    anna.install()
    anna.around.receipt.unlink()
    (anna.home / ".local/share/applications/safelight.desktop").write_text("theirs")
    _, problems = anna.uninstall()
    assert not problems
    assert not (anna.home / UNIT).exists()
    assert (anna.home / ".local/share/applications/safelight.desktop").read_text() == "theirs"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"[]", b'{"files": 3}', b'{"files": {"/a": "b"}}', b"{}"])
def test_damaged_receipt_loses_nothing_of_others(anna, content):
    anna.install()
    anna.around.receipt.write_bytes(content)
    (anna.home / UNIT).write_text("theirs")
    _, problems = anna.uninstall()
    assert not problems
    assert (anna.home / UNIT).read_text() == "theirs"


def test_receipt_that_names_a_file_of_the_person_removes_it_not(anna):
    anna.install()
    photograph = anna.home / "photograph.jpg"
    photograph.write_bytes(b"mine")
    receipt = Receipt.read(anna.around.receipt)
    receipt.note(photograph, b"something else")
    anna.uninstall()
    assert photograph.read_bytes() == b"mine"


def test_state_stays_without_purge(anna):
    anna.install()
    catalog = anna.home / ".local/state/safelight/catalog.sqlite"
    catalog.write_bytes(b"everything")
    plan, _ = anna.uninstall()
    assert catalog.read_bytes() == b"everything"
    assert any("--purge" in note for note in plan.notes)


def test_purge_removes_state_cache_and_settings_and_nothing_else(anna):
    anna.install()
    for name in (".local/state/safelight/vectors/a", ".cache/safelight/models/b", ".config/safelight/settings.toml"):
        (anna.home / name).parent.mkdir(parents=True, exist_ok=True)
        (anna.home / name).write_text("x")
    (anna.home / ".config/other").write_text("other")
    (anna.home / "Pictures").mkdir()
    (anna.home / "Pictures/a.jpg.xmp").write_text("rating")
    (anna.home / ".cache/safelight/link").symlink_to(anna.home / "Pictures")
    plan, problems = anna.uninstall(purge=True)
    assert not problems
    told = "\n".join(step.told for step in plan.steps)
    for name in (".local/state/safelight", ".cache/safelight", ".config/safelight"):
        assert f"{anna.home / name} with everything in it" in told
        assert not (anna.home / name).exists()
    left = {name for name, (kind, *_) in listing(anna.home).items() if not stat.S_ISDIR(kind)}
    assert left == {".config/other", "Pictures/a.jpg.xmp"}


def test_purge_leaves_a_folder_with_a_photograph_in_it(anna):
    folder = anna.home / ".local/state/safelight/mine"
    folder.mkdir(parents=True)
    (folder / "a.CR3").write_bytes(b"")
    plan, _ = anna.uninstall(purge=True)
    assert (folder / "a.CR3").exists()
    assert any("a.CR3" in sentence for sentence in plan.left)


def test_purge_follows_no_link(anna):
    elsewhere = anna.home / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "file").write_text("kept")
    (anna.home / ".local/state").mkdir(parents=True)
    (anna.home / ".local/state/safelight").symlink_to(elsewhere)
    plan, _ = anna.uninstall(purge=True)
    assert (elsewhere / "file").exists()
    assert any("is a link" in sentence for sentence in plan.left)


def test_purge_waits_for_whoever_is_at_work(anna):
    import fcntl

    state = anna.home / ".local/state/safelight"
    state.mkdir(parents=True)
    (state / "catalog.sqlite").write_text("x")
    with (state / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _, problems = anna.uninstall(purge=True)
    assert (state / "catalog.sqlite").exists()
    ((_, problem),) = problems
    assert "still at work" in problem


def test_socket_of_a_dead_daemon_is_a_trace(anna):
    place = anna.home / "run/safelight"
    place.mkdir(parents=True)
    (place / "control.lock").touch()
    (place / "control.sock").touch()
    _, problems = anna.uninstall()
    assert not problems
    assert not place.exists()


def test_nothing_installed_nothing_removed(anna):
    plan, problems = anna.uninstall()
    assert not problems
    assert not listing(anna.home)
    assert all(isinstance(step, Run) for step in plan.steps)


# --- where it makes no sense, and who is asked ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "platform", "user"), [({}, "darwin", 501), ({}, "win32", 1), ({"SUDO_UID": "1000"}, "linux", 0)]
)
def test_where_it_makes_no_sense_it_says_so(environ, platform, user):
    with pytest.raises(CannotStart) as refused:
        installing.check(environ, platform=platform, user=user)
    assert refused.value.hint


def test_root_of_a_machine_with_one_user_may(tmp_path):
    installing.check({}, platform="linux", user=0)
    installing.check({"SUDO_UID": "1000"}, platform="linux", user=1000)
    assert daemon_ender({"HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}) is None


def test_programs_are_those_of_the_environment_or_of_the_package(tmp_path):
    prefix, system = tmp_path / "venv", tmp_path / "usr"
    for folder in (prefix / "bin", system / "bin", system / "lib/systemd/user"):
        folder.mkdir(parents=True)
    (prefix / "bin/safelight").touch()
    assert programs(prefix=prefix, system=system) == Programs(
        prefix / "bin/safelight", prefix / "bin/safelight-tray", packaged=False
    )
    (system / "bin/safelight").symlink_to(prefix / "bin/safelight")
    (system / "lib/systemd/user/safelight.service").touch()
    assert programs(prefix=prefix, system=system) == Programs(
        system / "bin/safelight", system / "bin/safelight-tray", packaged=True
    )


def test_systemd_of_another_home_is_none_of_ours(tmp_path):
    fake = tmp_path / "bin/systemctl"
    fake.parent.mkdir()
    fake.write_text("#!/bin/sh\necho HOME=/home/other\necho XDG_CONFIG_HOME=/x\n")
    fake.chmod(0o755)
    environ = {"HOME": str(tmp_path), "PATH": f"{fake.parent}:/usr/bin:/bin"}
    before = os.environ["PATH"]
    os.environ["PATH"] = environ["PATH"]
    try:
        assert UserSystem(environ).systemd() is None
        same = UserSystem(environ | {"HOME": "/home/other"}).systemd()
    finally:
        os.environ["PATH"] = before
    assert same == {"HOME": "/home/other", "XDG_CONFIG_HOME": "/x"}


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """The commands, in a home of its own, where no systemd can be reached."""
    home = tmp_path / "home"
    home.mkdir()
    for name in [name for name in os.environ if name.startswith(("XDG_", "SUDO_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    runner = CliRunner()
    return home, lambda which, *arguments, **how: runner.invoke(which, arguments, standalone_mode=False, **how)


def test_command_lists_first_and_does_nothing_without_an_answer(shell):
    home, run = shell
    done = run(command.install_user, "--dry-run")
    assert done.return_value == 0
    assert "This would be done:" in done.output
    assert str(home / ".config/autostart/safelight-daemon.desktop") in done.output
    done = run(command.install_user)
    assert "add --yes" in str(done.exception)
    assert not listing(home)


def test_command_asks_on_a_terminal(shell, monkeypatch):
    home, run = shell
    monkeypatch.setattr(command, "_is_terminal", lambda: True)
    done = run(command.install_user, input="n\n")
    assert done.return_value == 1
    assert "Nothing was done." in done.output
    assert not listing(home)
    done = run(command.install_user, input="y\n")
    assert done.return_value == 0
    assert (home / ".config/autostart/safelight-daemon.desktop").is_file()


def test_commands_install_and_take_back(shell):
    home, run = shell
    done = run(command.install_user, "--yes")
    assert done.return_value == 0, done.output
    assert "starts by itself" in done.output
    assert "safelight setup" in done.output
    done = run(command.uninstall_user, "--yes", "--purge", "--json")
    assert done.return_value == 0, done.output
    assert '"problem": ""' in done.output
    assert not listing(home)


def test_broken_settings_keep_nobody_from_uninstalling(shell):
    home, run = shell
    run(command.install_user, "--yes")
    (home / ".config/safelight").mkdir()
    (home / ".config/safelight/settings.toml").write_text("[[[")
    assert run(command.install_user, "--yes").exception is not None
    assert run(command.uninstall_user, "--yes").return_value == 0
    assert not (home / ".config/autostart").exists()


def test_desktop_entries_are_valid():
    import shutil

    if shutil.which("desktop-file-validate") is None:
        pytest.skip("needs desktop-file-validate (desktop-file-utils)")
    entries = sorted((installing_texts.SOURCES / "entries").rglob("*.desktop"))
    assert len(entries) == 3
    done = subprocess.run(["desktop-file-validate", *entries], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
