"""RawTherapee, PhotoLab, Capture One and the file manager: what is a person's in their files."""

import pytest

from safelight.errors import SidecarBusy
from safelight.ports import TraceKind
from safelight.sidecars import traces_captureone, traces_dxo, traces_rawtherapee
from tests.adapters.companions import cos, dop, pp3


def said(findings):
    return {each.kind: (each.value, each.confidence) for each in findings}


# --- RawTherapee ----------------------------------------------------------------------------------------------------


def rawtherapee(**sections):
    return said(traces_rawtherapee.findings(pp3(**sections)))


def test_an_untouched_profile_says_nothing():
    assert rawtherapee() == {}


@pytest.mark.parametrize(
    ("rank", "stars"), [("-1", None), ("0", None), ("1", "1"), ("5", "5"), ("6", None), ("x", None)]
)
def test_the_rank_is_a_rating_and_no_edit(rank, stars):
    assert rawtherapee(General={"Rank": rank}) == ({TraceKind.RATING: (stars, 0.95)} if stars else {})


def test_the_trash_mark_is_a_rejection_and_no_edit():
    assert rawtherapee(General={"InTrash": "true"}) == {TraceKind.FLAG: ("-1", 0.95)}


@pytest.mark.parametrize(
    "edit",
    [
        {"Exposure": {"Compensation": "0.33"}},
        {"Exposure": {"Contrast": "-4"}},
        {"Vibrance": {"Enabled": "true"}},
        {"Crop": {"Enabled": "true", "X": "10"}},
        {"Rotation": {"Degree": "-1.25"}},
        {"Coarse_Transformation": {"Rotate": "90"}},
        {"Coarse_Transformation": {"HorizontalFlip": "true"}},
        {"White_Balance": {"Setting": "Custom", "Temperature": "4100"}},
        {"Film_Simulation": {"Enabled": "true", "ClutFilename": "x"}},
        {"Exposure": {"HistogramMatching": "false", "Curve": "1;0;0;0.3;0.4;1;1;"}},
        {"Locallab": {"Enabled": "true"}},
    ],
)
def test_what_no_default_profile_sets_is_an_edit(edit):
    assert list(rawtherapee(**edit)) == [TraceKind.DEVELOP]
    assert rawtherapee(**edit)[TraceKind.DEVELOP][1] == 0.7


@pytest.mark.parametrize(
    "computed",
    [
        {"Exposure": {"CurveFromHistogramMatching": "true", "CurveMode": "FilmLike", "Curve": "4;0;0;0.1;0.2;1;1;"}},
        {"Exposure": {"HistogramMatching": "false", "CurveMode": "FilmLike", "Curve": "1;0;0;0.11;0.09;1;1;"}},
        {"Exposure": {"Auto": "true", "Compensation": "0.7", "Contrast": "12"}},
        {"White_Balance": {"Temperature": "6100", "Green": "0.97"}},
        {"White_Balance": {"Setting": "autitcgreen", "Temperature": "6100"}},
        {"Directional_Pyramid_Denoising": {"Enabled": "true", "Luma": "50"}},
        {"Sharpening": {"Enabled": "true"}},
        {"RAW_Bayer": {"Method": "lmmse"}},
        {"Vibrance": {"Enabled": "false", "Pastels": "30"}},
    ],
)
def test_what_the_program_or_a_bundled_profile_sets_is_no_edit(computed):
    assert rawtherapee(**computed) == {}


def test_a_matched_curve_does_not_look_like_another_edit():
    edit = {"Vibrance": {"Enabled": "true", "Pastels": "20"}}
    later = edit | {"Exposure": {"CurveFromHistogramMatching": "true", "Curve": "4;0;0;0.1;0.2;1;1;"}}
    assert rawtherapee(**edit) == rawtherapee(**later, Version={"AppVersion": "5.10"}, General={"Rank": "0"})
    assert rawtherapee(**edit) != rawtherapee(Vibrance={"Enabled": "true", "Pastels": "25"})


def test_art_profiles_tell_rank_and_trash_only():
    data = pp3(General={"Rank": "4", "InTrash": "true"}, Exposure={"Enabled": "true", "Compensation": "1"})
    found = traces_rawtherapee.marks(data)
    assert [(each.program, each.kind, each.value) for each in found] == [
        ("art", TraceKind.RATING, "4"),
        ("art", TraceKind.FLAG, "-1"),
    ]


@pytest.mark.parametrize("cut", [0, 100, -1])
def test_a_profile_that_breaks_off_is_busy(cut):
    data = pp3(Exposure={"Compensation": "1"})
    with pytest.raises(SidecarBusy):
        traces_rawtherapee.findings(data[:cut].rstrip(b"\n"))


# --- DxO PhotoLab ---------------------------------------------------------------------------------------------------


def dxo(**parts):
    return said(traces_dxo.findings(dop(**parts)))


def test_a_preset_alone_is_no_edit():
    assert dxo() == {}


def test_what_overrides_the_preset_is_an_edit():
    one, other = dxo(overrides="ExposureBias = 0.5,\n"), dxo(overrides="ExposureBias = 0.6,\n")
    assert one[TraceKind.DEVELOP][1] == other[TraceKind.DEVELOP][1] == 0.6
    assert one != other
    assert one == dxo(overrides="ExposureBias = 0.5,\n", base="Sharpness = 3,\n")


def test_lists_inside_the_overrides_count_in_their_order():
    points = [dxo(overrides=f"Curve = {{\n{points}\n}}\n,\n") for points in ("0.1, 0.2,", "0.2, 0.1,")]
    assert points[0] != points[1]


@pytest.mark.parametrize(("rating", "stars"), [(0, None), (1, "1"), (5, "5"), (9, None), ("nil", None)])
def test_photolab_rating_is_read(rating, stars):
    assert dxo(rating=rating) == ({TraceKind.RATING: (stars, 0.95)} if stars else {})


@pytest.mark.parametrize("part", [0.0, 0.2, 0.5, 0.9, 0.97])
def test_a_dop_that_breaks_off_is_busy(part):
    data = dop(rating=3, overrides='Name = "x",\n')
    with pytest.raises(SidecarBusy):
        traces_dxo.findings(data[: int(part * len(data))])


@pytest.mark.parametrize(
    "hostile",
    [
        b"{" * 100_000,
        b"}" * 1000,
        b"Sidecar = os.execute('x')\n",
        b"Sidecar = { Source = { Items = { Rating = 5 } } } }",
        b"\xff\xfe\x00" * 1000,
        b"=" * 1000,
        b", " * 500_000,
    ],
)
def test_hostile_tables_neither_raise_nor_take_long(hostile):
    try:
        found = traces_dxo.findings(hostile)
    except SidecarBusy:
        return
    assert all(each.kind is TraceKind.RATING for each in found)


# --- Capture One ----------------------------------------------------------------------------------------------------


def capture_one(**values):
    return said(traces_captureone.findings(cos(values)))


def test_what_capture_one_finds_out_by_itself_says_nothing():
    assert (
        capture_one(Basic_Rating=0, Basic_ColorTag=0, IccProfile="x", WhiteBalanceTemperature="5200", Exposure=0) == {}
    )


def test_rating_and_colour_tag_are_read():
    found = capture_one(Basic_Rating=5, Basic_ColorTag=4)
    assert found == {TraceKind.RATING: ("5", 0.95), TraceKind.LABEL: ("green", 0.5)}
    assert capture_one(Rating=3, ColorTag=99) == {TraceKind.RATING: ("3", 0.95)}


def test_tools_that_left_0_are_an_edit():
    one, other = capture_one(Exposure="0.3", Contrast=0), capture_one(Exposure="0.4", Contrast=0)
    assert one[TraceKind.DEVELOP][1] == 0.6
    assert one != other
    assert one == capture_one(Exposure="0.3", Contrast=0, Basic_Rating=0, SomeVersion="9")


def test_half_a_cos_is_busy_and_another_document_says_nothing():
    with pytest.raises(SidecarBusy):
        traces_captureone.findings(cos({"Basic_Rating": 5})[:-20])
    assert traces_captureone.findings(b"<html><p>x</p></html>") == ()


def test_entities_are_refused_before_they_are_read():
    bomb = b'<!DOCTYPE x [<!ENTITY a "5"><!ENTITY b "&a;&a;&a;">]><SL><E K="Basic_Rating" V="&b;"/></SL>'
    assert traces_captureone.findings(bomb) == ()
