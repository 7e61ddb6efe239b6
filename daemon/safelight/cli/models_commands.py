"""Declares `safelight models`: the arguments of its commands, and nothing of what they do."""

import os
import re
from pathlib import Path

import click

from safelight.cli.options import JSON, PATH, STATE, Commands


class _Sum(click.ParamType[str]):
    """A sha256 as `sha256sum` writes it."""

    name = "SHA256"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return it in small letters."""
        text = str(value).strip().lower()
        if not re.fullmatch(r"[0-9a-f]{64}", text):
            self.fail(f"{value} is no sha256: it has 64 signs, 0-9 and a-f.", param, ctx)
        return text


NAME = click.argument("name", metavar="NAME")


@click.group(cls=Commands)
def models() -> None:
    """Say which model judges: list, fetch, verify, remove and use model bundles."""


@models.command("list")
@JSON
def list_models(as_json: bool) -> int:
    """List the model bundles: which there are, which is in use, how large they are and on what terms they come."""
    from safelight.app.configuration import settings
    from safelight.cli import models_listing

    return models_listing.show(settings=settings(os.environ), as_json=as_json)


@models.command("fetch")
@NAME
@click.option("--text", is_flag=True, help="With the text tower, to search by words (the most exact one there is).")
@click.option("--text-int8", is_flag=True, help="With the text tower that takes half the room and finds less.")
@click.option("--gpu/--no-gpu", default=None, help="With the files for a GPU (default: when there is one).")
@click.option("--from", "folder", type=PATH, metavar="DIR", help="Take the files from DIR instead of the network.")
@click.option(
    "--accept-hash",
    "accepted",
    type=_Sum(),
    multiple=True,
    help="Install the file with this sha256 although the description does not confirm it; can be repeated.",
)
@JSON
def fetch_models(
    name: str,
    text: bool,
    text_int8: bool,
    gpu: bool | None,
    folder: Path | None,
    accepted: tuple[str, ...],
    as_json: bool,
) -> int:
    """Fetch a bundle and install it; goes on where it was interrupted, and puts a damaged bundle right."""
    from safelight.app.bundle_choice import Choice, has_gpu
    from safelight.app.configuration import settings
    from safelight.cli import models_fetching

    asked = {"--text": text, "--text-int8": text_int8, "--gpu": gpu is True, "--no-gpu": gpu is False}
    choice = Choice(
        text=text,
        text_int8=text_int8,
        gpu=has_gpu() if gpu is None else gpu,
        no_gpu=gpu is False,
        accepted=frozenset(accepted),
        folder=folder.absolute() if folder else None,
    )
    command = models_fetching.command(name, asked, folder=choice.folder, accepted=accepted)
    return models_fetching.fetch(name, choice, command=command, settings=settings(os.environ), as_json=as_json)


@models.command("verify")
@click.argument("name", metavar="[NAME]", required=False)
@JSON
def verify_models(name: str | None, as_json: bool) -> int:
    """Read every file of an installed bundle again, or of all, and compare it with what was installed."""
    from safelight.app.configuration import settings
    from safelight.cli import models_listing

    return models_listing.verify(name, settings=settings(os.environ), as_json=as_json)


@models.command("remove")
@NAME
@click.option("--unfinished", is_flag=True, help="Only what was begun of it; what is installed stays, in use or not.")
@JSON
def remove_models(name: str, unfinished: bool, as_json: bool) -> int:
    """Remove an installed bundle and what was begun of it; what was learned stays."""
    from safelight.app.configuration import settings
    from safelight.cli import models_listing

    return models_listing.remove(name, unfinished=unfinished, settings=settings(os.environ), as_json=as_json)


@models.command("catch-up")
@click.option(
    "--leave-absent",
    is_flag=True,
    help="Let it take over without the photographs that cannot be reached, as on a disk that you no longer have.",
)
@STATE
@JSON
def catch_up(leave_absent: bool, state: Path | None, as_json: bool) -> int:
    """Let the bundle in use look now at every photograph that it has not seen; the daemon does it in quiet moments."""
    from safelight.app.configuration import settings
    from safelight.cli import models_catching_up

    chosen = settings(os.environ, state=state)
    return models_catching_up.run(settings=chosen, environ=os.environ, leave=leave_absent, as_json=as_json)


@models.command("use")
@NAME
@JSON
def use_models(name: str, as_json: bool) -> int:
    """Let a bundle judge from now on: one that is installed, or `embedded`."""
    from safelight.app.configuration import settings
    from safelight.cli import models_listing

    return models_listing.use(name, settings=settings(os.environ), as_json=as_json)
