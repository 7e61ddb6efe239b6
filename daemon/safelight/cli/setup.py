"""`safelight setup`: three questions, and the answers go into the file of settings.

Everything is asked before anything is written, so that who stops in the middle has changed nothing. What is set
already is the default of each question. A bad answer is said to be one and asked for again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click

from safelight import paths
from safelight.app import configuration, configuration_file
from safelight.app.configuration import Configuration
from safelight.app.configuration_sections import CardsSection, Watched
from safelight.app.folder_names import text_of
from safelight.app.folder_standing import Standing, standing
from safelight.cli.asking import ask, bytes_welcome, confirm, on_terminal
from safelight.cli.folder_answers import FolderAnswers, already_there
from safelight.cli.telling import tell_daemon
from safelight.cli.wording import printable
from safelight.domain.card_template import Template

NOTHING = "Nothing was changed."

_POLICIES: Mapping[str, str] = {
    "import": "copy what is new on it into a folder, and rate the copies",
    "rate": "copy nothing; rate the photographs when another program has copied them",
    "ask": "ask by a notification, once for each card",
    "ignore": "do nothing",
}
_PROFILES = (
    ("darktable", "darktable, digiKam, Immich", "IMG_1.CR3.xmp"),
    ("adobe", "Lightroom, Bridge, Capture One, Photo Mechanic", "IMG_1.xmp"),
)


def run(environ: Mapping[str, str]) -> int:
    """Ask, write and tell; exit status 2 without a terminal, 130 when the person stopped."""
    before = configuration.read(environ)
    if not on_terminal():
        click.echo(_without_terminal(before.file), err=True)
        return 2
    bytes_welcome()
    try:
        changes = Questions(before, home=paths.home_folder(environ)).ask()
    except (click.Abort, KeyboardInterrupt):
        click.echo(f"\n{NOTHING}")
        return 130
    after = configuration_file.put(environ, changes)
    click.echo(f"\nWritten to {printable(after.file)}, where every other setting is explained.")
    return tell_daemon(environ)


@dataclass(frozen=True, slots=True)
class Questions:
    """The three questions; `before` is what is set now."""

    before: Configuration
    home: Path

    def ask(self) -> dict[str, Any]:
        """Return what is to be changed. Raises click.Abort when the person stops."""
        click.echo("Three questions; Enter takes what stands in brackets, Ctrl-C stops and changes nothing.")
        folders = self._folders()
        cards = self._cards()
        changes: dict[str, Any] = {"watch.folders": tuple(folders), "cards.new": cards.new}
        for name in ("import_folder", "template"):
            if getattr(cards, name) != getattr(self.before.cards, name):
                changes[f"cards.{name}"] = getattr(cards, name)
        return changes | {"sidecars.profile": self._profile()}

    def _folders(self) -> list[Watched]:
        click.echo("\n1. Which folders should be watched? Photographs that arrive there are rated.")
        chosen: list[Watched] = []
        for each in self.before.watch.folders or self._usual():
            answer = ask(
                "Folder, or - for none", default=self._text(each.path), read=self._answers(chosen, kept=each).read
            )
            if answer is not None:
                chosen.append(each if answer == each.path and self.before.watch.folders else self._new(answer))
        while (
            more := ask("Another folder, or Enter to go on", default="", read=self._answers(chosen).read)
        ) is not None:
            chosen.append(self._new(more))
        return chosen

    def _usual(self) -> Sequence[Watched]:
        """Return what is offered where no folder is set."""
        folder = self.before.cards.import_folder
        return [Watched(path=folder)] if standing(folder) is Standing.FOLDER else []

    def _answers(self, chosen: Sequence[Watched], *, kept: Watched | None = None) -> FolderAnswers:
        return FolderAnswers(home=self.home, taken=[each.path for each in chosen], kept=kept.path if kept else None)

    def _new(self, folder: Path) -> Watched:
        there = already_there(folder)
        if there and not confirm(f"It holds {there} already. Rate them too?", default=True):
            return Watched(path=folder, existing="leave")
        return Watched(path=folder)

    def _cards(self) -> CardsSection:
        click.echo("\n2. What should happen when a memory card is plugged in? Nothing is ever written on the card.")
        for policy, words in _POLICIES.items():
            click.echo(f"     {policy:<8}{words}")
        said = self.before.origin("cards.new") != "default"
        new: Any = ask("Your choice", default=self.before.cards.new if said else "import", read=_policy)
        cards = replace(self.before.cards, new=new)
        if new not in ("import", "ask"):
            return cards
        into = ask("Copy into", default=self._text(cards.import_folder), read=self._answers((), kept=None).place)
        return replace(cards, import_folder=into, template=self._template(into, cards.template))

    def _template(self, into: Path, default: str) -> str:
        """Ask until the person takes the names as they were shown last."""
        while True:
            example = Path(Template.parse(default).preview())
            click.echo(f"  A photograph would become {printable(self._text(into / example))}")
            answer = ask("Enter if that is right, or another template", default=default, read=_template)
            if answer == default:
                return answer
            default = answer

    def _profile(self) -> str:
        click.echo("\n3. Which programs do you use? They differ in the name of the file that holds the stars.")
        for number, (_, programs, example) in enumerate(_PROFILES, 1):
            click.echo(f"     {number}  {programs} ({example})")
        now = self.before.sidecars.profile
        numbers = [str(number) for number, (profile, _, _) in enumerate(_PROFILES, 1) if now in (profile, "both")]
        return ask("Numbers, such as 1 or 1 2", default=" ".join(numbers), read=_profile)

    def _text(self, folder: Path) -> str:
        return text_of(folder, self.home)


def _policy(answer: str) -> str:
    found = [policy for policy in _POLICIES if answer and policy.startswith(answer.lower())]
    if len(found) != 1:
        raise ValueError(f"Please answer {', '.join([*_POLICIES][:-1])} or {[*_POLICIES][-1]}.")
    return found[0]


def _template(answer: str) -> str:
    return Template.parse(answer).text


def _profile(answer: str) -> str:
    numbers = answer.replace(",", " ").split()
    if not numbers or any(number not in ("1", "2") for number in numbers):
        raise ValueError("Please answer 1, 2, or 1 2 for both.")
    return "both" if len(set(numbers)) > 1 else _PROFILES[int(numbers[0]) - 1][0]


def _without_terminal(file: Path) -> str:
    example = (
        '  [watch]\n  folders = ["~/Pictures"]\n\n'
        '  [cards]\n  new = "import"  # or rate, ask, ignore\n  import_folder = "~/Pictures"\n\n'
        '  [sidecars]\n  profile = "darktable"  # or adobe, both\n'
    )
    return (
        f"safelight: There is no terminal on which setup could ask.\n"
        f"  Run it in one, or write into {printable(file)} what you want, such as:\n\n{example}"
    )
