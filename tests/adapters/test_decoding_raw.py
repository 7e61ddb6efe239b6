"""A RAW is judged by its preview or a quick development; one whose own data is missing is never judged."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from safelight.decoding.pixels import Picture, read_picture
from safelight.decoding.rules import DecodeRules
from safelight.errors import Unreadable

RULES = DecodeRules()
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
CODES = {1: "B", 3: "H", 4: "I", 5: "I", 10: "i"}
Entries = dict[int, tuple[int, tuple[int, ...] | bytes]]


def directory(entries: Entries, at: int) -> bytes:
    """Return a little-endian TIFF directory that will lie at offset `at`."""
    table, beyond = b"", b""
    after = at + 2 + 12 * len(entries) + 4
    for tag in sorted(entries):
        kind, values = entries[tag]
        data = values if isinstance(values, bytes) else struct.pack(f"<{len(values)}{CODES[kind]}", *values)
        count = len(data) // SIZES[kind]
        if len(data) > 4:
            where = struct.pack("<I", after + len(beyond))
            beyond += data + b"\0" * (len(data) % 2)
        else:
            where = data.ljust(4, b"\0")
        table += struct.pack("<HHI", tag, kind, count) + where
    return struct.pack("<H", len(entries)) + table + bytes(4) + beyond


def scene(width: int, height: int) -> Image.Image:
    corners = np.array([[[210, 60, 50], [60, 190, 70]], [[50, 70, 200], [200, 200, 190]]], np.uint8)
    return Image.fromarray(corners).resize((width, height), Image.Resampling.BILINEAR)


def mosaic(image: Image.Image) -> np.ndarray:  # type: ignore[type-arg]
    linear = (np.asarray(image, np.float64) / 255) ** 2.2 * 60000
    out = linear[..., 1].copy()
    out[::2, ::2], out[1::2, 1::2] = linear[::2, ::2, 0], linear[1::2, 1::2, 2]
    return out.astype("<u2")


def dng(width: int = 1200, height: int = 800, *, orientation: int = 1, preview: Image.Image | None = None) -> bytes:
    """Return a small uncompressed DNG, with a JPEG preview in its first directory if one is given."""
    pixels = mosaic(scene(width, height)).tobytes()
    head: Entries = {
        0x010F: (2, b"Maker\0"),
        0x0110: (2, b"Model\0"),
        0x0112: (3, (orientation,)),
        50706: (1, (1, 4, 0, 0)),
        50708: (2, b"Maker Model\0"),
        50721: (10, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1)),
        50728: (5, (1, 1, 1, 1, 1, 1)),
        50778: (3, (21,)),
    }
    raw: Entries = {
        254: (4, (0,)),
        256: (4, (width,)),
        257: (4, (height,)),
        258: (3, (16,)),
        259: (3, (1,)),
        262: (3, (32803,)),
        277: (3, (1,)),
        278: (4, (height,)),
        279: (4, (len(pixels),)),
        33421: (3, (2, 2)),
        33422: (1, (0, 1, 1, 2)),
        50717: (4, (60000,)),
    }
    jpeg = b""
    if preview is not None:
        preview.save(buffer := io.BytesIO(), "JPEG", quality=90)
        jpeg = buffer.getvalue()
        head |= {
            254: (4, (1,)),
            256: (4, (preview.width,)),
            257: (4, (preview.height,)),
            258: (3, (8, 8, 8)),
            259: (3, (7,)),
            262: (3, (6,)),
            273: (4, (4000,)),
            277: (3, (3,)),
            278: (4, (preview.height,)),
            279: (4, (len(jpeg),)),
            330: (4, (2000,)),
        }
        first, second = directory(head, 8), directory(raw | {273: (4, (4000 + len(jpeg),))}, 2000)
    else:
        first, second = directory(head | raw | {273: (4, (4000,))}, 8), b""
    structure = (b"II*\0\x08\0\0\0" + first).ljust(2000, b"\0") + second
    return structure.ljust(4000, b"\0") + jpeg + pixels


def read(folder: Path, data: bytes, name: str = "frame.dng") -> Picture:
    (folder / name).write_bytes(data)
    return read_picture(folder / name, RULES)


def refusal(folder: Path, data: bytes, name: str = "frame.dng") -> str:
    with pytest.raises(Unreadable) as caught:
        read(folder, data, name)
    return caught.value.summary


def test_raw_without_preview_is_developed(tmp_path: Path) -> None:
    picture = read(tmp_path, dng())
    assert (picture.width_px, picture.height_px) == (1200, 800)
    assert picture.rgb.shape == (800, 1200, 3)
    red, blue = picture.rgb[20:60, 20:60].mean((0, 1)), picture.rgb[-60:-20, 20:60].mean((0, 1))
    assert red[0] > red[2] + 40
    assert blue[2] > blue[0] + 40
    assert picture.facts.camera == "Model"


def test_preview_spares_the_development_and_is_turned(tmp_path: Path) -> None:
    marked = scene(1200, 800)
    marked.paste((255, 255, 255), (0, 0, 300, 200))  # shows that these pixels are the preview's
    picture = read(tmp_path, dng(orientation=6, preview=marked))
    assert (picture.width_px, picture.height_px) == (800, 1200)
    assert picture.rgb.shape == (1200, 800, 3)
    assert picture.rgb[:250, -150:].mean() > 240


def test_preview_that_is_upright_already_is_not_turned_again(tmp_path: Path) -> None:
    picture = read(tmp_path, dng(orientation=8, preview=scene(800, 1200)))
    assert picture.rgb.shape == (1200, 800, 3)
    assert np.abs(picture.rgb.astype(np.int16) - np.asarray(scene(800, 1200))).mean() < 4


def test_small_preview_is_not_enough_where_a_development_is_possible(tmp_path: Path) -> None:
    assert read(tmp_path, dng(preview=scene(600, 400))).rgb.shape == (800, 1200, 3)


@pytest.mark.parametrize("name", ["frame.dng", "frame.nef", "frame.tif", "frame"])
def test_raw_is_known_by_content_whatever_its_name(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, dng(preview=scene(1200, 800)), name).width_px == 1200


@pytest.mark.parametrize("with_preview", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.6, 0.97])
def test_truncated_raw_is_refused_though_its_preview_is_whole(tmp_path: Path, with_preview: bool, share: float) -> None:
    data = dng(preview=scene(1200, 800) if with_preview else None)
    assert "ends early" in refusal(tmp_path, data[: int(len(data) * share)])


@pytest.mark.parametrize("with_preview", [False, True])
def test_zero_padded_raw_is_refused(tmp_path: Path, with_preview: bool) -> None:
    data = dng(preview=scene(1200, 800) if with_preview else None)
    kept = len(data) // 2
    assert "zeros" in refusal(tmp_path, data[:kept] + bytes(len(data) - kept))


def test_header_without_a_picture_is_refused(tmp_path: Path) -> None:
    data = bytearray(dng())
    at = data.index(struct.pack("<HHI", 279, 4, 1)) + 8
    data[at : at + 4] = struct.pack("<I", 3000)  # the directory itself says that there is next to nothing
    assert "header of a RAW" in refusal(tmp_path, bytes(data[:7000]))


def test_black_raw_is_refused(tmp_path: Path) -> None:
    black = dng()
    assert "all black" in refusal(tmp_path, black[:4000] + b"\x01\0" * ((len(black) - 4000) // 2))


def test_raw_heads_and_stubs_are_never_judged(shared_data: Path) -> None:
    cut = [
        *(shared_data / "raw").glob("imagemeta_head.*"),
        *(shared_data / "raw").glob("filetype_fixture*"),
        *(shared_data / "raw" / "stubs").iterdir(),
    ]
    assert len(cut) > 10
    for path in cut:
        with pytest.raises(Unreadable, match=r"\.$"):
            read_picture(path, RULES)


def test_whole_raw_files_are_judged(shared_data: Path) -> None:
    for name in ("raw/imagemeta_CRW.CRW", "raw/photoprism_canon_eos_6d.dng", "raw_made/IMG_1004.DNG"):
        assert min(read_picture(shared_data / name, RULES).rgb.shape[:2]) >= 500
    (kdc,) = (shared_data / "raw").glob("*.KDC")
    assert read_picture(kdc, RULES).width_px == 768


@pytest.mark.parametrize("pattern", ["landscape_{}.jpg", "portrait_{}.jpg", "orientation{}.heic"])
def test_orientation_series_shows_one_picture(shared_data: Path, pattern: str) -> None:
    thumbs = [
        read_picture(shared_data / "exif_orientation" / pattern.format(number), RULES).thumb.astype(np.int16)
        for number in range(1, 9)
    ]
    assert max(np.abs(thumb - thumbs[0]).mean() for thumb in thumbs) < 5  # each bears its own number
