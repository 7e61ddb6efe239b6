"""What the person's environment says of the network: what is wrong is told by its name, and no secret is shown."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from safelight.errors import BundleError
from safelight.hub.environment import check_endpoint
from safelight.hub.library import Access, access, load
from safelight.hub.transfer import Hub, Wanted
from tests.fakes.clock import FakeClock
from tests.fakes.hub_server import HubServer, hub_server

KEY = ("somebody/toy-ONNX", "0123456789abcdef0123456789abcdef01234567", "vision.onnx")
OF_HUB = Wanted(KEY[2], KEY[0], KEY[1])
SECRET = "hemlig"
NAMES = (
    *("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_ENDPOINT", "HF_OIDC_RESOURCE", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy"),
)


@pytest.fixture
def server(monkeypatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with hub_server() as served:
        served.files[KEY] = b"a model"
        yield served
        forget()


def forget() -> None:
    """Let the library connect anew: it keeps its connections, with the proxies that were named when it made them."""
    from huggingface_hub import close_session

    close_session()


def opened(server: HubServer, tmp_path: Path, *, endpoint: str = "") -> Hub:
    load()
    forget()
    reached = Access(endpoint or server.endpoint, tmp_path / "cache", answer_s=5.0)
    return Hub(access=reached, clock=FakeClock(), say=lambda _: None)


def refused(server: HubServer, tmp_path: Path, wanted: Wanted = OF_HUB, *, endpoint: str = "") -> BundleError:
    """Return what is told of a file; nothing secret in it, whole sentences, and nobody was asked with a secret."""
    with pytest.raises(BundleError) as caught:
        opened(server, tmp_path, endpoint=endpoint).announced(wanted)
    told = caught.value
    assert SECRET not in told.told and ".." not in told.told
    assert told.summary.endswith(".") and told.hint.endswith(".")
    assert not any(SECRET in value for each in server.asked for value in each.headers.values())
    return told


def own(address: str) -> Wanted:
    """Return a file that has an address of its own, as those of the bundle that finds faces."""
    return Wanted("faces.task", url=address)


PROXIES = [
    ("ALL_PROXY", f"socks://u:{SECRET}@127.0.0.1:1", "begins with socks://"),
    ("HTTP_PROXY", f"foo://u:{SECRET}@x", "begins with foo://"),
    ("https_proxy", f"http://127.0.0.1:{SECRET}", "cannot be read"),
    ("HTTPS_PROXY", f"http://u:{SECRET}@[::1", "cannot be read"),
    ("HTTPS_PROXY", "http://127.0.0.1:70000", "cannot be read"),
    ("ALL_PROXY", "http://u:\udce9@127.0.0.1:1", "cannot be read"),
    ("ALL_PROXY", "http://h\udce9:1", "cannot be read"),
    ("ALL_PROXY", "http://", "no host"),
]


@pytest.mark.parametrize("wanted", [OF_HUB, own("http://127.0.0.1:9/faces.task")], ids=["hub", "own address"])
@pytest.mark.parametrize(("name", "value", "why"), PROXIES)
def test_a_proxy_that_is_none_is_told_by_the_name_of_its_variable(
    server, tmp_path, monkeypatch, name, value, why, wanted
):
    monkeypatch.setenv(name, value)
    told = refused(server, tmp_path, wanted)
    assert told.summary.startswith(f"{name} names no proxy") and why in told.summary
    assert "unset it" in told.hint
    assert server.asked == []


@pytest.mark.parametrize("name", ["ALL_PROXY", "https_proxy"])
def test_a_socks_proxy_needs_a_package_that_is_named(server, tmp_path, monkeypatch, name):
    if "socksio" in sys.modules or any((Path(each) / "socksio").is_dir() for each in sys.path):
        pytest.skip("socksio is installed here, so a SOCKS proxy can be used")
    monkeypatch.setenv(name, f"socks5://u:{SECRET}@127.0.0.1:1")
    told = refused(server, tmp_path)
    assert name in told.summary and "socksio" in told.summary and "not installed" in told.summary
    assert "pip install socksio" in told.hint


def test_where_no_proxy_is_used_for_anything_none_is_looked_at(server, tmp_path, monkeypatch):
    monkeypatch.setenv("ALL_PROXY", "socks://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    assert opened(server, tmp_path).announced(OF_HUB).size_bytes == 7


def test_a_proxy_that_is_one_is_used(server, tmp_path, monkeypatch):
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("HTTP_PROXY", f"127.0.0.1:{server.endpoint.rpartition(':')[2]}")
    found = opened(server, tmp_path, endpoint="http://hub.invalid").announced(OF_HUB)
    assert found.size_bytes == 7


ENDPOINTS = [
    ("nonsense", "does not begin with"),
    ("", "is empty"),
    ("gopher://example", "begins with gopher://"),
    (f"http://127.0.0.1:{SECRET}", "cannot be read"),
    (f"http://u:{SECRET}@[::1", "cannot be read"),
    ("http://127.0.0.1:70000", "cannot be read"),
    ("https:///path", "no host"),
]


@pytest.mark.parametrize(("endpoint", "why"), ENDPOINTS)
def test_a_mirror_that_is_none_is_told(server, endpoint, why):
    with pytest.raises(BundleError) as caught:
        check_endpoint(endpoint)
    assert caught.value.summary.startswith("HF_ENDPOINT names no server") and why in caught.value.summary
    assert SECRET not in caught.value.told and ".." not in caught.value.told


def test_a_mirror_that_is_none_is_told_when_a_file_of_the_hub_is_asked_for(server, tmp_path):
    assert refused(server, tmp_path, endpoint="nonsense").summary.startswith("HF_ENDPOINT")
    address = f"{server.storage}/{'/'.join(KEY)}"
    assert opened(server, tmp_path, endpoint="nonsense").announced(own(address)).size_bytes == 7


@pytest.mark.parametrize("value", ["x", "", "-3", "1e3", "99999999999999999999"])
@pytest.mark.parametrize("name", ["HF_HUB_DOWNLOAD_TIMEOUT", "HF_HUB_ETAG_TIMEOUT"])
def test_a_wait_that_is_no_number_of_seconds_is_told(monkeypatch, name, value):
    monkeypatch.setenv(name, value)
    with pytest.raises(BundleError, match=name):
        access()
    monkeypatch.setenv(name, "30")
    access()


@pytest.mark.parametrize("name", ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"])
@pytest.mark.parametrize("rest", ["\udce9", "é", "\x01", " x"], ids=["no UTF-8", "accent", "control", "space"])
def test_a_token_that_cannot_be_sent_is_told_and_never_shown(server, tmp_path, monkeypatch, name, rest):
    monkeypatch.setenv(name, f"{SECRET}{rest}{SECRET}")
    told = refused(server, tmp_path)
    assert name in told.summary and "cannot be sent" in told.summary
    assert server.asked == []


def test_a_token_file_that_cannot_be_read_is_told(server, tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path))
    assert f"the file {tmp_path}" in refused(server, tmp_path).summary
    file = tmp_path / "token"
    file.write_bytes(SECRET.encode() + b"\xe9")
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(file))
    assert f"the file {file}" in refused(server, tmp_path).summary


def test_a_token_is_asked_for_only_where_one_is_sent(server, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "h\xe9")
    address = f"{server.storage}/{'/'.join(KEY)}"
    assert opened(server, tmp_path).announced(own(address)).size_bytes == 7
    assert "authorization" not in server.asked[-1].headers


@pytest.mark.parametrize("wanted", [OF_HUB, own("http://127.0.0.1:9/faces.task")], ids=["hub", "own address"])
def test_certificates_that_are_none_are_told(server, tmp_path, monkeypatch, wanted):
    (tmp_path / "notes.txt").write_text("no certificate")
    for name, value, why in (
        ("SSL_CERT_DIR", str(tmp_path / "none"), "is no folder"),
        ("SSL_CERT_FILE", str(tmp_path / "none"), "cannot be read: No such file"),
        ("SSL_CERT_FILE", str(tmp_path / "notes.txt"), "holds no certificates"),
    ):
        monkeypatch.setenv(name, value)
        told = refused(server, tmp_path, wanted)
        assert told.summary.startswith(f"{name} names {value}, which {why}")


def test_a_file_with_an_address_of_its_own_is_not_helped_by_a_mirror(server, tmp_path):
    nowhere = refused(server, tmp_path, own("http://127.0.0.1:9/faces.task"))
    assert "cannot be reached" in nowhere.summary and "HTTPS_PROXY" in nowhere.hint
    hints = [nowhere.hint]
    for status in (401, 403, 404, 418):
        server.failing = [status]
        hints.append(refused(server, tmp_path, own(f"{server.storage}/a/b/c/d")).hint)
    assert not any("HF_" in hint or "mirror" in hint for hint in hints)
    at_hub = refused(server, tmp_path, endpoint="http://127.0.0.1:9")
    assert "HF_ENDPOINT names a mirror" in at_hub.hint


def test_a_file_with_an_address_of_its_own_that_has_another_size_is_not_helped_by_a_mirror(server, tmp_path):
    address = f"{server.storage}/{'/'.join(KEY)}"
    for size in (5, 9):
        with pytest.raises(BundleError, match="which should have") as caught:
            opened(server, tmp_path).fetch(own(address), tmp_path / "f", size_bytes=size, progress=lambda _: None)
        assert "HF_ENDPOINT" not in caught.value.hint


@pytest.mark.parametrize(
    ("name", "value"),
    [("HF_ENDPOINT", f"http://127.0.0.1:{SECRET}"), ("HF_ENDPOINT", "http://[::1"), ("HF_HUB_ETAG_TIMEOUT", "x")],
)
def test_what_the_library_cannot_be_imported_with_is_told_by_its_name_and_nothing_beside(name, value):
    """In a process of its own: the library reads these variables once, while it is imported."""
    program = (
        "from safelight.errors import BundleError\n"
        "from safelight.hub.library import access\n"
        "from safelight.hub.transfer import Hub\n"
        "try: Hub(access=access(), clock=None, say=print)\n"
        "except BundleError as error: print(error.told)"
    )
    environ = {key: each for key, each in os.environ.items() if key not in NAMES} | {name: value}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(name) and done.stdout.count("\n") == 1 and SECRET not in done.stdout
