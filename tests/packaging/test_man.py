"""The manual pages say every command and every option that the program has, and are well-formed."""

import re
import shutil
import subprocess
import sys

import click
import pytest

from safelight.cli.main import cli
from tests.packaging.user_manager import ROOT


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("man")
    command = [sys.executable, ROOT / "packaging/man/pages.py", folder]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {path.name: path for path in folder.iterdir()}


def commands(group, above=""):
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from commands(command, f"{above}{name} ")
        if not command.hidden and getattr(command, "invoke_without_command", True):
            yield f"{above}{name}", command


def test_every_command_and_every_option_is_there(pages):
    text = pages["safelight.1"].read_text().replace("\\-", "-")
    text = text.partition(".SH COMMANDS\n")[2].partition("\n.SH ")[0]
    sections = re.split(r"^\.B safelight ", text, flags=re.MULTILINE)
    described = {section.splitlines()[0].split(" ")[0] for section in sections[1:]}
    assert len(described) > 10
    for name, command in commands(cli):
        (section,) = [each for each in sections[1:] if re.match(rf"{re.escape(name)}(\n| [A-Z\[{{])", each)]
        assert " ".join((command.help or "").split())[:60] in section
        for option in (each for each in command.params if isinstance(each, click.Option) and not each.hidden):
            assert re.search(rf"^\.B .*{re.escape(option.opts[0])}\b", section, re.MULTILINE), (name, option.opts)


def test_command_that_is_new_is_described(monkeypatch):
    sys.path.insert(0, str(ROOT / "packaging/man"))
    try:
        import pages as writer
    finally:
        sys.path.pop(0)

    @click.group()
    def group():
        """Do things."""

    @group.command()
    @click.option("--how", help="'Quoted' \\ back-slashed.")
    def planted(how):
        """.starts like a request of roff."""

    told = "\n".join(writer.commands(group))
    assert ".B safelight planted\n\\&.starts like a request of roff." in told
    assert "\\&'Quoted' \\e back\\-slashed." in told


def test_nothing_is_left_to_fill_in(pages):
    assert set(pages) == {"safelight.1", "safelight-tray.1"}
    for path in pages.values():
        assert "@" not in path.read_text().replace("user@", "")


@pytest.mark.parametrize("name", ["safelight.1", "safelight-tray.1"])
def test_roff_is_content(pages, name):
    if shutil.which("man") is None:
        pytest.skip("needs man (man-db)")
    command = ["man", "--warnings", "-E", "UTF-8", "-Tutf8", "-l", str(pages[name])]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, env={"MANWIDTH": "80", "PATH": "/usr/bin:/bin"}
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "SAFELIGHT" in done.stdout
