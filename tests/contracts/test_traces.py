"""What every Traces keeps to, the one in memory and the one on the disk."""

from pathlib import Path

import pytest

from safelight.ports import TraceKind, Traces
from safelight.sidecars.traces import TracesBeside
from tests.adapters.companions import AUTOMATIC, EDITED, xmp
from tests.fakes.clock import FakeClock
from tests.fakes.traces import FakeTraces


class Memory:
    def __init__(self) -> None:
        self.port: Traces = (fake := FakeTraces())
        self.fake = fake

    def rate(self, image: Path, stars: int) -> None:
        self.fake.leave(image, TraceKind.RATING, str(stars))

    def develop(self, image: Path) -> None:
        self.fake.leave(image, TraceKind.DEVELOP, "cccc")

    def take_back(self, image: Path) -> None:
        self.fake.take_back(image, TraceKind.DEVELOP)

    def half_write(self, image: Path) -> None:
        self.fake.busy.add(image)


class Disk:
    def __init__(self) -> None:
        self.port: Traces = TracesBeside(clock=FakeClock(0.0))

    def rate(self, image: Path, stars: int) -> None:
        self._write(image, {"xmp:Rating": stars, **AUTOMATIC})

    def develop(self, image: Path) -> None:
        self._write(image, {"xmp:Rating": 0, **EDITED})

    def take_back(self, image: Path) -> None:
        self._write(image, AUTOMATIC)

    def half_write(self, image: Path) -> None:
        path = companion(image)
        path.write_bytes(xmp()[:50])
        self.port = TracesBeside(clock=FakeClock(path.stat().st_mtime))

    def _write(self, image: Path, properties: dict[str, object]) -> None:
        companion(image).write_bytes(xmp(properties))


def companion(image: Path) -> Path:
    return image.with_name(image.name + ".xmp")


@pytest.fixture(params=[Memory, Disk], ids=["memory", "disk"])
def person(request):
    return request.param()


@pytest.fixture
def image(tmp_path):
    return tmp_path / "a.nef"


def read(person, image):
    return person.port.read([image], [companion(image)])


def test_nothing_beside_a_picture_says_nothing(person, image):
    reading = read(person, image)
    assert (reading.traces, dict(reading.files), reading.busy) == ((), {}, False)


def test_a_rating_is_a_trace_of_its_program_and_file(person, image):
    person.rate(image, 5)
    reading = read(person, image)
    (trace,) = reading.traces
    assert (trace.program, trace.kind, trace.value, trace.confidence) == ("darktable", TraceKind.RATING, "5", 0.95)
    assert trace.path == companion(image)
    assert set(reading.files) == {companion(image)}


def test_an_edit_is_a_trace_until_it_is_taken_back(person, image):
    person.develop(image)
    (trace,) = read(person, image).traces
    assert (trace.kind, trace.value, trace.confidence) == (TraceKind.DEVELOP, "cccc", 0.9)
    person.take_back(image)
    assert read(person, image).traces == ()


def test_reading_again_gives_the_same(person, image):
    person.rate(image, 2)
    assert read(person, image) == read(person, image)


def test_a_half_written_companion_makes_the_reading_busy(person, image):
    person.half_write(image)
    reading = read(person, image)
    assert (reading.busy, reading.traces) == (True, ())
