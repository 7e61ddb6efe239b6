"""What a search reads from the catalog: every embedding once, and the frames that fit."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from safelight.domain.frame import CaptureFacts, Stage
from safelight.domain.wanted import Stars, stars_shown
from safelight.errors import StateError
from safelight.storage import search_rows
from safelight.storage.database import open_database
from safelight.storage.search_rows import PAGE
from safelight.storage.store import SqliteStore
from tests.fakes.search import JUDGE, LENGTH, Shelf, angled, looked_at, vector


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(SqliteStore(open_database(":memory:")))


def contents(pages: object) -> list[bytes]:
    return list(itertools.chain.from_iterable(page.contents for page in pages))  # type: ignore[attr-defined]


def test_every_embedding_comes_once_over_many_pages(shelf: Shelf) -> None:
    looks = shelf.store.assessments(JUDGE)
    wanted = {number.to_bytes(16, "big"): angled(number % 90) for number in range(2 * PAGE + 5)}
    with shelf.store.transaction():
        for content, embedding in wanted.items():
            looks.put_assessment(looked_at(content, embedding, CaptureFacts(iso=100.0)))
        looks.mark_indexed(list(wanted)[:-7])
    rows = shelf.store.search_rows(JUDGE)
    pages = list(rows.everything(facts=False))
    assert sorted(contents(pages)) == sorted(wanted)
    assert all(len(page.contents) == len(page.embeddings) <= PAGE for page in pages)
    assert {page.embeddings.shape[1] for page in pages} == {LENGTH}
    for page in pages:
        for content, embedding in zip(page.contents, page.embeddings, strict=True):
            assert np.array_equal(embedding, wanted[content].astype(np.float16))
    assert sorted(contents(rows.waiting(facts=False))) == sorted(list(wanted)[-7:])
    assert (rows.count(), rows.count_indexed()) == (len(wanted), len(wanted) - 7)
    assert contents(rows.those([*list(wanted)[:3], b"unknown"], facts=False)) == list(wanted)[:3]
    assert next(rows.everything(facts=True)).facts[0].iso == 100.0


def test_another_judge_is_another_table(shelf: Shelf) -> None:
    shelf.put("a", vector(1))
    other = Shelf(shelf.store, judge="other:111111111111:fp32+fake/m1")
    other.put("b", vector(0, 1))
    rows = shelf.store.search_rows(other.judge)
    assert contents(rows.everything(facts=False)) == [b"b".ljust(16, b"\0")]
    assert [frame.path.name for frame in rows.shown([b"a".ljust(16, b"\0"), b"b".ljust(16, b"\0")])] == ["b"]
    assert [(each.judge, each.rows) for each in shelf.store.judge_rows()] == [(other.judge, 1), (JUDGE, 1)]


@pytest.mark.parametrize("stage", list(Stage))
@pytest.mark.parametrize("given", [None, -1, 0, 1, 5])
@pytest.mark.parametrize("least, most", [(0, 0), (1, 1), (4, 5), (0, 5), (3, 3)])
def test_the_database_counts_stars_as_the_domain_does(
    shelf: Shelf, stage: Stage, given: int | None, least: int, most: int
) -> None:
    shelf.put("a", vector(1), stage=stage, given=given, stars=3)
    asked = Stars(least, most)
    rows = shelf.store.search_rows(JUDGE)
    (frame,) = rows.shown([b"a".ljust(16, b"\0")])
    assert frame.stars == stars_shown(stage, given=given, ours=3)
    assert bool(rows.fitting(stars=asked, below=None)) is asked.fit(frame.stars)


def test_a_folder_means_what_is_in_it_and_below_and_no_folder_of_a_longer_name(shelf: Shelf) -> None:
    for name, folder in (("a", "/p/x"), ("b", "/p/x/y"), ("c", "/p/x y"), ("d", "/p/x0"), ("e", "/p")):
        shelf.put(name, vector(1), folder=folder)
    rows = shelf.store.search_rows(JUDGE)
    fit = rows.fitting(stars=None, below=Path("/p/x"))
    assert {each.rstrip(b"\0") for each in fit} == {b"a", b"b"}
    everything = [name.encode().ljust(16, b"\0") for name in "abcde"]
    assert [frame.path.name for frame in rows.shown(everything, below=Path("/p/x"))] == ["a", "b"]
    assert len(rows.fitting(stars=None, below=Path("/"))) == 5


def test_a_frame_that_is_gone_is_not_shown_and_a_burst_counts_what_is_there(shelf: Shelf) -> None:
    shelf.put("a", vector(1), burst="burst-1")
    shelf.put("b", vector(1), burst="burst-1", gone=True)
    rows = shelf.store.search_rows(JUDGE)
    assert [frame.path.name for frame in rows.shown([name.ljust(16, b"\0") for name in (b"a", b"b")])] == ["a"]
    assert rows.burst_size("burst-1") == 1
    assert rows.fitting(stars=None, below=None) == {b"a".ljust(16, b"\0")}


@pytest.mark.parametrize("damage", ["embedding = x'00'", "embedding = x'0000'", "facts = '[]'", "facts = '{\"a\": 1}'"])
def test_a_damaged_row_is_told_in_a_sentence(shelf: Shelf, damage: str) -> None:
    for name in ("a", "b"):
        shelf.put(name, vector(1))
    shelf.store._database.rows(f"UPDATE assessments SET {damage} WHERE content = ?", (b"a".ljust(16, b"\0"),))
    with pytest.raises(StateError, match="damaged"):
        list(shelf.store.search_rows(JUDGE).everything(facts=True))


def test_nothing_is_written_and_no_read_holds_on(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_rows, "PAGE", 2)
    for name in "abcdef":
        shelf.put(name, vector(1))
    database = shelf.store._database
    before = database.connection.total_changes
    rows = shelf.store.search_rows(JUDGE)
    pages = rows.everything(facts=True)
    next(pages)
    assert not database.connection.in_transaction
    list(pages)
    list(rows.waiting(facts=True))
    list(rows.shown([b"a".ljust(16, b"\0")]))
    rows.fitting(stars=Stars(1, 5), below=Path("/"))
    assert database.connection.total_changes == before


def test_a_row_that_is_written_again_meanwhile_is_not_missed(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_rows, "PAGE", 2)
    for name in "abcdef":
        shelf.put(name, vector(1))
    pages = shelf.store.search_rows(JUDGE).everything(facts=False)
    met = list(next(pages).contents)
    with shelf.store.transaction():
        shelf.store.assessments(JUDGE).put_assessment(looked_at(b"f".ljust(16, b"\0"), vector(0, 1), CaptureFacts()))
    met += contents(pages)
    assert {each.rstrip(b"\0") for each in met} == {each.encode() for each in "abcdef"}
