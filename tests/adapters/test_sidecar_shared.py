"""Sidecars that real programs wrote take a rating, lose nothing, and are read back by other programs."""

import re
import shutil
import subprocess

import pytest

from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarBusy
from safelight.sidecars.facts import decide
from safelight.sidecars.files import load
from safelight.sidecars.writer import apply, digest, plan, undo
from safelight.sidecars.xmp import merge, read
from tests.adapters.test_xmp_splice_property import others

RATING = OurRating(4, 0.7312, "Sharpest of 5", "0.1.0")

# Not well-formed: these hold no rating that could be lost, and are left as they are.
LEFT = {
    "exiftool_XMP2.xmp": SidecarBusy,
    "exiv2_coverage_xmpsidecar_isXmpType.xmp": SidecarBusy,
    "exiv2_issue_1821_poc.xmp": SidecarBusy,
}


@pytest.fixture(scope="module")
def sidecars(shared_data):
    found = {path.name: path.read_bytes() for path in sorted((shared_data / "xmp").glob("*.xmp"))}
    assert len(found) > 50
    return found


@pytest.fixture(scope="module")
def rated(sidecars):
    return {name: merge(data, RATING) for name, data in sidecars.items() if name not in LEFT}


def test_every_real_sidecar_takes_a_rating_and_nothing_else_changes(sidecars, rated):
    for name, data in rated.items():
        facts = read(data)
        assert facts.rating == 4, name
        assert decide(facts) is Opinion.OURS, name
        assert others(data) == others(sidecars[name]), name
        assert merge(data, RATING) is data, name


def test_few_lines_of_real_sidecars_change(sidecars, rated):
    for name, data in rated.items():
        before, after = sidecars[name].split(b"\n"), data.split(b"\n")
        kept = sum(1 for line in before if line in after)
        assert len(before) - kept <= 2, name
        assert len(after) - len(before) <= 9, name


def test_what_cannot_be_edited_is_left(sidecars):
    for name, error in LEFT.items():
        with pytest.raises(error):
            merge(sidecars[name], RATING)


def test_real_sidecars_are_written_and_restored(sidecars, tmp_path):
    written = 0
    for name, data in sidecars.items():
        path = tmp_path / name
        path.write_bytes(data)
        if name in LEFT or plan([load(path)], RATING).opinion is Opinion.PERSON:
            continue
        for write in plan([load(path)], RATING).writes:
            proof = apply(write)
            assert digest(path.read_bytes()) == proof.digest
            assert undo(path, write.before, proof.digest)
            written += 1
        assert path.read_bytes() == data
    assert written > 20


# No packet and blanks in front, or UTF-16 with a garbled mark: the readers see no XMP in them, changed or not.
NOT_FOR_READERS = ("exiv2_xmpsdk.xmp", "immich_2000.xmp", "immich_2010.xmp", "immich_2020.xmp")


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
def test_exiftool_reads_every_rating_and_all_our_facts(rated, tmp_path):
    for name, data in {**rated, "new.xmp": merge(None, RATING)}.items():
        (tmp_path / name).write_bytes(data)
    command = ["exiftool", "-q", "-T", "-FileName", "-XMP-xmp:Rating", "-XMP:Reason", "-Error", str(tmp_path)]
    lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    seen = {line.split("\t")[0]: line.split("\t")[1:] for line in lines}
    assert set(seen) == {*rated, "new.xmp"}
    for name in NOT_FOR_READERS:
        del seen[name]
    wrong = {name: row for name, row in seen.items() if row != ["4", "Sharpest of 5", "-"]}
    assert wrong == {}


@pytest.mark.skipif(shutil.which("exiv2") is None, reason="exiv2 is not installed")
def test_exiv2_reads_every_rating_of_a_sidecar_it_could_read_before(sidecars, rated, tmp_path):
    """exiv2 is also the reader inside darktable and digiKam."""
    looked_at = 0
    for name, data in {**rated, "new.xmp": merge(None, RATING)}.items():
        path = tmp_path / name
        path.write_bytes(sidecars.get(name, data))
        known = facts_by_exiv2(path)
        if not known:
            continue
        path.write_bytes(data)
        rows = facts_by_exiv2(path)
        assert rows["Xmp.xmp.Rating"] == "4", name
        lost = {fact for fact in known.items() - rows.items() if fact[0] != "Xmp.xmp.Rating"}
        assert lost == set(), name
        assert rows["Xmp.safelight.reason"] == "Sharpest of 5", name
        looked_at += 1
    assert looked_at > 50


def facts_by_exiv2(path):
    """What exiv2 reads, first line of each fact; nothing where it rejects the sidecar."""
    command = ["exiv2", "-q", "-PXkv", "pr", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=False, errors="replace").stdout
    return dict(re.findall(r"^(Xmp\.\S+) *(.*)$", text, re.MULTILINE))
