"""Tells the running daemon that the settings were changed."""

from collections.abc import Mapping

import click

from safelight import paths
from safelight.errors import SafelightError

STARTS = "The daemon does not run: 'safelight install-user' starts it with your session, 'safelight run' in a terminal."


def tell_daemon(environ: Mapping[str, str], *, quiet: bool = False) -> int:
    """Let the daemon read its settings again and say so; exit status 1 when it runs and does not."""
    from safelight.control.client import Client

    try:
        client = Client.connect(paths.socket_file(environ))
        if client is not None:
            with client:
                client.ask("reload")
    except SafelightError as error:
        click.echo(f"The settings are written, but the daemon does not use them yet: {error.told}", err=True)
        return 1
    if not quiet:
        click.echo("The daemon works by it from now on." if client else STARTS)
    return 0
