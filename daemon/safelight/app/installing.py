"""Decides what it takes that Safelight starts by itself for one person, and how all of that is taken back.

Where the person's own systemd runs, it starts the daemon at login and the icon with the desktop; the desktop's own way
of starting programs starts both everywhere else, and the icon on desktops that systemd does not start. A package of the
system has brought units, icons and the menu entry already: then they are only switched on.
Invariant: planning changes nothing, and nothing outside the person's own folders is ever written.
"""

import os
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from safelight import paths
from safelight.app import installing_texts as texts
from safelight.app.installing_receipt import Receipt, Standing
from safelight.app.installing_steps import Call, Clear, Plan, Remove, Run, Step, Tidy, Unlink, Write
from safelight.app.installing_system import Programs, System
from safelight.domain.names import IMAGE_SUFFIXES, RAW_SUFFIXES
from safelight.errors import CannotStart

RECEIPT = "installed.json"
_SYSTEMCTL = ("systemctl", "--user")
_UNITS = (texts.DAEMON_UNIT, texts.TRAY_UNIT)
_WANTS = ("default.target.wants/safelight.service", "graphical-session.target.wants/safelight-tray.service")
_DAEMON_ENTRY, _TRAY_ENTRY = "autostart/safelight-daemon.desktop", "autostart/safelight-tray.desktop"
_XDG = {
    "XDG_STATE_HOME": ".local/state",
    "XDG_CACHE_HOME": ".cache",
    "XDG_CONFIG_HOME": ".config",
    "XDG_DATA_HOME": ".local/share",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """The person and their machine; `folders` are those that sidecars and copies are written to."""

    environ: Mapping[str, str]
    system: System
    programs: Programs
    folders: tuple[Path, ...] = ()
    end_daemon: Callable[[], None] | None = None  # ends a daemon that runs without systemd; None: none runs

    @property
    def home(self) -> Path:
        """The person's home folder."""
        return paths.home_folder(self.environ)

    @property
    def receipt(self) -> Path:
        """Where it stands what was written."""
        return paths.state_folder(self.environ) / RECEIPT

    def xdg(self, name: str) -> Path:
        """Return a base folder of the XDG specification."""
        named = self.environ.get(name, "")
        return Path(named) if named.startswith("/") else self.home / _XDG[name]


def check(environ: Mapping[str, str], *, platform: str = sys.platform, user: int | None = None) -> None:
    """Raise CannotStart where an installation for a person makes no sense."""
    if platform != "linux":
        raise CannotStart(
            "Safelight knows how to start by itself on Linux only.",
            hint="packaging/ has notes for macOS and Windows; nobody has tried them.",
        )
    if (os.geteuid() if user is None else user) == 0 and environ.get("SUDO_UID", "0") != "0":
        raise CannotStart(
            "With sudo it would be installed for root and not for you.", hint="Run the same command without sudo."
        )


# --- putting it in place ----------------------------------------------------------------------------------------------


def installation(around: Surroundings) -> Plan:
    """Return what it takes, or to bring an older installation up to date."""
    manager = around.system.systemd()
    receipt = Receipt.read(around.receipt)
    wanted = _wanted(around, manager, receipt)
    steps: list[Step] = []
    left = []
    for path, (content, what) in wanted.items():
        match receipt.standing(path, content):
            case Standing.FOREIGN:
                left.append(f"{path} was made or changed by somebody else and is left as it is.")
            case Standing.SAME if path in receipt.files:
                continue
            case standing:
                steps.append(Write(path, content, what, standing))
    steps += [Remove(path) for path in receipt.files if path not in wanted and _is_ours(receipt, path)]
    steps += _starting(around) if manager is not None else ()
    return Plan(tuple(steps), tuple(left), tuple(_install_notes(around, manager)))


def _wanted(around: Surroundings, manager: Mapping[str, str] | None, receipt: Receipt) -> dict[Path, tuple[bytes, str]]:
    """Return what every file of the installation holds, and what it is for."""
    programs = {"safelight": around.programs.safelight, "safelight-tray": around.programs.tray}
    autostart = around.xdg("XDG_CONFIG_HOME")
    units = _units_folder(around, manager)
    wanted = {autostart / _TRAY_ENTRY: (texts.entry(_TRAY_ENTRY, programs), "starts the icon with the desktop")}
    # Units that are there stay when the command is run once where systemd cannot be reached.
    if manager is not None or any(path.is_relative_to(units) for path in receipt.files):
        wanted |= _units(around, units, programs)
    else:
        told = "starts the daemon with the desktop"
        wanted[autostart / _DAEMON_ENTRY] = (texts.entry(_DAEMON_ENTRY, programs), told)
    if not around.programs.packaged:
        applications = around.xdg("XDG_DATA_HOME") / "applications" / "safelight.desktop"
        wanted[applications] = (texts.entry("safelight.desktop", programs), "entry of the menu")
    found = {path: (text.encode(), what) for path, (text, what) in wanted.items()}
    if not around.programs.packaged:
        icons = around.xdg("XDG_DATA_HOME") / "icons/hicolor"
        found |= {icons / name: (source.read_bytes(), "icon") for name, source in texts.icons()}
    return found


def _units(around: Surroundings, units: Path, programs: Mapping[str, Path]) -> dict[Path, tuple[str, str]]:
    wanted = {}
    daemon = texts.unit(texts.DAEMON_UNIT, programs)
    if not around.programs.packaged:
        wanted[units / texts.DAEMON_UNIT] = (daemon, "the daemon, as a unit of systemd")
        wanted[units / texts.TRAY_UNIT] = (texts.unit(texts.TRAY_UNIT, programs), "the icon, as a unit of systemd")
    if more := texts.drop_in(daemon, home=around.home, folders=_written(around), environment=_named(around)):
        wanted[units / texts.DROP_IN] = (more, "folders of yours that the unit may write, too")
    return wanted


def _written(around: Surroundings) -> list[Path]:
    # The folders above ours: one that does not exist yet could not be made writable in the unit.
    return [*around.folders, around.xdg("XDG_STATE_HOME"), around.xdg("XDG_CACHE_HOME")]


def _named(around: Surroundings) -> dict[str, str]:
    """Return the base folders that the person's shell names, which systemd may not know of."""
    return {name: str(around.xdg(name)) for name, usual in _XDG.items() if around.xdg(name) != around.home / usual}


def _units_folder(around: Surroundings, manager: Mapping[str, str] | None) -> Path:
    named = (manager or {}).get("XDG_CONFIG_HOME", "")
    base = Path(named) if named.startswith("/") else around.home / ".config"
    return base / "systemd/user"


def _starting(around: Surroundings) -> Iterator[Step]:
    yield Run((*_SYSTEMCTL, "daemon-reload"), "let systemd read its units again")
    yield Run((*_SYSTEMCTL, "enable", *_UNITS), "start the daemon at every login, and the icon with the desktop")
    if around.end_daemon is not None and not around.system.active(texts.DAEMON_UNIT):
        yield Call(around.end_daemon, "end the daemon that runs without systemd")
    yield Run((*_SYSTEMCTL, "restart", texts.DAEMON_UNIT), "start the daemon now")
    if around.system.active("graphical-session.target"):
        yield Run((*_SYSTEMCTL, "restart", texts.TRAY_UNIT), "show the icon now")


def _install_notes(around: Surroundings, manager: Mapping[str, str] | None) -> Iterator[str]:
    if manager is None:
        yield (
            "No systemd of yours can be reached, so the desktop starts Safelight at your next login. "
            f"Until then '{around.programs.safelight} run' starts it."
        )
    elif not around.system.active("graphical-session.target"):
        yield f"The icon comes with the next start of the desktop, or now with '{around.programs.tray}'."
    if not paths.settings_file(around.environ).exists():
        yield "There are no settings yet: 'safelight setup' asks which folders to watch."


# --- taking it back ---------------------------------------------------------------------------------------------------


def removal(around: Surroundings, *, purge: bool) -> Plan:
    """Return what takes everything back that `installation` did; with `purge`, also what Safelight knows."""
    manager = around.system.systemd()
    receipt = Receipt.read(around.receipt)
    steps = list(_ending(around, manager))
    left = []
    wanted = _wanted(around, manager, receipt)
    for path in dict.fromkeys((*receipt.files, *wanted)):
        content = wanted[path][0] if path in wanted else None
        match receipt.standing(path, content):
            case Standing.FOREIGN:
                left.append(f"{path} was made or changed by somebody else and is left as it is.")
            case Standing.ABSENT if path not in receipt.files:
                continue
            case _:
                steps.append(Remove(path, content))
    if around.receipt.exists():
        steps.append(Tidy(around.receipt))
    steps += _leaving_the_socket(around)
    if manager is not None:
        steps.append(Run((*_SYSTEMCTL, "daemon-reload"), "let systemd read its units again"))
    if purge:
        clearing, kept = _clearing(around)
        steps += clearing
        left += kept
    return Plan(tuple(steps), tuple(left), tuple(_removal_notes(around, purge=purge)))


def _ending(around: Surroundings, manager: Mapping[str, str] | None) -> Iterator[Step]:
    units = _units_folder(around, manager)
    present = [name for name in _UNITS if around.programs.packaged or os.path.lexists(units / name)]
    if manager is not None and present:
        yield Run((*_SYSTEMCTL, "disable", "--now", *present), "end the icon and the daemon, and start neither again")
    if manager is None:
        yield from (Unlink(units / link) for link in _WANTS if (units / link).is_symlink())
    if around.end_daemon is not None and not (manager is not None and around.system.active(texts.DAEMON_UNIT)):
        yield Call(around.end_daemon, "end the daemon that runs")


def _leaving_the_socket(around: Surroundings) -> Iterator[Step]:
    folder = paths.socket_file(around.environ).parent
    if folder.is_dir() and not folder.is_symlink():
        yield Clear(folder, "the socket of the daemon", lock=folder / "control.lock")


def _clearing(around: Surroundings) -> tuple[list[Step], list[str]]:
    folders = {
        paths.state_folder(around.environ): "what it knows of your photographs and what it has learned",
        paths.models_folder(around.environ).parent: "models, which are built again when needed",
        paths.bundles_folder(around.environ).parent: "model bundles that were fetched",
        paths.settings_file(around.environ).parent: "your settings",
    }
    steps: list[Step] = []
    left = []
    for folder, what in folders.items():
        if folder.is_symlink():
            left.append(f"{folder} is a link and is left as it is.")
        elif photograph := _photograph_in(folder):
            left.append(f"{folder} is left as it is, because {photograph} looks like a photograph of yours.")
        elif folder.is_dir():
            lock = paths.lock_file(folder) if folder == paths.state_folder(around.environ) else None
            steps.append(Clear(folder, what, lock=lock))
    return steps, left


def _photograph_in(folder: Path) -> Path | None:
    photographs = IMAGE_SUFFIXES | RAW_SUFFIXES
    for above, _, names in os.walk(folder):
        for name in names:
            if os.path.splitext(name)[1].lower() in photographs:  # noqa: PTH122  # text, no path
                return Path(above) / name
    return None


def _removal_notes(around: Surroundings, *, purge: bool) -> Iterator[str]:
    yield "Your photographs and the sidecars beside them stay as they are."
    if not purge and paths.state_folder(around.environ).exists():
        yield "What Safelight knows and has learned stays, too, for the next time; --purge removes it."
    if around.programs.packaged:
        yield "The program itself is removed with the package: sudo apt remove safelight."


def _is_ours(receipt: Receipt, path: Path) -> bool:
    return receipt.standing(path, None) in {Standing.OURS, Standing.ABSENT}
