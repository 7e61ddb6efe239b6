"""Tells the running daemon that bundles came or went, so that it opens what is there now."""

from collections.abc import Mapping

import click

from safelight import paths
from safelight.errors import SafelightError


def tell_of_bundles(environ: Mapping[str, str]) -> int:
    """Let the daemon open its bundles anew; exit status 1 when it runs and does not. Where none runs all is well."""
    from safelight.control.client import Client

    try:
        client = Client.connect(paths.socket_file(environ))
        if client is not None:
            with client:
                client.ask("reload")
    except SafelightError as error:
        click.echo(f"The daemon works on with the models that it has opened: {error.told}", err=True)
        return 1
    return 0
