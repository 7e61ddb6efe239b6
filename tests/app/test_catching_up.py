"""How far the bundle in use has come, told of the very version that is installed, and what `status` says of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from safelight.app import bundle_word, wiring
from safelight.app.bundle_in_use import ids_of, installed, read_in_use
from safelight.app.bundle_word import Word
from safelight.app.catching_up import standing
from safelight.app.settings import Settings
from safelight.app.wiring import Parts
from safelight.cli import models_catching_up
from safelight.cli import standing as status
from safelight.domain.judges import LEAST_FRAMES, beside
from tests.fakes.bundles import NAME, tiny_bundle
from tests.fakes.search import Shelf, vector

EMBEDDED = "embedded:000000000000:fp32/m1"
OTHER = f"{NAME}:000000000000:int8"


@pytest.fixture
def parts(tmp_path: Path) -> Iterator[Parts]:
    settings = Settings(state=tmp_path / "state", models=tmp_path / "models", bundles=tmp_path / "bundles", bundle=NAME)
    tiny_bundle(settings.bundles)
    with wiring.reading(settings) as opened:
        yield opened


def own(parts: Parts) -> str:
    """Return the judge that looks with what is installed, on the processor."""
    return beside(ids_of(installed(parts.settings))[0], EMBEDDED)


def seen(parts: Parts, judge: str, photographs: range) -> None:
    """Let the embedded bundle and a judge see these."""
    for each in (EMBEDDED, judge):
        shelf = Shelf(parts.store, judge=each)
        for number in photographs:
            shelf.put(f"{number}.jpg", vector(1))


def away(parts: Parts, judge: str, photographs: range) -> None:
    """Let the embedded bundle have seen these, which the judge cannot reach."""
    shelf = Shelf(parts.store, judge=EMBEDDED)
    frames = [parts.store.catalog.frame(shelf.put(f"{number}.jpg", vector(1))) for number in photographs]
    with parts.store.transaction():
        for frame in frames:
            parts.store.successions.pass_over(frame.content or b"", judge, "Away.", passing=True)


def took_over(parts: Parts, judge: str) -> None:
    with parts.store.transaction():
        parts.store._database.connection.execute("INSERT INTO successions VALUES (?, 0, '', '')", (judge,))


def leave_word(parts: Parts, word: Word) -> None:
    loaded = bundle_word.copies(parts.settings)
    parts.store.memos.put(bundle_word.MEMO, bundle_word.written(word, parts.settings, loaded))


def told(parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """Return what `status` says."""
    environ = {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path)}
    assert status.run(settings=parts.settings, environ=environ, as_json=False) == 0
    return capsys.readouterr().out


def test_a_version_that_has_seen_nothing_does_not_pass_for_the_one_before(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = beside(OTHER, EMBEDDED)
    seen(parts, before, range(3))
    took_over(parts, before)
    found = standing(parts)
    assert (found.seen, found.unseen, found.judges, found.fails) == (0, 3, False, False)
    assert f"{NAME} gets to know the library, with 3 photographs left; embedded judges" in told(parts, tmp_path, capsys)


def test_a_version_that_is_back_is_told_of_and_not_the_one_that_looked_last(parts: Parts) -> None:
    seen(parts, own(parts), range(3))
    took_over(parts, own(parts))
    Shelf(parts.store, judge=beside(OTHER, EMBEDDED)).put("0.jpg", vector(1))
    found = standing(parts)
    assert (found.seen, found.unseen, found.judges) == (3, 0, True)


def test_of_a_bundle_that_is_missing_its_name_tells(parts: Parts) -> None:
    seen(parts, own(parts), range(3))
    took_over(parts, own(parts))
    gone = replace(parts, settings=replace(parts.settings, bundles=parts.settings.bundles / "away"))
    found = standing(gone)
    assert (found.seen, found.unseen, found.judges, found.fails) == (3, 0, False, True)
    assert "is not installed" in found.trouble


def test_a_bundle_that_could_not_be_loaded_does_not_judge(parts: Parts) -> None:
    seen(parts, own(parts), range(3))
    took_over(parts, own(parts))
    leave_word(parts, Word(of_bundle="It is damaged.", fails=True))
    found = standing(parts)
    assert (found.judges, found.fails, found.trouble) == (False, True, "It is damaged.")
    assert models_catching_up.told(found) == f"It is damaged.\nembedded judges in place of {NAME}."


@pytest.fixture
def both(parts: Parts) -> tuple[str, str]:
    """Return the judges of a bundle with a file for each: by processor, by GPU."""
    cpu, gpu = ids_of(installed(parts.settings))
    assert (cpu[-4:], gpu[-4:]) == ("int8", "fp32")
    return beside(cpu, EMBEDDED), beside(gpu, EMBEDDED)


def test_what_a_gpu_saw_is_not_what_the_processor_saw(parts: Parts, both: tuple[str, str]) -> None:
    seen(parts, both[1], range(3))
    assert standing(parts).seen == 3  # nobody knows yet what it runs on
    leave_word(parts, Word(provider="cpu: No GPU."))
    assert (standing(parts).seen, standing(parts).unseen) == (0, 3)
    leave_word(parts, Word(provider="cuda: A GPU."))
    assert (standing(parts).seen, standing(parts).unseen) == (3, 0)
    assert standing(replace(parts, settings=replace(parts.settings, accelerator="cpu"))).seen == 0


def test_both_files_are_the_bundle_that_is_installed(parts: Parts, both: tuple[str, str]) -> None:
    in_use = read_in_use(parts.settings)
    assert all(in_use.looked(judge) for judge in both)
    assert not in_use.looked(beside(OTHER, EMBEDDED))
    assert not in_use.looked(EMBEDDED)


def test_status_tells_of_photographs_that_are_away_while_too_few_were_seen(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen(parts, own(parts), range(3))
    away(parts, own(parts), range(3, 8))
    said = told(parts, tmp_path, capsys)
    assert f"{NAME} has seen 3 photographs; embedded judges until there are {LEAST_FRAMES}." in said
    assert "5 photographs that cannot be reached now" in said


def test_status_says_what_to_do_when_the_taking_over_was_broken_off(
    parts: Parts, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen(parts, own(parts), range(LEAST_FRAMES))
    said = told(parts, tmp_path, capsys)
    assert f"has seen {LEAST_FRAMES} photographs, and does not judge yet; embedded does." in said
    assert "'safelight models catch-up' lets it take over" in said
