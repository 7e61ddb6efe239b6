"""What every Sidecars keeps to, the one in memory and the one on the disk."""

import os
from pathlib import Path

import pytest

from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarBusy
from safelight.ports import Sidecars
from safelight.sidecars.beside import LEFTOVER_S, SidecarsBeside
from safelight.sidecars.naming import Profile
from tests.fakes.clock import FakeClock
from tests.fakes.sidecars import FakeSidecars

OURS = OurRating(rating=4, score=1.25, reason="Sharp where it matters.", version="0")
OTHER = OurRating(rating=2, score=-0.5, reason="Soft.", version="0")


@pytest.fixture(params=["memory", "disk"])
def sidecars(request: pytest.FixtureRequest) -> Sidecars:
    return FakeSidecars() if request.param == "memory" else SidecarsBeside(profile=Profile.DARKTABLE, clock=FakeClock())


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "a.jpg"
    path.write_bytes(b"picture")
    return path


def write_all(sidecars: Sidecars, image: Path, rating: OurRating) -> list[tuple[Path, bytes | None, bytes]]:
    writes = sidecars.plan([image], rating).writes
    for write in writes:
        sidecars.write(write, image)
    sidecars.flush()
    return [(write.path, write.before, write.digest) for write in writes]


def test_nothing_beside_an_image_is_nobodys_rating(sidecars: Sidecars, image: Path) -> None:
    plan = sidecars.plan([image], OURS)
    assert plan.standing.opinion is Opinion.NONE
    assert [write.path.name for write in plan.writes] == ["a.jpg.xmp"]
    assert plan.writes[0].before is None


def test_what_was_written_is_ours_and_not_written_again(sidecars: Sidecars, image: Path) -> None:
    ((path, _, digest),) = write_all(sidecars, image, OURS)
    again = sidecars.plan([image], OURS)
    assert again.standing.opinion is Opinion.OURS
    assert again.writes == ()
    assert sidecars.holds(path, digest) is not None


def test_a_write_planned_on_other_bytes_is_busy(sidecars: Sidecars, image: Path) -> None:
    (stale,) = sidecars.plan([image], OURS).writes
    write_all(sidecars, image, OTHER)
    with pytest.raises(SidecarBusy):
        sidecars.write(stale, image)


def test_restoring_goes_back_step_by_step_to_nothing(sidecars: Sidecars, image: Path) -> None:
    first = write_all(sidecars, image, OURS)
    second = write_all(sidecars, image, OTHER)
    for path, before, digest in (*second, *first):
        assert sidecars.restore(path, before=before, digest=digest)
    assert sidecars.plan([image], OURS).standing.opinion is Opinion.NONE


def test_what_is_not_ours_any_more_is_not_restored(sidecars: Sidecars, image: Path) -> None:
    ((path, before, digest),) = write_all(sidecars, image, OURS)
    write_all(sidecars, image, OTHER)
    assert not sidecars.restore(path, before=before, digest=digest)
    assert sidecars.holds(path, digest) is None


def test_what_a_killed_run_left_is_swept_once_it_is_old(image: Path) -> None:
    clock = FakeClock()
    fresh, old = (image.with_name(f".safelight-{letter * 32}.tmp") for letter in "ab")
    for path, age_s in ((fresh, 1.0), (old, 2 * LEFTOVER_S)):
        path.write_bytes(b"half a sidecar")
        os.utime(path, (clock.now() - age_s, clock.now() - age_s))
    stranger = image.with_name(".safelight-notes.tmp")
    stranger.write_bytes(b"somebody's")
    SidecarsBeside(profile=Profile.DARKTABLE, clock=clock).plan([image], OURS)
    assert (fresh.exists(), old.exists(), stranger.exists()) == (True, False, True)
