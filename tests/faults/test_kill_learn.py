"""Kill -9 while learning or forgetting: no version half-kept, none made twice, nothing forgotten by halves."""

import os
import random
import shutil
import signal
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from safelight import paths
from safelight.app import learning_run, wiring
from safelight.app.settings import Settings
from safelight.domain.entries import Kind
from safelight.storage.store import open_store
from tests.services.studio import Studio

KILLS = 50

Work = Callable[[wiring.Parts], object]


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a state folder in which a person has rated, been learned of once, and gone on rating."""
    state = tmp_path_factory.mktemp("learn") / "state"
    state.mkdir()
    store = open_store(state)
    studio = Studio(store, length=1280, start_s=1_700_000_000.0)
    for number in range(3):
        frames = studio.shoot(f"shoot{number}", range(number * 10, number * 10 + 8))
        studio.rank()
        for place, frame_id in enumerate(frames):
            studio.rate(frame_id, 1 + (place * 7) % 5)
        studio.pass_days(1)
        if number == 0:
            with wiring.writing(settings_of(state)) as parts:
                learning_run.learn(parts)
    store.close()
    return state


def settings_of(state: Path) -> Settings:
    return Settings(state=state, models=state / "models")


def started(state: Path, work: Work) -> int:
    """Let a process of its own do some work with a state folder; return its id."""
    child = os.fork()
    if child:
        return child
    status = 1
    try:
        with wiring.writing(settings_of(state)) as parts:
            work(parts)
        status = 0
    finally:
        os._exit(status)


def killed(state: Path, work: Work, after_s: float) -> None:
    child = started(state, work)
    time.sleep(after_s)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)


def finish(state: Path, work: Work) -> None:
    with wiring.writing(settings_of(state)) as parts:
        work(parts)


def kept(state: Path) -> tuple[list[tuple[int, str]], list[str], int]:
    """Return the versions that are kept, the digests that the journal tells of, and how many facts there are."""
    store = open_store(state)
    versions = [(each.version, each.digest) for each in store.tastes.versions()]
    told = [str(entry.payload["digest"]) for entry in store.journal.entries(Kind.TASTE_LEARNED)]
    facts = Counter(entry.kind for entry in store.journal.entries())
    store.close()
    return versions, told, facts[Kind.PERSON_RATED]


def learn(parts: wiring.Parts) -> object:
    return learning_run.learn(parts)


def forget(parts: wiring.Parts) -> object:
    service = learning_run.forgetting(parts)
    service.step(service.find("/pictures/shoot1", path=Path("/pictures/shoot1")))
    return learning_run.learn(parts)


@pytest.mark.parametrize("work", [learn, forget], ids=["learn", "forget"])
def test_whatever_a_kill_leaves_the_next_run_ends_as_if_nothing_had_happened(
    prepared: Path, tmp_path: Path, work: Work
) -> None:
    shutil.copytree(prepared, tmp_path / "calm")
    begun = time.monotonic()
    assert os.waitpid(started(tmp_path / "calm", work), 0)[1] == 0
    whole_s = time.monotonic() - begun
    expected = kept(tmp_path / "calm")
    assert len(expected[1]) >= 2

    chance = random.Random(20261121)
    for number in range(KILLS // 2):
        state = tmp_path / f"state{number}"
        shutil.copytree(prepared, state)
        killed(state, work, chance.uniform(0, 1.1) * whole_s)
        finish(state, work)
        versions, told, facts = kept(state)
        assert (versions[-1][1], facts) == (expected[0][-1][1], expected[2])
        assert [digest for _, digest in versions] == told, "each version has its entry, and each entry its version"
        assert len(versions) == len(expected[0])
        if work is forget:
            assert b"shoot1" not in paths.catalog_file(state).read_bytes()
        shutil.rmtree(state)
