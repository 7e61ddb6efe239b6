"""Owns huggingface_hub: how it is loaded, and which mirror, cache and mode the person's environment names.

The library reads its variables while it is imported, so those that it must be loaded with are set here, before the only
import of it. Its telemetry is off: it would name the program that started us and ask the hub for a list of such
programs. Its other protocol (Xet) is off as well, as mirrors and proxies speak plain HTTP, where a break can be
resumed. HF_ENDPOINT, HF_HUB_OFFLINE, HF_HOME and the proxy variables mean what the library says they mean.
Invariant: the library is never loaded without the variables of FIXED.
"""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from safelight import __version__
from safelight.errors import BundleError
from safelight.hub.environment import check_library

FIXED = {
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_DISABLE_XET": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_UPDATE_CHECK": "1",
}
USER_AGENT = {"user-agent": f"safelight/{__version__}"}


@dataclass(frozen=True, slots=True)
class Access:
    """How the hub is reached: the address of it or of a mirror, the library's cache, how long an answer may take."""

    endpoint: str
    cache: Path
    offline: bool = False
    answer_s: float = 10.0


def access() -> Access:
    """Return what the environment names. Raises BundleError when the library cannot be loaded."""
    load()
    from huggingface_hub import constants

    return Access(
        endpoint=constants.ENDPOINT,
        cache=Path(constants.HF_HUB_CACHE),
        offline=constants.is_offline_mode(),
        answer_s=float(constants.HF_HUB_DOWNLOAD_TIMEOUT),
    )


def load() -> None:
    """Import the library as it must be. Raises BundleError when it is missing, or was loaded in another way."""
    if "huggingface_hub" not in sys.modules:
        os.environ.update(FIXED)
    elif any(os.environ.get(name) != value for name, value in FIXED.items()):
        raise BundleError(
            "Another part of this program has loaded huggingface_hub with its telemetry on.",
            hint="Set HF_HUB_DISABLE_TELEMETRY=1 and HF_HUB_DISABLE_XET=1 before the program starts.",
        )
    check_library(os.environ)
    try:
        import httpx2  # noqa: F401
        from huggingface_hub import constants  # noqa: F401  # where it reads its variables
    except ValueError as error:
        raise BundleError(
            "The library that fetches models, huggingface_hub, does not understand one of its variables.",
            hint="See what the variables say whose names begin with HF_.",
        ) from error
    except ImportError as error:
        raise BundleError(
            f"The library that fetches models, huggingface_hub, cannot be loaded: {str(error).rstrip('.')}.",
            hint="Install it with: pip install 'huggingface_hub>=2.4,<3'. With --from DIR it is not needed.",
        ) from error
