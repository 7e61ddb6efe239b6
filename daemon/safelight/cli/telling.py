"""Tells the running daemon that the settings, or the bundles that it has opened, are others now."""

from collections.abc import Mapping

import click

from safelight import paths
from safelight.errors import SafelightError

STARTS = "The daemon does not run: 'safelight install-user' starts it with your session, 'safelight run' in a terminal."


def tell_daemon(environ: Mapping[str, str], *, quiet: bool = False) -> int:
    """Let the daemon read its settings again and say so; exit status 1 when it runs and does not."""
    reloads = _reloads(environ, otherwise="The settings are written, but the daemon does not use them yet")
    if reloads is None:
        return 1
    if not quiet:
        click.echo("The daemon works by it from now on." if reloads else STARTS)
    return 0


def tell_of_bundles(environ: Mapping[str, str]) -> int:
    """Let the daemon open its bundles anew; exit status 1 when it runs and does not. Where none runs all is well."""
    reloads = _reloads(environ, otherwise="The daemon works on with the models that it has opened")
    return 1 if reloads is None else 0


def _reloads(environ: Mapping[str, str], *, otherwise: str) -> bool | None:
    """Tell whether a daemon runs, and reloads; None after saying what happens otherwise: it runs and does not."""
    from safelight.control.client import Client

    try:
        client = Client.connect(paths.socket_file(environ))
        if client is not None:
            with client:
                client.ask("reload")
    except SafelightError as error:
        click.echo(f"{otherwise}: {error.told}", err=True)
        return None
    return client is not None
