"""Whose embeddings are searched, and where the vector that is asked for comes from."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from safelight.app import wiring
from safelight.app.search_run import Terms, by_words, searched_judge, similar
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.errors import BundleError, OutOfReach, SearchError
from safelight.inference.text_encoder import open_text
from safelight.ports.search import JudgeRows
from tests.fakes.bundles import NAME, tiny_bundle
from tests.fakes.search import JUDGE, Shelf, angled, names, vector

EMBEDDED = "embedded:000000000000:fp32/m1"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    settings = Settings(state=tmp_path / "state", models=tmp_path / "models", bundles=tmp_path / "bundles")
    with wiring.reading(settings) as opened:
        yield opened


def known(parts: Parts, path: Path, embedding: NDArray[np.float32], **more: object) -> int:
    """Put a file on the disk and into the catalog as it is there."""
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(path.name.encode())
    frame_id = Shelf(parts.store).put(path.name, embedding, folder=str(path.parent), **more)
    (file,) = parts.store.catalog.files_of(frame_id)
    status = path.stat()
    stamp = replace(file.stamp, size=status.st_size, mtime_ns=status.st_mtime_ns)
    with parts.store.transaction():
        from safelight.domain.frame import FoundFile

        parts.store.catalog.put_file(FoundFile(path, file.role, stamp), frame_id=frame_id, content=file.content)
    return frame_id


def never(settings: Settings, judge: str, file: Path) -> NDArray[np.float32]:
    raise AssertionError("what is known is not looked at again")


def test_a_known_file_is_not_looked_at_again(parts: Parts, tmp_path: Path) -> None:
    own, other = tmp_path / "pictures/own.jpg", tmp_path / "pictures/other.jpg"
    known(parts, own, vector(1))
    known(parts, other, angled(30))
    answered = similar(own, terms=Terms(), parts=parts, look=never)
    assert names(answered.found.matches) == ["other.jpg"]
    assert (answered.judge, answered.left) == (JUDGE, 0)


def test_a_known_file_that_is_out_of_reach_just_now_is_asked_for_as_it_was(parts: Parts, tmp_path: Path) -> None:
    own = tmp_path / "pictures/own.jpg"
    known(parts, own, vector(1))
    known(parts, tmp_path / "pictures/other.jpg", angled(30))
    own.unlink()
    assert names(similar(own, terms=Terms(), parts=parts, look=never).found.matches) == ["other.jpg"]


def test_a_file_that_was_written_again_is_looked_at_as_it_is(parts: Parts, tmp_path: Path) -> None:
    own = tmp_path / "pictures/own.jpg"
    known(parts, own, vector(1))
    known(parts, tmp_path / "pictures/near.jpg", vector(0, 1))
    own.write_bytes(b"edited")
    looked: list[Path] = []

    def look(settings: Settings, judge: str, file: Path) -> NDArray[np.float32]:
        looked.append(file)
        return vector(0.1, 1)

    assert names(similar(own, terms=Terms(limit=1), parts=parts, look=look).found.matches) == ["near.jpg"]
    assert looked == [own]


def test_a_copy_elsewhere_of_a_known_file_finds_it_without_a_look(parts: Parts, tmp_path: Path) -> None:
    copy = tmp_path / "copy.jpg"
    copy.write_bytes(b"the same")
    known(parts, tmp_path / "pictures/own.jpg", vector(1), content=parts.identifier.content(copy))
    answered = similar(copy, terms=Terms(), parts=parts, look=never)
    assert names(answered.found.matches) == ["own.jpg"]
    assert answered.found.matches[0].similarity > 0.999


def test_what_is_no_file_is_told(parts: Parts, tmp_path: Path) -> None:
    known(parts, tmp_path / "pictures/own.jpg", vector(1))
    os.mkfifo(tmp_path / "pipe.jpg")
    for path in (tmp_path / "none.jpg", tmp_path, tmp_path / "pipe.jpg"):
        with pytest.raises(OutOfReach):
            similar(path, terms=Terms(), parts=parts, look=never)


def test_an_empty_library_is_told(parts: Parts, tmp_path: Path) -> None:
    with pytest.raises(SearchError, match="No photograph"):
        similar(tmp_path / "a.jpg", terms=Terms(), parts=parts, look=never)


FETCHED = f"siglip2-base:111111111111:int8+{EMBEDDED}"


@pytest.mark.parametrize(
    "bundle, rows, chosen",
    [
        ("embedded", [(EMBEDDED, 10)], EMBEDDED),
        ("siglip2-base", [(EMBEDDED, 10)], EMBEDDED),
        ("siglip2-base", [(FETCHED, 5), (EMBEDDED, 10)], EMBEDDED),
        ("siglip2-base", [(FETCHED, 9), (EMBEDDED, 10)], FETCHED),
        ("embedded", [(FETCHED, 10), (EMBEDDED, 10)], EMBEDDED),
        ("siglip2-base", [(EMBEDDED, 10), ("siglip2-base:222222222222:fp16+x/m1", 10), (FETCHED, 10)],
         "siglip2-base:222222222222:fp16+x/m1"),
        ("other", [(FETCHED, 10), (EMBEDDED, 10)], FETCHED),
    ],
)  # fmt: skip
def test_the_bundle_in_use_is_searched_once_it_knows_the_library(
    bundle: str, rows: list[tuple[str, int]], chosen: str
) -> None:
    judges = [JudgeRows(judge, number, 1000 - place) for place, (judge, number) in enumerate(rows)]
    assert searched_judge(judges, Settings(Path(), Path(), bundle=bundle)).judge == chosen


def test_the_embedded_bundle_knows_no_words_and_names_one_that_does(parts: Parts) -> None:
    with pytest.raises(BundleError, match="knows no words") as told:
        by_words("a beach", terms=Terms(), parts=parts)
    assert "safelight models fetch siglip2-base" in told.value.hint


def test_words_wait_until_their_bundle_has_looked_at_something(parts: Parts) -> None:
    Shelf(parts.store, judge=EMBEDDED).put("a.jpg", vector(1))
    with pytest.raises(SearchError, match="siglip2-base"):
        by_words(
            "a beach", terms=Terms(), parts=replace(parts, settings=replace(parts.settings, bundle="siglip2-base"))
        )


def test_words_find_what_their_bundle_has_looked_at(parts: Parts, tmp_path: Path) -> None:
    encoder = open_text(tiny_bundle(tmp_path / "bundles"))
    beach, dog = encoder.embed(["two people on a beach", "a dog"])
    shelf = Shelf(parts.store, judge=f"{encoder.bundle}+{EMBEDDED}")
    shelf.put("dog.jpg", dog)
    shelf.put("beach.jpg", beach)
    Shelf(parts.store, judge=EMBEDDED).put("not yet.jpg", vector(1))
    in_use = replace(parts, settings=replace(parts.settings, bundle=NAME))
    answered = by_words("two people on a beach", terms=Terms(), parts=in_use)
    assert names(answered.found.matches) == ["beach.jpg", "dog.jpg"]
    assert answered.found.matches[0].similarity > 0.999
    assert answered.judge.startswith(encoder.bundle)


def test_what_the_bundle_in_use_has_not_looked_at_is_counted(parts: Parts, tmp_path: Path) -> None:
    encoder = open_text(tiny_bundle(tmp_path / "bundles"))
    Shelf(parts.store, judge=f"{encoder.bundle}+{EMBEDDED}").put("a.jpg", encoder.embed(["a"])[0])
    for name in "bcd":
        Shelf(parts.store, judge=EMBEDDED).put(name, vector(1))
    answered = by_words("a", terms=Terms(), parts=replace(parts, settings=replace(parts.settings, bundle=NAME)))
    assert answered.left == 2  # of the three that the other judge has seen more
