"""A model hub on this computer: as much of the protocol as huggingface_hub uses, with everything that can go wrong.

A file is asked for at /REPOSITORY/resolve/REVISION/PATH. The hub names its commit, size and sum, and sends whoever
wants the bytes on to a storage on another port, which knows byte ranges. What each request got is written down.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

_RESOLVED = re.compile(r"/([^/]+/[^/]+)/resolve/([^/]+)/(.+)")


@dataclass
class Asked:
    """One request, and how many bytes of the body it got."""

    at: str  # "hub" or "storage"
    method: str
    path: str
    headers: dict[str, str]
    status: int = 0
    sent: int = 0


@dataclass
class HubServer:
    """What the hub has, and how it behaves."""

    files: dict[tuple[str, str, str], bytes] = field(default_factory=dict)  # (repository, revision, path)
    asked: list[Asked] = field(default_factory=list)
    failing: list[int] = field(default_factory=list)  # statuses that the next requests get
    breaks: list[int] = field(default_factory=list)  # bytes after which the next bodies end
    announces: bool = True  # sums of large files
    ranges: bool = True
    redirects: bool = True
    truncated: int | None = None  # the storage has only so much of each file
    lies: dict[str, str] = field(default_factory=dict)  # path -> sum that is announced instead
    retry_after: str | None = None
    commit: str | None = None  # instead of the revision
    stalls_after: int | None = None  # bytes after which a body waits for `go_on`
    go_on: threading.Event = field(default_factory=threading.Event)
    stalled: threading.Event = field(default_factory=threading.Event)
    endpoint: str = ""
    storage: str = ""

    def bodies(self) -> list[Asked]:
        """Return the requests that asked for bytes, and got some."""
        return [each for each in self.asked if each.method == "GET" and each.status in {200, 206}]


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: HubServer
    at: str

    def log_message(self, *_args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def _answer(self, *, body: bool) -> None:
        path = urlsplit(self.path).path  # a proxy is asked with the whole address
        asked = Asked(self.at, self.command, path, {name.lower(): value for name, value in self.headers.items()})
        self.hub.asked.append(asked)
        if self.hub.failing:
            headers = {} if self.hub.retry_after is None else {"Retry-After": self.hub.retry_after}
            self._head(asked, self.hub.failing.pop(0), {**headers, "Content-Length": "0"})
        elif self.at == "hub":
            self._resolve(asked, body=body)
        else:
            self._store(asked, body=body)

    def _resolve(self, asked: Asked, *, body: bool) -> None:
        found = _RESOLVED.fullmatch(asked.path)
        key = found.groups() if found else None
        content = self.hub.files.get(key) if key else None
        if content is None or key is None:
            self._head(asked, 404, {"X-Error-Code": "EntryNotFound", "Content-Length": "0"})
            return
        sha = self.hub.lies.get(key[2], sha256(content).hexdigest())
        headers = {"X-Repo-Commit": self.hub.commit or key[1], "Accept-Ranges": "bytes"}
        if self.hub.announces:
            headers |= {"X-Linked-Etag": f'"{sha}"', "X-Linked-Size": str(len(content))}
        headers["ETag"] = f'"{sha1(content, usedforsecurity=False).hexdigest()}"'
        if self.hub.redirects:
            place = f"{self.hub.storage}/{'/'.join(key)}?signed=1"
            self._head(asked, 302, {**headers, "Location": place, "Content-Length": "0"})
        else:
            self._send(asked, content, headers, body=body)

    def _store(self, asked: Asked, *, body: bool) -> None:
        first, second, revision, path = asked.path.lstrip("/").split("/", 3)
        content = self.hub.files.get((f"{first}/{second}", revision, path))
        if content is None:
            self._head(asked, 404, {"Content-Length": "0"})
            return
        if self.hub.truncated is not None:
            content = content[: self.hub.truncated]
        self._send(asked, content, {}, body=body)

    def _send(self, asked: Asked, content: bytes, headers: dict[str, str], *, body: bool) -> None:
        first = re.fullmatch(r"bytes=(\d+)-", asked.headers.get("range", ""))
        status, rest = 200, content
        if first and self.hub.ranges:
            if int(first[1]) >= len(content):
                self._head(asked, 416, {"Content-Range": f"bytes */{len(content)}", "Content-Length": "0"})
                return
            status, rest = 206, content[int(first[1]) :]
            headers = {**headers, "Content-Range": f"bytes {first[1]}-{len(content) - 1}/{len(content)}"}
        self._head(asked, status, {**headers, "Content-Length": str(len(rest))})
        if body:
            self._body(asked, rest)

    def _body(self, asked: Asked, rest: bytes) -> None:
        whole = rest[: self.hub.breaks.pop(0)] if self.hub.breaks else rest
        stop = self.hub.stalls_after
        if stop is not None:
            self._write(asked, whole[:stop])
            self.hub.stalled.set()
            self.hub.go_on.wait(30)
            whole = whole[stop:]
        self._write(asked, whole)
        self.close_connection = asked.sent < len(rest)

    def _write(self, asked: Asked, content: bytes) -> None:
        try:
            self.wfile.write(content)
            self.wfile.flush()
        except OSError:  # whoever asked is gone
            return
        asked.sent += len(content)

    def _head(self, asked: Asked, status: int, headers: dict[str, str]) -> None:
        asked.status = status
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()


@contextmanager
def hub_server() -> Iterator[HubServer]:
    """Yield a hub with its storage; both end with the block."""
    hub = HubServer()
    servers = []
    for at in ("hub", "storage"):
        answering = type("Answering", (_Answering,), {"hub": hub, "at": at})
        server = ThreadingHTTPServer(("127.0.0.1", 0), answering)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        servers.append(server)
    hub.endpoint, hub.storage = (f"http://127.0.0.1:{server.server_address[1]}" for server in servers)
    try:
        yield hub
    finally:
        hub.go_on.set()
        for server in servers:
            server.shutdown()
            server.server_close()
