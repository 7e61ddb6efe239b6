"""Only a regular, non-empty file is ever read; everything else gets a sentence of its own, at once."""

import errno
import os
import socket
from pathlib import Path

import pytest

from safelight.decoding.opening import why_not_read
from safelight.decoding.pixels import read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable

RULES = DecodeRules()


def _refusal(path: Path) -> str:
    with pytest.raises(Unreadable) as caught:
        read_picture(path, RULES)
    assert caught.value.path == path
    assert caught.value.summary.endswith(".")
    return caught.value.summary


def test_fifo_named_jpg_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    assert "pipe" in _refusal(tmp_path / "pipe.jpg")


def test_folder_named_jpg_is_called_a_folder(tmp_path: Path) -> None:
    (tmp_path / "folder.jpg").mkdir()
    assert "folder" in _refusal(tmp_path / "folder.jpg")


def test_socket_named_jpg_is_refused(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s.jpg"))
        assert "socket" in _refusal(tmp_path / "s.jpg")


def test_dangling_link_and_link_are_told_apart(tmp_path: Path) -> None:
    (tmp_path / "real.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    assert "not followed" in _refusal(tmp_path / "link.jpg")
    assert "not there" in _refusal(tmp_path / "dangling.jpg")


def test_vanished_file_and_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.jpg").touch()
    assert "no longer there" in _refusal(tmp_path / "gone.jpg")
    assert "empty" in _refusal(tmp_path / "empty.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_missing_permission_is_named(tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "secret.jpg").chmod(0)
    assert "permission" in _refusal(tmp_path / "secret.jpg")


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"Dear diary, today I took no photographs.\n", "is not a picture: it holds text"),
        ("Grüße aus dem Süden".encode("latin-1"), "text"),
        (bytes(5000), "only zeros"),
        (b"%PDF-1.7 ...\x00\x01", "PDF"),
        (b"PK\x03\x04\x14\x00\x00\x00", "ZIP"),
        (b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom", "video"),
        (b"RIFF\x10\x00\x00\x00WEBPVP8 \x00", "WebP"),
        (b"GIF89a\x01\x00\x01\x00", "GIF"),
    ],
)
def test_other_content_is_named_for_what_it_is(tmp_path: Path, data: bytes, what: str) -> None:
    path = tmp_path / "picture.jpg"
    path.write_bytes(data)
    assert what in _refusal(path)


@pytest.mark.parametrize(
    ("number", "word"), [(errno.EACCES, "permission"), (errno.EIO, "disk or card"), (9999, "system")]
)
def test_each_system_error_gets_a_sentence(tmp_path: Path, number: int, word: str) -> None:
    assert word in why_not_read(OSError(number, "x"), tmp_path).summary


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("suffix", [".jpg", ".nef", ".dng", ".tif", ".heic", ".png"])
@pytest.mark.parametrize(
    "start",
    [
        b"",
        b"II*\0\x08\0\0\0",
        b"MM\0*\0\0\0\x08",
        b"FUJIFILMCCD-RAW ",
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
        b"\0\0\0\x18ftypcrx \0\0\0\1crx isom",
        b"FOVb",
        b"\0MRM",
    ],
)
def test_garbage_is_refused_whatever_it_pretends_to_be(tmp_path: Path, suffix: str, start: bytes) -> None:
    path = tmp_path / f"garbage{suffix}"
    path.write_bytes(start + bytes(number * 31 % 251 for number in range(3000)))
    _refusal(path)


def test_name_that_is_not_utf8_is_read(tmp_path: Path) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xe9\xff'\"\n$(x).jpg"))
    path.write_text("text")
    assert "text" in _refusal(path)
