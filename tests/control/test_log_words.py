"""What `log` says of the journal."""

import pytest

from safelight.cli.log_words import line
from safelight.domain.entries import Entry, Kind


def said(kind: str, **payload: object) -> str | None:
    told = line(Entry(7, 0.0, kind, 3, payload), "IMG_1.CR3")
    return told and told.partition("  ")[2]


@pytest.mark.parametrize(
    ("kind", "payload", "words"),
    [
        (Kind.FRAME_ARRIVED, {"files": ["/a/IMG_1.CR3"]}, "IMG_1.CR3  arrived"),
        (Kind.FRAME_RATED, {"stars": 1, "burst": "burst-1"}, "IMG_1.CR3  is worth 1 star"),
        (Kind.FRAME_RATED, {"stars": None}, "IMG_1.CR3  looked at and not rated: only its past counts"),
        (Kind.RATING_PUBLISHED, {"stars": 4}, "IMG_1.CR3  4 stars written"),
        (Kind.PERSON_RATED, {"rating": 5, "program": "darktable"}, "IMG_1.CR3  you gave it 5 stars in darktable"),
        (Kind.PERSON_RATED, {"rating": -1, "program": "xmp"}, "IMG_1.CR3  you rejected it"),
        (Kind.PERSON_RATED, {"rating": None, "program": "file"}, "IMG_1.CR3  you took its rating away"),
        (Kind.PERSON_FLAGGED, {"flag": 1}, "IMG_1.CR3  you picked it"),
        (
            Kind.FRAME_LOST,
            {"how": "trash", "reason": "It went into the trash."},
            "IMG_1.CR3  is gone. It went into the trash.",
        ),
        (Kind.FRAME_MOVED, {"path": "/b/IMG_1.CR3"}, "IMG_1.CR3  is at /b/IMG_1.CR3 now"),
        (Kind.FRAME_EXPORTED, {"path": "/b/web.jpg"}, "IMG_1.CR3  exported as web.jpg"),
        (Kind.TASTE_LEARNED, {"comparisons": 1}, "IMG_1.CR3  learned your taste from 1 comparison"),
    ],
)
def test_an_entry_is_a_sentence(kind: str, payload: dict[str, object], words: str) -> None:
    assert said(kind, **payload) == words


def test_what_tells_a_person_nothing_is_left_out() -> None:
    assert said(Kind.FRAME_GROUPED, shoot="s", burst="b") is None
    assert said("of a later release") is None


@pytest.mark.parametrize("kind", sorted(Kind))
def test_no_entry_is_too_bare_for_words(kind: str) -> None:
    told = said(kind)
    assert told is None or "None stars" not in told


def test_a_name_that_is_no_text_is_printable() -> None:
    told = line(Entry(1, 0.0, Kind.FRAME_ARRIVED, 1, {}), "caf\udce9\n.jpg")
    assert told is not None
    assert "\n" not in told
    told.encode()
