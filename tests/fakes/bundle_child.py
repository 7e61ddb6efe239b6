"""Fetches the bundle of a scene in a process of its own, so that a test can end it: HOME and the address of a hub."""

import sys
from pathlib import Path

from safelight.errors import BundleError
from tests.fakes.bundle_scene import Scene
from tests.fakes.hub_server import HubServer

if __name__ == "__main__":
    scene = Scene(Path(sys.argv[1]), HubServer(endpoint=sys.argv[2]))
    try:
        done = scene.fetch()
    except BundleError as error:
        sys.exit(error.summary)
    print("new" if done.new else "there")  # noqa: T201
