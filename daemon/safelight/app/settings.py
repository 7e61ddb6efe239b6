"""What a command was asked to do, validated at the edge, frozen from there on."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from safelight import paths
from safelight.sidecars.naming import Profile

UNDO_S = 24 * 3600.0
EMBEDDED = "embedded"  # the bundle that needs no download
Accelerator = Literal["auto", "cpu"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Where state and models are kept, how sidecars are named, how many decode workers there are."""

    state: Path
    models: Path  # built here, can be made again at once
    bundles: Path = Path()  # fetched ones; empty: there are none
    bundle: str = EMBEDDED  # that is to judge
    accelerator: Accelerator = "auto"  # whether a GPU is tried
    faces: bool = True  # whether faces are looked at where their bundle is installed
    profile: Profile = Profile.DARKTABLE
    jobs: int = 1
    undo_s: float = UNDO_S  # how long a deletion can be taken back before it is believed
    as_of_s: float | None = None  # the moment that is treated as now, seconds since the epoch; None: now


def settings(
    environ: Mapping[str, str],
    *,
    state: Path | None = None,
    profile: str = Profile.DARKTABLE,
    jobs: int | None = None,
    undo_s: float = UNDO_S,
    as_of_s: float | None = None,
    bundle: str = EMBEDDED,
    accelerator: Accelerator = "auto",
    faces: bool = True,
) -> Settings:
    """Return the settings of one command; what is not given comes from the environment and the machine.

    Commands that the file of settings concerns ask `configuration.settings` instead.
    """
    return Settings(
        state=state.absolute() if state else paths.state_folder(environ),
        models=paths.models_folder(environ),
        bundles=paths.bundles_folder(environ),
        bundle=bundle,
        accelerator=accelerator,
        faces=faces,
        profile=Profile(profile),
        jobs=jobs or len(os.sched_getaffinity(0)),
        undo_s=undo_s,
        as_of_s=as_of_s,
    )
