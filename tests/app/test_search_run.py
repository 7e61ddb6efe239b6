"""Whose embeddings are searched, and where the vector that is asked for comes from."""

import json
import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from safelight.app import wiring
from safelight.app.bundle_in_use import InUse
from safelight.app.search_choice import in_order
from safelight.app.search_look import embedding_of
from safelight.app.search_run import Terms, by_words, similar
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.domain.wanted import Wanted
from safelight.errors import BundleError, FolderError, OutOfReach, SearchError
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
    assert in_order(judges, InUse(bundle))[0].judge == chosen


def test_the_version_that_is_installed_is_searched_and_not_the_youngest_of_its_name() -> None:
    judges = [
        JudgeRows(f"siglip2-base:222222222222:int8+{EMBEDDED}", 10, 3),
        JudgeRows(FETCHED, 10, 2),
        JudgeRows(EMBEDDED, 10, 1),
    ]
    chosen = in_order(judges, InUse("siglip2-base", ("siglip2-base:111111111111:int8",)))
    assert [each.judge for each in chosen] == [FETCHED, judges[0].judge, EMBEDDED]


def test_who_has_seen_little_is_asked_last() -> None:
    judges = [JudgeRows("a:1:fp32/m1", 2, 3), JudgeRows("b:1:fp32/m1", 5, 2), JudgeRows(EMBEDDED, 10, 1)]
    chosen = in_order(judges, InUse("a", ("a:1:fp32",)))
    assert [each.rows for each in chosen] == [10, 5, 2]


def test_the_embedded_bundle_knows_no_words_and_names_one_that_does(parts: Parts) -> None:
    with pytest.raises(BundleError, match="knows no words") as told:
        by_words("a beach", terms=Terms(), parts=parts)
    assert "safelight models fetch siglip2-base" in told.value.hint


def using(parts: Parts, bundle: str = NAME) -> Parts:
    return replace(parts, settings=replace(parts.settings, bundle=bundle))


def test_words_wait_until_their_bundle_has_looked_at_something(parts: Parts, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundles")
    Shelf(parts.store, judge=EMBEDDED).put("a.jpg", vector(1))
    with pytest.raises(SearchError, match=f"'{NAME}' has not looked at any photograph yet") as told:
        by_words("a beach", terms=Terms(), parts=using(parts))
    assert "catch-up" in told.value.hint


def test_a_bundle_that_is_missing_is_told_of_before_it_is_to_catch_up(parts: Parts) -> None:
    Shelf(parts.store, judge=EMBEDDED).put("a.jpg", vector(1))
    with pytest.raises(BundleError, match="'siglip2-base' is not installed") as told:
        by_words("a beach", terms=Terms(), parts=using(parts, "siglip2-base"))
    assert "catch-up" not in told.value.told


def test_a_bundle_without_words_is_told_of_before_it_is_to_catch_up(parts: Parts, tmp_path: Path) -> None:
    folder = tiny_bundle(tmp_path / "bundles")
    receipt = json.loads((folder / "receipt.json").read_text())
    receipt["files"] = [each for each in receipt["files"] if "text" not in each["path"]]
    (folder / "receipt.json").write_text(json.dumps(receipt))
    Shelf(parts.store, judge=EMBEDDED).put("a.jpg", vector(1))
    with pytest.raises(BundleError, match="knows no words") as told:
        by_words("a beach", terms=Terms(), parts=using(parts))
    assert f"safelight models fetch {NAME} --text --from FOLDER" in told.value.hint


def test_words_are_never_compared_with_what_another_version_of_their_bundle_saw(parts: Parts, tmp_path: Path) -> None:
    encoder = open_text(tiny_bundle(tmp_path / "bundles"))
    query = encoder.embed(["a beach"])[0]
    Shelf(parts.store, judge=EMBEDDED).put("a.jpg", vector(1))
    Shelf(parts.store, judge=f"{NAME}:000000000000:int8+{EMBEDDED}").put("a.jpg", query)
    with pytest.raises(SearchError, match="another version") as told:
        by_words("a beach", terms=Terms(), parts=using(parts))
    assert "safelight models catch-up" in told.value.hint


def test_words_ask_the_version_that_is_installed_again_after_another_one(parts: Parts, tmp_path: Path) -> None:
    encoder = open_text(tiny_bundle(tmp_path / "bundles"))
    query = encoder.embed(["a beach"])[0]
    own = f"{encoder.bundle}+{EMBEDDED}"
    Shelf(parts.store, judge=own).put("a.jpg", query)
    other = Shelf(parts.store, judge=f"{NAME}:000000000000:int8+{EMBEDDED}")
    for name in ("a.jpg", "b.jpg"):  # younger, and more
        other.put(name, query)
    answered = by_words("a beach", terms=Terms(), parts=using(parts))
    assert (answered.judge, names(answered.found.matches), answered.left) == (own, ["a.jpg"], 1)


def test_words_find_what_their_bundle_has_looked_at(parts: Parts, tmp_path: Path) -> None:
    encoder = open_text(tiny_bundle(tmp_path / "bundles"))
    beach, dog = encoder.embed(["two people on a beach", "a dog"])
    shelf = Shelf(parts.store, judge=f"{encoder.bundle}+{EMBEDDED}")
    shelf.put("dog.jpg", dog)
    shelf.put("beach.jpg", beach)
    Shelf(parts.store, judge=EMBEDDED).put("not yet.jpg", vector(1))
    answered = by_words("two people on a beach", terms=Terms(), parts=using(parts))
    assert names(answered.found.matches) == ["beach.jpg", "dog.jpg"]
    assert answered.found.matches[0].similarity > 0.999
    assert answered.judge.startswith(encoder.bundle)


def test_what_the_bundle_in_use_has_not_looked_at_is_counted(parts: Parts, tmp_path: Path) -> None:
    encoder = open_text(tiny_bundle(tmp_path / "bundles"))
    Shelf(parts.store, judge=f"{encoder.bundle}+{EMBEDDED}").put("a.jpg", encoder.embed(["a"])[0])
    for name in "bcd":
        Shelf(parts.store, judge=EMBEDDED).put(name, vector(1))
    answered = by_words("a", terms=Terms(), parts=using(parts))
    assert answered.left == 2  # of the three that the other judge has seen more


def test_a_new_file_is_compared_by_a_judge_that_can_be_asked_now(parts: Parts, tmp_path: Path) -> None:
    other = f"siglip2-base:222222222222:int8+{EMBEDDED}"
    for judge in (EMBEDDED, FETCHED, other):  # the bundle in use comes last: it has the youngest look
        Shelf(parts.store, judge=judge).put("a.jpg", vector(1))
    new = tmp_path / "new.jpg"
    new.write_bytes(b"new")
    asked: list[str] = []

    def look(settings: Settings, judge: str, file: Path) -> NDArray[np.float32]:
        asked.append(judge)
        if judge != EMBEDDED:
            raise BundleError("Another version looked.")
        return angled(30)

    answered = similar(new, terms=Terms(), parts=using(parts, "siglip2-base"), look=look)
    assert asked == [other, FETCHED, EMBEDDED]
    assert (answered.judge, names(answered.found.matches)) == (EMBEDDED, ["a.jpg"])


def test_why_nobody_can_look_at_a_new_file_is_told_of_the_bundle_in_use(parts: Parts, tmp_path: Path) -> None:
    for judge in (EMBEDDED, FETCHED):
        Shelf(parts.store, judge=judge).put("a.jpg", vector(1))
    new = tmp_path / "new.jpg"
    new.write_bytes(b"new")

    def look(settings: Settings, judge: str, file: Path) -> NDArray[np.float32]:
        raise BundleError(judge)

    with pytest.raises(BundleError, match="siglip2-base"):
        similar(new, terms=Terms(), parts=using(parts, "siglip2-base"), look=look)


def test_a_photograph_out_of_reach_is_compared_by_who_has_seen_it(parts: Parts, tmp_path: Path) -> None:
    own = tmp_path / "pictures/own.jpg"
    known(parts, own, vector(1))
    fetched = Shelf(parts.store, judge=FETCHED)
    for name in ("seen.jpg", "seen too.jpg"):  # the bundle in use has seen no less, but not this one
        fetched.put(name, vector(1))
    known(parts, tmp_path / "pictures/near.jpg", angled(20))
    own.unlink()

    def look(settings: Settings, judge: str, file: Path) -> NDArray[np.float32]:
        raise OutOfReach("It cannot be read.", path=file)

    answered = similar(own, terms=Terms(), parts=using(parts, "siglip2-base"), look=look)
    assert (answered.judge, names(answered.found.matches)) == (JUDGE, ["near.jpg"])


def test_a_file_is_not_looked_at_by_another_version_than_the_one_that_looked(parts: Parts, tmp_path: Path) -> None:
    tiny_bundle(tmp_path / "bundles")
    settings = using(parts).settings
    missing = tmp_path / "never decoded.jpg"
    with pytest.raises(BundleError, match="another version") as told:
        embedding_of(missing, judge=f"{NAME}:000000000000:int8+{EMBEDDED}", settings=settings)
    assert "safelight models catch-up" in told.value.hint
    with pytest.raises(BundleError, match="another version") as told:
        embedding_of(missing, judge=EMBEDDED, settings=settings)
    assert "catch-up" not in told.value.hint


def test_a_folder_that_is_neither_there_nor_known_is_told(parts: Parts, tmp_path: Path) -> None:
    own, other = tmp_path / "own/own.jpg", tmp_path / "disk/other.jpg"
    known(parts, own, vector(1))
    known(parts, other, angled(30))
    with pytest.raises(FolderError, match="There is no folder"):
        similar(own, terms=Terms(wanted=Wanted(below=tmp_path / "dsik")), parts=parts, look=never)
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    for below in (tmp_path / "disk", tmp_path):
        answered = similar(own, terms=Terms(wanted=Wanted(below=below)), parts=parts, look=never)
        assert names(answered.found.matches) == ["other.jpg"]
