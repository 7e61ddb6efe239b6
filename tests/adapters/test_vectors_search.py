"""Finding the nearest in LanceDB: with an index and without, beside a writer, and whatever happens to the files."""

import shutil
import threading
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from safelight.domain.frame import CaptureFacts
from safelight.domain.records import Assessment
from safelight.domain.wanted import Wanted
from safelight.errors import StateError
from safelight.storage import vectors_reading
from safelight.storage.vectors import Vectors
from safelight.storage.vectors_index import MOST_PARTS, condition_of
from safelight.storage.vectors_reading import VectorsReader
from tests.fakes.search import looked_at

LENGTH = 64
JUDGE = "judge/m1"
ANY = Wanted()


def pictures(number: int, seed: int = 0) -> NDArray[np.float32]:
    """Return vectors in a few dozen clusters, as embeddings of photographs are."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, LENGTH))
    made = centres[rng.integers(0, 40, number)] + 0.6 * rng.normal(size=(number, LENGTH))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float16).astype(np.float32)


def row(number: int, embedding: NDArray[np.float32], **facts: object) -> Assessment:
    return looked_at(number.to_bytes(16, "big"), embedding, CaptureFacts(**facts), JUDGE)


def rows(embeddings: NDArray[np.float32], start: int = 0) -> list[Assessment]:
    return [row(number, each) for number, each in enumerate(embeddings, start=start)]


def writer(folder: Path, *, indexed_from: int = 1_000_000) -> Vectors:
    return Vectors(folder, judge=JUDGE, length=LENGTH, indexed_from=indexed_from)


def nearest(reader: VectorsReader, query: NDArray[np.float32], limit: int, wanted: Wanted = ANY) -> list[int]:
    return [int.from_bytes(each.content, "big") for each in reader.nearest(query, limit=limit, wanted=wanted)]


def exact(embeddings: NDArray[np.float32], query: NDArray[np.float32], limit: int) -> list[int]:
    return np.argsort(-(embeddings @ query), kind="stable")[:limit].tolist()


def recall(reader: VectorsReader, embeddings: NDArray[np.float32], limit: int, queries: range) -> float:
    found = [
        set(nearest(reader, embeddings[each], limit)) & set(exact(embeddings, embeddings[each], limit))
        for each in queries
    ]
    return sum(map(len, found)) / (limit * len(queries))


def parts(vectors: Vectors) -> int | None:
    """Return of how many parts the index is, None without one."""
    found = [vectors._table.index_stats(each.name) for each in vectors._table.list_indices()]
    return found[0].num_indices if found else None


def tree(folder: Path) -> dict[Path, tuple[int, int]]:
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in folder.rglob("*")}


def test_without_an_index_the_nearest_are_exact(tmp_path: Path) -> None:
    embeddings = pictures(600)
    vectors = writer(tmp_path)
    vectors.put(rows(embeddings))
    vectors.compact()
    reader = VectorsReader(tmp_path, judge=JUDGE)
    assert parts(vectors) is None
    assert reader.count() == 600
    assert recall(reader, embeddings, 10, range(0, 600, 60)) == 1.0
    (near,) = reader.nearest(embeddings[7], limit=1, wanted=ANY)
    assert abs(near.similarity - 1.0) < 1e-3


def test_with_an_index_hardly_any_is_missed_and_what_came_since_is_found(tmp_path: Path) -> None:
    embeddings = pictures(5000)
    vectors = writer(tmp_path, indexed_from=4000)
    vectors.put(rows(embeddings[:4000]))
    vectors.compact()
    assert parts(vectors) == 1
    vectors.put(rows(embeddings[4000:], start=4000))
    reader = VectorsReader(tmp_path, judge=JUDGE)
    assert reader.count() == 5000
    assert recall(reader, embeddings, 10, range(0, 5000, 100)) >= 0.95
    assert all(nearest(reader, embeddings[each], 1) == [each] for each in range(4000, 5000, 50))
    vectors.compact()
    assert recall(VectorsReader(tmp_path, judge=JUDGE), embeddings, 50, range(0, 5000, 100)) >= 0.95


def test_a_row_that_is_written_again_is_found_as_it_is_now_and_once(tmp_path: Path) -> None:
    embeddings = pictures(1500)
    vectors = writer(tmp_path, indexed_from=1000)
    vectors.put(rows(embeddings))
    vectors.compact()
    vectors.put([row(3, embeddings[900])])
    for _ in range(2):
        near = VectorsReader(tmp_path, judge=JUDGE).nearest(embeddings[900], limit=1500, wanted=ANY)
        assert {int.from_bytes(each.content, "big") for each in near[:2]} == {3, 900}
        assert len({each.content for each in near}) == len(near) == 1500
        vectors.compact()


def test_an_index_of_many_parts_is_built_anew_as_one(tmp_path: Path) -> None:
    embeddings = pictures(1200 + 20 * 50)
    vectors = writer(tmp_path, indexed_from=1000)
    vectors.put(rows(embeddings[:1200]))
    seen = []
    for start in range(1200, 1200 + 16 * 50, 50):
        vectors.put(rows(embeddings[start : start + 50], start=start))
        vectors.compact()
        seen.append(parts(vectors) or 0)
    assert max(seen) <= MOST_PARTS + 1
    assert min(seen[5:]) < max(seen)
    known = embeddings[: 1200 + 16 * 50]
    assert recall(VectorsReader(tmp_path, judge=JUDGE), known, 10, range(0, len(known), 40)) >= 0.95


def test_capture_facts_choose_among_the_nearest(tmp_path: Path) -> None:
    embeddings = pictures(1500)
    made = [
        row(number, each, taken_s=float(number), make="Maker", camera=f"Model {number % 7}", lens="50mm")
        for number, each in enumerate(embeddings)
    ]
    vectors = writer(tmp_path, indexed_from=1000)
    vectors.put([*made, row(9999, embeddings[0])])
    vectors.compact()
    reader = VectorsReader(tmp_path, judge=JUDGE)
    for wanted in (
        Wanted(camera="maker 3"), Wanted(since_s=1400.0), Wanted(until_s=20.0), Wanted(lens="50"),
        Wanted(since_s=100.0, until_s=900.0, camera="model 6", lens="MM"),
    ):  # fmt: skip
        fitting = {int.from_bytes(each.content, "big") for each in made if wanted.facts_fit(each.facts)}
        assert set(nearest(reader, embeddings[0], 5000, wanted)) == fitting
        assert len(nearest(reader, embeddings[0], 10, wanted)) == 10
    assert nearest(reader, embeddings[0], 10, Wanted(camera="none")) == []


NASTY = [
    "it's",
    "100%",
    "under_score",
    "back\\slash",
    'quo"te',
    "nul\0nul",
    "new\nline",
    "--",
    "';",
    "Ä",
    "ß",
    "İ",
    "(",
    "?",
]
texts = st.lists(st.sampled_from([*NASTY, "a", "R5", " "]), min_size=1, max_size=4).map("".join)


@pytest.fixture(scope="module")
def of_names(tmp_path_factory: pytest.TempPathFactory) -> tuple[VectorsReader, list[str]]:
    """Return vectors of cameras with names that no camera should have."""
    folder = tmp_path_factory.mktemp("names")
    names = [*NASTY, *(one + other for one in NASTY for other in NASTY), "a", "R5 a", "canon r5", "O'R5%"]
    embeddings = pictures(len(names))
    writer(folder).put([row(number, embeddings[number], camera=name) for number, name in enumerate(names)])
    return VectorsReader(folder, judge=JUDGE), names


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked=texts.filter(str.strip) | st.text(min_size=1, max_size=5).filter(lambda text: bool(text.split())))
def test_no_text_means_anything_but_itself(of_names: tuple[VectorsReader, list[str]], asked: str) -> None:
    reader, names = of_names
    wanted = Wanted(camera=asked)
    found = {names[each] for each in nearest(reader, pictures(1)[0], 10_000, wanted)}
    assert found == {name for name in names if wanted.facts_fit(CaptureFacts(camera=name))}


def test_a_text_that_is_no_unicode_is_told_in_a_sentence(of_names: tuple[VectorsReader, list[str]]) -> None:
    with pytest.raises(StateError, match="cannot be read"):
        of_names[0].nearest(pictures(1)[0], limit=5, wanted=Wanted(camera="\udcff"))


def test_nothing_asked_is_no_condition() -> None:
    assert condition_of(ANY) is None


def test_a_search_writes_nothing(tmp_path: Path) -> None:
    vectors = writer(tmp_path, indexed_from=500)
    vectors.put(rows(pictures(600)))
    vectors.compact()
    before = tree(tmp_path)
    reader = VectorsReader(tmp_path, judge=JUDGE)
    reader.count()
    nearest(reader, pictures(1)[0], 5, Wanted(camera="x"))
    assert tree(tmp_path) == before


def test_without_a_table_there_is_a_sentence_and_no_folder(tmp_path: Path) -> None:
    for folder in (tmp_path / "none", tmp_path):
        with pytest.raises(StateError, match="cannot be read just now") as told:
            VectorsReader(folder, judge=JUDGE).count()
        assert told.value.hint
    assert list(tmp_path.iterdir()) == []


def test_what_was_written_since_the_table_was_opened_is_found(tmp_path: Path) -> None:
    embeddings = pictures(900)
    vectors = writer(tmp_path, indexed_from=500)
    vectors.put(rows(embeddings[:600]))
    vectors.compact()
    reader = VectorsReader(tmp_path, judge=JUDGE)
    assert reader.count() == 600
    vectors.put(rows(embeddings[600:700], start=600))
    assert nearest(reader, embeddings[650], 1) == [650]
    vectors.put(rows(embeddings[700:], start=700))
    vectors.compact()
    assert reader.count() == 900
    assert nearest(reader, embeddings[800], 1) == [800]


def test_a_table_that_was_made_anew_is_opened_anew(tmp_path: Path) -> None:
    embeddings = pictures(600)
    vectors = writer(tmp_path, indexed_from=500)
    vectors.put(rows(embeddings))
    vectors.compact()
    reader = VectorsReader(tmp_path, judge=JUDGE)
    assert nearest(reader, embeddings[3], 1) == [3]
    shutil.rmtree(tmp_path)
    writer(tmp_path).put(rows(embeddings[10:20], start=10))
    assert nearest(reader, embeddings[13], 1) == [13]
    assert reader.count() == 10


class Broken:
    """A table whose files have gone."""

    def count_rows(self) -> int:
        raise RuntimeError("lance error: Not found")


@pytest.mark.parametrize("broken, opened", [(1, 2), (2, 2)])
def test_a_question_that_fails_is_asked_once_more_of_a_table_opened_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: int, opened: int
) -> None:
    writer(tmp_path).put(rows(pictures(5)))
    real, tables = vectors_reading.opened_table, []

    def opening(*where: object, **how: int) -> object:
        tables.append(Broken() if len(tables) < broken else real(*where, **how))
        return tables[-1]

    monkeypatch.setattr(vectors_reading, "opened_table", opening)
    reader = VectorsReader(tmp_path, judge=JUDGE)
    if broken == 1:
        assert reader.count() == reader.count() == 5
    else:
        with pytest.raises(StateError):
            reader.count()
    assert len(tables) == opened


def test_a_folder_that_is_removed_in_the_middle_is_told_in_a_sentence(tmp_path: Path) -> None:
    embeddings = pictures(600)
    vectors = writer(tmp_path / "vectors", indexed_from=500)
    vectors.put(rows(embeddings))
    vectors.compact()
    reader = VectorsReader(tmp_path / "vectors", judge=JUDGE)
    reader.count()
    shutil.rmtree(tmp_path / "vectors")
    with pytest.raises(StateError, match="cannot be read just now"):
        nearest(reader, embeddings[0], 5)
    assert not (tmp_path / "vectors").exists()


@pytest.mark.parametrize("damage", [b"", b"\0" * 500, b"LANC"])
@pytest.mark.parametrize("pattern", ["_versions/*.manifest", "data/*.lance", "_indices/*/*"])
def test_torn_files_are_told_in_a_sentence_and_left_to_their_owner(tmp_path: Path, pattern: str, damage: bytes) -> None:
    vectors = writer(tmp_path, indexed_from=500)
    vectors.put(rows(pictures(600)))
    vectors.compact()
    torn = [path for path in tmp_path.glob(f"*.lance/{pattern}") if path.is_file()]
    assert torn
    for path in torn:
        path.write_bytes(damage)
    before = tree(tmp_path)
    with pytest.raises(StateError, match="cannot be read just now"):
        nearest(VectorsReader(tmp_path, judge=JUDGE), pictures(1)[0], 5)
    assert tree(tmp_path) == before


def test_a_search_beside_a_writer_always_answers(tmp_path: Path) -> None:
    embeddings = pictures(2000)
    vectors = writer(tmp_path, indexed_from=700)
    vectors.put(rows(embeddings[:800]))
    vectors.compact()
    stop, ended_well = threading.Event(), threading.Event()

    def write() -> None:
        try:
            for start in range(800, 1700, 60):
                vectors.put(rows(embeddings[start : start + 60], start=start))
                vectors.compact()
            ended_well.set()
        finally:
            stop.set()

    thread = threading.Thread(target=write)
    thread.start()
    answers = []
    reader = VectorsReader(tmp_path, judge=JUDGE)
    while not stop.is_set():
        with suppress(StateError):  # twice in a row the files went away under it: the catalog answers then
            answers.append(nearest(reader, embeddings[5], 1))
    thread.join()
    assert ended_well.is_set()
    assert answers
    assert all(answer == [5] for answer in answers)
    assert nearest(reader, embeddings[1650], 1) == [1650]
