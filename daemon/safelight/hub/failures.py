"""Turns what can go wrong with a transfer into sentences: what happened, and what a person can do.

Invariant: whatever is told, the bytes that arrived are kept, and the bundle that is in use goes on serving.
"""

import errno
from pathlib import Path
from urllib.parse import urlsplit

from safelight.errors import BundleError

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
KEPT = "What arrived is kept; the same command goes on from there."
_ELSEWHERE = "HF_ENDPOINT names a mirror, HTTPS_PROXY a proxy, and --from DIR takes the files from a folder."
_NO_MIRROR = "HTTPS_PROXY names a proxy, and --from DIR takes the files from a folder."  # files with an own address
_VARIABLES = "what HF_ENDPOINT, HF_TOKEN and the proxy variables (HTTPS_PROXY, ALL_PROXY) say"


def offline(path: str) -> BundleError:
    """HF_HUB_OFFLINE is set and the file is not in the library's cache."""
    return BundleError(
        f"{path} is not on this computer, and HF_HUB_OFFLINE says that nothing may be fetched.",
        hint="Unset HF_HUB_OFFLINE, or give the files with --from DIR.",
    )


def unreachable(address: str, reason: str, *, at_hub: bool = True) -> BundleError:
    """No connection could be made. `at_hub`: the file is one of the hub's, which a mirror may have as well."""
    host = host_of(address)
    if "CERTIFICATE" in reason.upper():
        return BundleError(
            f"{host} shows a certificate that this computer does not trust.",
            hint="A proxy may stand in between: SSL_CERT_FILE names the certificate that it uses.",
        )
    return BundleError(
        f"{host} cannot be reached: there is no network, or something in between lets nothing through.",
        hint=f"{KEPT} {_elsewhere(at_hub)}",
    )


def broken_off(address: str, path: str) -> BundleError:
    """The connection broke more often than it was tried."""
    return BundleError(f"The connection to {host_of(address)} broke off while {path} was fetched.", hint=KEPT)


def refused(address: str, path: str, status: int, *, at_hub: bool = True) -> BundleError:
    """The server answered, but not with the file."""
    host = host_of(address)
    match status:
        case 401 | 403:
            asks = ": it asks for an account with the right to it" if at_hub else ""
            hint = "HF_TOKEN passes the token of an account; a mirror may need none." if at_hub else _NO_MIRROR
            return BundleError(f"{host} does not give {path} to us ({status}){asks}.", hint=hint)
        case 404 | 410:
            told = f"{host} does not have {path} in this version ({status})."
            mirror = "If HF_ENDPOINT names a mirror, try without it; or take the newest Safelight."
            return BundleError(told, hint=mirror if at_hub else "Take the newest Safelight.")
        case 408 | 429 | 500 | 502 | 503 | 504:
            told = f"{host} is too busy to send {path} just now ({status})."
            return BundleError(told, hint=f"Try again later. {KEPT}")
    return BundleError(f"{host} answers {status} when it is asked for {path}.", hint=f"{KEPT} {_elsewhere(at_hub)}")


def no_hub(address: str, path: str, *, at_hub: bool = True) -> BundleError:
    """Something answered, but it does not speak as a model hub does, or does not send a file."""
    if not at_hub:
        return BundleError(
            f"{host_of(address)} answers, but not with a file, when it is asked for {path}.",
            hint="See whether a login page of the network stands in between.",
        )
    return BundleError(
        f"{host_of(address)} answers, but not as a model hub does, when it is asked for {path}.",
        hint="See what HF_ENDPOINT names, and whether a login page of the network stands in between.",
    )


def no_address(address: str, reason: str) -> BundleError:
    """What is to be asked is no address."""
    return BundleError(
        f"{host_of(address)} cannot be used as an address: {reason.rstrip('.')}.",
        hint=f"See {_VARIABLES}.",
    )


def no_request(address: str, path: str) -> BundleError:
    """The libraries make no request of what the environment says; their reason may hold a token, and is not told."""
    return BundleError(
        f"{host_of(address)} cannot be asked for {path} in the way that is set.", hint=f"See {_VARIABLES}."
    )


def no_connection(reason: str) -> BundleError:
    """Nothing that connects can be made of what the environment says."""
    return BundleError(f"A connection cannot be prepared: {reason}.", hint=f"See {_VARIABLES} and SSL_CERT_FILE.")


def wrong_size(address: str, path: str, *, got: int, expected: int, at_hub: bool = True) -> BundleError:
    """The server has another number of bytes than the file should have."""
    mirror = "Try again later, or another mirror with HF_ENDPOINT."
    login = "Try again later, and see whether a login page of the network stands in between."
    return BundleError(
        f"{host_of(address)} has {got:,} bytes of {path}, which should have {expected:,}: it is not the whole file.",
        hint=mirror if at_hub else login,
    )


def too_much(address: str, path: str, *, most: int, at_hub: bool = True) -> BundleError:
    """The server does not end where the file does."""
    told = f"{host_of(address)} sends more than {most:,} bytes for {path}."
    return BundleError(told, hint="Try another mirror with HF_ENDPOINT." if at_hub else "Try again later.")


def unwritable(file: Path, error: OSError) -> BundleError:
    """The file cannot be written where it belongs."""
    if error.errno in FULL:
        return BundleError(
            f"The disk became full while {file.name} was written.", hint=f"Make room on it. {KEPT}", path=file
        )
    reason = error.strerror or "the system refuses"
    return BundleError(
        f"{file.parent} cannot be written: {reason}.",
        hint="Make it writable, or name another place with XDG_DATA_HOME.",
        path=file,
    )


def host_of(address: str) -> str:
    """Return the host of an address, as people know it."""
    try:
        return urlsplit(address).netloc.rpartition("@")[2] or address
    except ValueError:
        return address


def _elsewhere(at_hub: bool) -> str:
    return _ELSEWHERE if at_hub else _NO_MIRROR
