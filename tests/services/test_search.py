"""Searching: everything that fits is found, whatever is in the vectors and whatever is not, and nothing is written."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.domain.frame import CaptureFacts, Stage
from safelight.domain.nearest import cosines
from safelight.domain.wanted import Stars, Wanted
from safelight.ports.search import NearestVectors
from safelight.services.search import Asked, Found, Search
from safelight.storage.database import open_database
from safelight.storage.store import SqliteStore
from tests.fakes.search import JUDGE, FakeVectors, Shelf, angled, names, vector


@pytest.fixture
def shelf() -> Shelf:
    return Shelf(SqliteStore(open_database(":memory:")))


def unasked() -> NearestVectors:
    raise AssertionError("a small library needs no vectors")


def found(shelf: Shelf, vectors: FakeVectors | None = None, **asked: object) -> Found:
    """Search for what is like vector(1); with `vectors` as in a library that is large enough to need them."""
    search = Search(
        rows=shelf.store.search_rows(JUDGE),
        open_vectors=unasked if vectors is None else lambda: vectors,
        exact_up_to=50_000 if vectors is None else 0,
    )
    return search.find(Asked(**({"query": vector(1), "limit": 20} | asked)))


def indexed(shelf: Shelf, number: int, **more: object) -> FakeVectors:
    """Put so many frames, nearest first, and return the vectors of all of them."""
    vectors = FakeVectors()
    for each in range(number):
        name, embedding = f"{each:04d}.jpg", angled(each * 90 / number)
        shelf.put(name, embedding, indexed=True, stars=1 + each % 5, **more)
        vectors.rows[name.encode().ljust(16, b"\0")] = (embedding, CaptureFacts())
    return vectors


def test_the_nearest_come_first_with_their_cosine(shelf: Shelf) -> None:
    for name, degrees in (("far", 80), ("near", 10), ("between", 60)):
        shelf.put(name, angled(degrees))
    done = found(shelf)
    assert names(done.matches) == ["near", "between", "far"]
    assert [round(each.similarity, 2) for each in done.matches] == [0.98, 0.5, 0.17]
    assert done.searched == 3


def test_the_frame_itself_is_left_out_and_its_copy_is_not(shelf: Shelf) -> None:
    own = shelf.put("own", vector(1), content=b"same content 123")
    shelf.put("copy", vector(1), content=b"same content 123", folder="/elsewhere")
    assert names(found(shelf, but=own).matches) == ["copy"]


def test_a_burst_is_one_row_and_each_frame_with_all(shelf: Shelf) -> None:
    for number in range(3):
        shelf.put(f"burst{number}", angled(10 + number), burst="burst-1", keeper=number == 2)
    shelf.put("lone", angled(30))
    folded = found(shelf)
    assert [(match.shown.path.name, match.more) for match in folded.matches] == [("burst0", 2), ("lone", 0)]
    assert names(found(shelf, every=True).matches) == ["burst0", "burst1", "burst2", "lone"]


def test_the_frames_own_burst_is_told_and_not_shown(shelf: Shelf) -> None:
    own = shelf.put("own", vector(1), burst="burst-1")
    shelf.put("sibling", angled(1), burst="burst-1")
    shelf.put("other", angled(50))
    done = found(shelf, but=own, burst="burst-1")
    assert (names(done.matches), done.own_burst) == (["other"], 1)
    every = found(shelf, but=own, burst="burst-1", every=True)
    assert (names(every.matches), every.own_burst) == (["sibling", "other"], 0)


def test_what_is_gone_is_not_found(shelf: Shelf) -> None:
    shelf.put("gone", angled(1), gone=True)
    shelf.put("there", angled(50))
    assert names(found(shelf).matches) == ["there"]


def test_an_export_is_shown_with_all_only(shelf: Shelf) -> None:
    shelf.put("export", angled(1), stage=Stage.DERIVED)
    shelf.put("there", angled(50))
    assert names(found(shelf).matches) == ["there"]
    assert names(found(shelf, every=True).matches) == ["export", "there"]


@pytest.mark.parametrize("with_vectors", [False, True])
def test_demands_leave_out_what_does_not_fit_and_nothing_else(shelf: Shelf, with_vectors: bool) -> None:
    vectors = indexed(shelf, 300)
    chosen = vectors if with_vectors else None
    five = found(shelf, chosen, wanted=Wanted(stars=Stars(5, 5)), limit=60)
    assert len(five.matches) == 60
    assert {match.shown.stars for match in five.matches} == {5}
    assert names(found(shelf, chosen, wanted=Wanted(camera="none")).matches) == []


def test_demands_on_folders(shelf: Shelf) -> None:
    shelf.put("a", angled(1), folder="/pictures/2026")
    shelf.put("b", angled(2), folder="/pictures/2026/05")
    shelf.put("c", angled(3), folder="/pictures/2026-old")
    assert names(found(shelf, wanted=Wanted(below=Path("/pictures/2026"))).matches) == ["a", "b"]
    assert names(found(shelf, wanted=Wanted(below=Path("/pictures"))).matches) == ["a", "b", "c"]


def test_what_waits_for_the_vectors_is_found_beside_them(shelf: Shelf) -> None:
    vectors = indexed(shelf, 200)
    shelf.put("waits.jpg", angled(0.1))
    shelf.put("waits far.jpg", angled(89.9))
    done = found(shelf, vectors, limit=300)
    assert names(done.matches)[:2] == ["0000.jpg", "waits.jpg"]
    assert names(done.matches)[-1] == "waits far.jpg"
    assert len(done.matches) == 202
    assert not done.trouble


def test_rows_of_yesterday_in_the_vectors_do_not_count(shelf: Shelf) -> None:
    vectors = indexed(shelf, 3)
    vectors.rows[b"forgotten since."] = (vector(1), CaptureFacts())
    with shelf.store.transaction():
        shelf.store.assessments(JUDGE).put_facts(b"0000.jpg".ljust(16, b"\0"), CaptureFacts(camera="New"))
    for row in vectors.rows.values():
        assert row[1].camera is None
    done = found(shelf, vectors, wanted=Wanted(camera="new"))
    assert names(done.matches) == ["0000.jpg"]
    assert names(found(shelf, vectors).matches) == ["0000.jpg", "0001.jpg", "0002.jpg"]


def in_one_burst(shelf: Shelf, ids: range) -> None:
    with shelf.store.transaction():
        for rating in list(shelf.store.ratings.ratings(ids)):
            shelf.store.ratings.put_rating(replace(rating, burst="burst-1"), judge=JUDGE)


def test_more_is_asked_until_there_is_enough(shelf: Shelf) -> None:
    """Of 500 frames the nearest 450 are of one burst: one row. The first page of candidates shows nothing else."""
    vectors = indexed(shelf, 500)
    in_one_burst(shelf, range(1, 451))
    done = found(shelf, vectors, limit=20)
    assert len(done.matches) == 20
    assert done.matches[0].more == 449
    assert len(vectors.asked) > 1


def test_what_waits_and_is_far_takes_no_place_of_what_is_nearer_on_a_later_page(shelf: Shelf) -> None:
    vectors = indexed(shelf, 500)
    in_one_burst(shelf, range(1, 201))
    for number in range(20):
        shelf.put(f"waits {number}", vector(-1))
    assert names(found(shelf, vectors, limit=10).matches) == [
        "0000.jpg",
        *(f"{each:04d}.jpg" for each in range(200, 209)),
    ]


def test_facts_that_the_vectors_still_have_wrong_do_not_count(shelf: Shelf) -> None:
    vectors = indexed(shelf, 3)
    vectors.rows = {each: (row, CaptureFacts(camera="Old")) for each, (row, _) in vectors.rows.items()}
    assert names(found(shelf, vectors, wanted=Wanted(camera="old")).matches) == []


def test_vectors_that_cannot_be_read_are_no_reason_to_find_nothing(shelf: Shelf) -> None:
    vectors = indexed(shelf, 30)
    vectors.fails = 1
    done = found(shelf, vectors)
    assert names(done.matches)[0] == "0000.jpg"
    assert len(done.matches) == 20
    assert "cannot be read" in done.trouble


def test_vectors_that_lost_rows_are_not_trusted(shelf: Shelf) -> None:
    vectors = indexed(shelf, 30)
    del vectors.rows[b"0000.jpg".ljust(16, b"\0")]
    done = found(shelf, vectors)
    assert names(done.matches)[0] == "0000.jpg"
    assert "lost" in done.trouble
    assert vectors.asked == []


def test_what_an_index_overlooks_at_first_is_put_in_its_place(shelf: Shelf) -> None:
    vectors = indexed(shelf, 400)
    vectors.blind, vectors.sees_above = [b"0003.jpg".ljust(16, b"\0")], 300
    done = found(shelf, vectors, limit=200, wanted=Wanted(stars=Stars(2, 5)))
    assert names(done.matches) == sorted(names(done.matches))


def test_a_second_question_does_not_open_the_vectors_again(shelf: Shelf) -> None:
    vectors, opened = indexed(shelf, 5), []
    search = Search(
        rows=shelf.store.search_rows(JUDGE), open_vectors=lambda: opened.append(1) or vectors, exact_up_to=0
    )
    for _ in range(3):
        search.find(Asked(vector(1), 5))
    assert opened == [1]


@settings(max_examples=40)
@given(st.integers(0, 2**32), st.integers(1, 12), st.booleans())
def test_with_and_without_vectors_the_same_is_found(seed: int, limit: int, every: bool) -> None:
    rng = random.Random(seed)
    shelf, vectors = Shelf(SqliteStore(open_database(":memory:"))), FakeVectors()
    for number in range(25):
        embedding = np.array([rng.gauss(0, 1) for _ in range(16)], np.float32)
        embedding = (embedding / np.linalg.norm(embedding)).astype(np.float16).astype(np.float32)
        waits, facts = rng.random() < 0.4, CaptureFacts(camera=rng.choice(["One", "Two", None]))
        shelf.put(
            f"{number}", embedding, facts=facts, stars=rng.randint(1, 5), indexed=not waits,
            burst=rng.choice([None, None, "burst-1"]), gone=rng.random() < 0.1,
            stage=rng.choice([Stage.PUBLISHED, Stage.KEPT, Stage.DERIVED]), given=rng.choice([None, -1, 4]),
        )  # fmt: skip
        if not waits:
            content = f"{number}".encode().ljust(16, b"\0")
            vectors.rows[content] = (embedding / np.linalg.norm(embedding), facts)
    wanted = rng.choice([Wanted(), Wanted(camera="one"), Wanted(stars=Stars(3, 5)), Wanted(stars=Stars(0, 0))])
    asked = {"limit": limit, "wanted": wanted, "every": every}
    one, other = found(shelf, **asked), found(shelf, vectors, **asked)
    assert names(one.matches) == names(other.matches)
    assert not other.trouble
    shelf.store.close()


def test_cosines_of_rows_without_a_direction_are_the_least() -> None:
    rows = np.array([[0.0, 0.0], [np.nan, 1.0], [np.inf, 0.0], [2.0, 0.0], [-3.0, 0.0]], np.float16)
    assert cosines(rows, np.array([0.5, 0.0], np.float32)).tolist() == [-1.0, -1.0, -1.0, 1.0, -1.0]
