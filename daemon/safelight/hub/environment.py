"""Reads what the person's environment says about the network, and tells which variable is wrong before it is used.

The libraries raise something of their own for each, deep within and without the name of the variable, and some print
its value. A value may hold a password or a token, so none is shown but the path of a file.
Invariant: a check that passes means that the libraries can be loaded, and a connection prepared, with what is there.
"""

import configparser
import os
import ssl
from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

from safelight.errors import BundleError

WAITS = ("HF_HUB_ETAG_TIMEOUT", "HF_HUB_DOWNLOAD_TIMEOUT")  # that huggingface_hub reads while it is imported
LONGEST_WAIT_S = 86_400  # more is no wait that anybody means, and a socket refuses some of it
_SCHEMES = ("http", "https", "all")  # of the requests that a proxy is named for
_HTTP = ("http", "https")
_SOCKS = ("socks5", "socks5h")
_UNREAD = "its host, its port or its password cannot be read"
_TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def check_library(environ: Mapping[str, str]) -> None:
    """Raise BundleError for a variable with which huggingface_hub cannot be imported, or sends nothing."""
    for name in WAITS:
        if name in environ and not _is_wait(environ[name]):
            raise BundleError(
                f"{name} is no whole number of seconds from 1 to {LONGEST_WAIT_S:,}.",
                hint="Set it to one, such as 30, or unset it.",
            )
    if not _can_be_sent(environ.get("HF_HUB_USER_AGENT_ORIGIN", "").replace(" ", "")):
        raise BundleError("HF_HUB_USER_AGENT_ORIGIN holds letters that cannot be sent.", hint="Unset it.")
    if not _has_parts(endpoint := environ.get("HF_ENDPOINT", "")):  # else only files of the hub need it
        check_endpoint(endpoint)


def check_endpoint(endpoint: str) -> None:
    """Raise BundleError when HF_ENDPOINT names no server."""
    if wrong := _wrong(endpoint, http_only=True):
        raise BundleError(
            f"HF_ENDPOINT names no server: {wrong}.",
            hint="Set it to an address such as https://mirror.example, or unset it: the hub itself is asked then.",
        )


def check_proxies() -> None:
    """Raise BundleError for a variable that names no proxy, or one that nothing installed here can speak with."""
    for name, address in _proxies():
        if wrong := _wrong(address):
            raise BundleError(
                f"{name} names no proxy that can be used: {wrong}.",
                hint="Set it to an address such as http://proxy.example:3128, or unset it.",
            )
        if address.lower().startswith("socks") and find_spec("socksio") is None:
            raise BundleError(
                f"{name} names a SOCKS proxy, and the package that speaks with one, socksio, is not installed.",
                hint="Install it with: pip install socksio. Or set the variable to a proxy that begins with http://, "
                "or unset it.",
            )


def check_certificates(environ: Mapping[str, str]) -> None:
    """Raise BundleError when the certificates that the environment names cannot be read."""
    hint = "Set it to one with the certificates that are trusted, or unset it."
    if named := environ.get("SSL_CERT_FILE"):
        try:
            ssl.create_default_context(cafile=named)
        except ssl.SSLError as error:
            raise BundleError(f"SSL_CERT_FILE names {named}, which holds no certificates.", hint=hint) from error
        except OSError as error:
            reason = error.strerror or "the system refuses"
            raise BundleError(f"SSL_CERT_FILE names {named}, which cannot be read: {reason}.", hint=hint) from error
    elif (named := environ.get("SSL_CERT_DIR")) and not Path(named).is_dir():
        raise BundleError(f"SSL_CERT_DIR names {named}, which is no folder.", hint=hint)


def read_token(environ: Mapping[str, str]) -> str | None:
    """Return the token that the library would send to the hub, None without one.

    Raises BundleError when it cannot be had or sent; the sentence never holds it.
    """
    import httpx2
    from huggingface_hub import constants, errors, get_token

    if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN:
        return None
    file = f"the file {constants.HF_TOKEN_PATH}, which HF_HOME or HF_TOKEN_PATH may name,"
    named = next((name for name in ("HF_OIDC_RESOURCE", *_TOKENS) if environ.get(name, "").strip()), file)
    try:
        token = get_token()
    except (
        OSError,
        ValueError,
        configparser.Error,
        errors.OIDCError,
        errors.HfHubHTTPError,
        httpx2.HTTPError,
    ) as error:
        raise _no_token(f"The token from {named} cannot be had") from error
    if token is not None and not _can_be_sent(token):
        raise _no_token(f"The token from {named} is none: it has letters or signs that cannot be sent")
    return token


def _no_token(what: str) -> BundleError:
    return BundleError(
        f"{what}.", hint="Copy it again from your account, or take it away: most bundles are given without one."
    )


def _can_be_sent(text: str) -> bool:
    """Tell whether a header may hold it: letters and signs of ASCII, without any space."""
    return all("!" <= letter <= "~" for letter in text)


def _is_wait(text: str) -> bool:
    try:
        return 1 <= int(text) <= LONGEST_WAIT_S
    except ValueError:
        return False


def _proxies() -> Iterator[tuple[str, str]]:
    """Yield the variables that name a proxy, and the proxies, as the library that connects reads them."""
    found = getproxies()
    if "*" in (host.strip() for host in found.get("no", "").split(",")):
        return  # no proxy is used for anything
    for scheme in _SCHEMES:
        if address := found.get(scheme):
            alike = (each for each in os.environ if each.lower() == f"{scheme}_proxy" and os.environ[each] == address)
            yield next(alike, f"{scheme.upper()}_PROXY"), address if "://" in address else f"http://{address}"


def _wrong(address: str, *, http_only: bool = False) -> str:
    """Return what is wrong with an address, as the end of a sentence without a full stop; empty when nothing is."""
    import httpx2

    if not address:
        return "it is empty"
    scheme, there, _ = address.partition("://")
    if not there or scheme.lower() not in (_HTTP if http_only else (*_HTTP, *_SOCKS)):
        begins = f"begins with {scheme}://, and not" if there and scheme.isalnum() else "does not begin"
        return f"it {begins} with http://{'' if http_only else ', socks5://'} or https://"
    if not _has_parts(address):
        return _UNREAD
    try:
        url = httpx2.URL(address)
        (url.username + url.password).encode()
    except (httpx2.InvalidURL, ValueError):
        return _UNREAD
    if not url.host:
        return "it has no host"
    return ""


def _has_parts(address: str) -> bool:
    """Tell whether the host and the port of an address can be told apart."""
    try:
        port = urlsplit(address).port
    except ValueError:
        return False
    return port != 0  # None where it names none
