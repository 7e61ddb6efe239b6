"""What an XMP sidecar says is taken for a person's word only where a person must stand behind it."""

import pytest

from safelight.domain.opinion import OurRating
from safelight.ports import TraceKind
from safelight.sidecars import traces_xmp, xmp
from safelight.sidecars.traces_xmp import findings
from tests.adapters.companions import AUTOMATIC, EDITED
from tests.adapters.companions import xmp as sidecar


def told(data, kind=None):
    """Return {kind: (program, value, confidence)} of a sidecar, or one of them."""
    by_kind = {each.kind: (each.program, each.value, each.confidence) for each in findings(xmp.parse(data))}
    return by_kind.get(kind) if kind else by_kind


# --- ratings --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stars", ["-1", "1", "2", "5", "5.0"])
def test_a_rating_without_ours_is_a_persons(stars):
    value = str(int(float(stars)))
    assert told(sidecar({"xmp:Rating": stars})) == {TraceKind.RATING: ("xmp", value, 0.95)}


def test_our_own_rating_is_no_trace():
    assert told(xmp.merge(None, OurRating(4, 0.5, "Sharp.", "1"))) == {}


def test_a_rating_that_differs_from_ours_is_a_persons():
    assert told(sidecar({"xmp:Rating": 2}, rating=4), TraceKind.RATING) == ("xmp", "2", 0.95)


@pytest.mark.parametrize("cleared", [{"xmp:Rating": 0}, {"xmp:Rating": ""}, {}])
def test_our_stars_that_were_cleared_are_told_as_cleared(cleared):
    assert told(sidecar(cleared, rating=4), TraceKind.RATING) == ("xmp", "", 0.95)


@pytest.mark.parametrize("nothing", [{"xmp:Rating": 0}, {"xmp:Rating": "0.0"}, {}])
def test_in_camera_0_is_no_opinion(nothing):
    assert told(sidecar(nothing)) == {}


def test_darktable_import_default_of_one_star_is_no_trace():
    assert told(sidecar({"xmp:Rating": 1, **AUTOMATIC})) == {}


def test_one_star_beside_a_darktable_edit_is_no_rating_but_an_edit():
    # The picture was edited and nobody took the default star away; to call it rated low would teach the opposite.
    assert told(sidecar({"xmp:Rating": 1, **EDITED})) == {TraceKind.DEVELOP: ("darktable", "cccc", 0.9)}


def test_darktable_writing_its_default_star_over_ours_with_an_edit_is_no_rating():
    found = told(sidecar({"xmp:Rating": 1, **EDITED}, rating=4))
    assert found == {TraceKind.DEVELOP: ("darktable", "cccc", 0.9)}


def test_darktable_changing_ours_to_one_star_without_an_edit_is_weak():
    assert told(sidecar({"xmp:Rating": 1, **AUTOMATIC}, rating=4)) == {TraceKind.RATING: ("darktable", "1", 0.3)}


def test_other_ratings_in_darktable_are_a_persons():
    assert told(sidecar({"xmp:Rating": 2, **AUTOMATIC}, rating=4), TraceKind.RATING) == ("darktable", "2", 0.95)
    assert told(sidecar({"xmp:Rating": 3, **AUTOMATIC})) == {TraceKind.RATING: ("darktable", "3", 0.95)}


def test_darktable_reject_is_a_rating_of_minus_one():
    assert told(sidecar({"xmp:Rating": -1, **AUTOMATIC})) == {TraceKind.RATING: ("darktable", "-1", 0.95)}


@pytest.mark.parametrize("unclear", ["good", "6", "4.5"])
def test_a_rating_that_cannot_be_read_is_weak_and_has_no_number(unclear):
    assert told(sidecar({"xmp:Rating": unclear})) == {TraceKind.RATING: ("xmp", "", 0.3)}


def test_a_damaged_copy_of_ours_makes_the_rating_weak():
    assert told(sidecar({"xmp:Rating": 3}, rating="x")) == {TraceKind.RATING: ("xmp", "3", 0.3)}


@pytest.mark.parametrize(
    ("other", "stars"),
    [
        ({"acdsee:rating": 4}, "4"),
        ({"MicrosoftPhoto:Rating": 75}, "4"),
        ({"MicrosoftPhoto:Rating": 99}, "5"),
        ({"MicrosoftPhoto:Rating": 1}, "1"),
        ({"acdsee:rating": 0, "MicrosoftPhoto:Rating": 25}, "2"),
    ],
)
def test_stars_in_another_vocabulary_count_where_there_is_no_xmp_rating(other, stars):
    assert told(sidecar(other)) == {TraceKind.RATING: ("xmp", stars, 0.95)}


def test_stars_in_another_vocabulary_beside_ours_are_not_looked_at():
    assert told(sidecar({"xmp:Rating": 4, "acdsee:rating": 2}, rating=4)) == {}


# --- flags and labels -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("property_", "flag"),
    [
        ({"xmpDM:pick": 1}, "1"),
        ({"xmpDM:pick": -1}, "-1"),
        ({"digiKam:PickLabel": 1}, "-1"),
        ({"digiKam:PickLabel": 3}, "1"),
    ],
)
def test_flags_are_read(property_, flag):
    assert told(sidecar(property_), TraceKind.FLAG)[1:] == (flag, 0.95)


@pytest.mark.parametrize("property_", [{"xmpDM:pick": 0}, {"digiKam:PickLabel": 0}, {"digiKam:PickLabel": 2}])
def test_no_flag_and_a_pending_one_are_no_trace(property_):
    assert told(sidecar(property_)) == {}


COLOURS = "<darktable:colorlabels><rdf:Seq><rdf:li>0</rdf:li><rdf:li>3</rdf:li></rdf:Seq></darktable:colorlabels>"


@pytest.mark.parametrize(
    ("data", "program", "label"),
    [
        (sidecar({"xmp:Label": "Winner"}), "xmp", "Winner"),
        (sidecar({"digiKam:ColorLabel": 4}), "digikam", "green"),
        (sidecar({"xmp:Label": "Green", "digiKam:ColorLabel": 4}), "digikam", "Green"),
        (sidecar({}, COLOURS), "darktable", "red+blue"),
    ],
)
def test_colour_labels_are_read_once_whatever_the_vocabulary(data, program, label):
    assert told(data) == {TraceKind.LABEL: (program, label, 0.5)}


@pytest.mark.parametrize("none", [{"xmp:Label": ""}, {"digiKam:ColorLabel": 0}, {"digiKam:ColorLabel": 99}])
def test_no_label_is_no_trace(none):
    assert told(sidecar(none)) == {}


# --- develop settings -----------------------------------------------------------------------------------------------


def test_darktable_history_end_says_nothing():
    steps = "<darktable:history><rdf:Seq><rdf:li/><rdf:li/></rdf:Seq></darktable:history>"
    assert told(sidecar({"darktable:history_end": 12}, steps)) == {}
    assert told(sidecar({"darktable:history_end": 12, **AUTOMATIC}, steps)) == {}


@pytest.mark.parametrize("known", ["darktable:history_auto_hash", "darktable:history_basic_hash"])
def test_a_history_that_darktable_made_is_no_edit(known):
    assert told(sidecar({"darktable:history_current_hash": "aa", known: "aa"})) == {}


def test_a_history_without_an_automatic_one_is_an_edit():
    # A style was applied before the picture was ever opened: darktable itself calls it altered.
    found = told(sidecar({"darktable:history_current_hash": "aa"}))
    assert found == {TraceKind.DEVELOP: ("darktable", "aa", 0.9)}


NEUTRAL = {
    "crs:Version": "15.0",
    "crs:ProcessVersion": "11.0",
    "crs:HasSettings": "True",
    "crs:Exposure2012": "0.00",
    "crs:Contrast2012": "0",
    "crs:Sharpness": "40",
    "crs:ColorNoiseReduction": "25",
    "crs:HasCrop": "False",
    "crs:CropAngle": "0",
    "crs:RawFileName": "a.nef",
}


def test_camera_raw_defaults_are_no_edit():
    curve = (
        "<crs:ToneCurvePV2012><rdf:Seq><rdf:li>0, 0</rdf:li><rdf:li>255, 255</rdf:li></rdf:Seq></crs:ToneCurvePV2012>"
    )
    assert told(sidecar(NEUTRAL, curve)) == {}


@pytest.mark.parametrize(
    "moved",
    [
        {"crs:Exposure2012": "+0.35"},
        {"crs:Contrast2012": "-12"},
        {"crs:HasCrop": "True"},
        {"crs:HueAdjustmentOrange": "5"},
        {"crs:FillLight": "12"},
    ],
)
def test_camera_raw_settings_that_were_moved_are_a_weak_edit(moved):
    program, value, confidence = told(sidecar(NEUTRAL | moved), TraceKind.DEVELOP)
    assert (program, len(value), confidence) == ("camera raw", 32, 0.3)


def test_a_local_correction_is_an_edit():
    brush = '<crs:PaintBasedCorrections><rdf:Seq><rdf:li crs:What="Correction"/></rdf:Seq></crs:PaintBasedCorrections>'
    assert told(sidecar(NEUTRAL, brush), TraceKind.DEVELOP) is not None


@pytest.mark.parametrize("not_settings", [{"crs:AlreadyApplied": "True"}, {"crs:HasSettings": "False"}])
def test_settings_that_are_already_in_the_pixels_are_no_edit(not_settings):
    assert told(sidecar(NEUTRAL | {"crs:Exposure2012": "+1.00"} | not_settings)) == {}


def develop(data):
    return told(data, TraceKind.DEVELOP)[1]


def test_bookkeeping_does_not_look_like_another_edit():
    edit = NEUTRAL | {"crs:Exposure2012": "+0.35"}
    other = edit | {"crs:Version": "16.1", "crs:RawFileName": "b.nef", "crs:CompatibleVersion": "1"}
    assert develop(sidecar(edit)) == develop(sidecar(other))
    assert develop(sidecar(edit)) == develop(sidecar(dict(reversed(edit.items()))))


def test_another_setting_is_another_edit_also_inside_a_list():
    edit = NEUTRAL | {"crs:Exposure2012": "+0.35"}
    curves = [f"<crs:ToneCurve><rdf:Seq><rdf:li>{point}</rdf:li></rdf:Seq></crs:ToneCurve>" for point in ("0", "9")]
    digests = {develop(sidecar(edit, curve)) for curve in curves}
    digests |= {develop(sidecar(edit)), develop(sidecar(edit | {"crs:Exposure2012": "+0.40"}))}
    assert len(digests) == 4


@pytest.mark.parametrize(
    ("history", "edited"),
    [
        ("&lt;imagehistory&gt;&lt;file/&gt;&lt;/imagehistory&gt;", False),
        ("&lt;imagehistory&gt;&lt;operation filterName=&quot;x&quot;/&gt;&lt;/imagehistory&gt;", True),
    ],
)
def test_digikam_history_that_names_an_operation_is_an_edit(history, edited):
    found = told(sidecar({"digiKam:ImageHistory": history}))
    assert bool(found) is edited
    assert not edited or found[TraceKind.DEVELOP][::2] == ("digikam", traces_xmp.CONFIDENCE_DIGIKAM)


# --- sidecars that real programs wrote ------------------------------------------------------------------------------


def test_real_sidecars_say_what_their_programs_left(shared_data):
    expected = {
        "dt_agx-default.xmp": {},  # 1 star of the import, automatic history
        "dt_bloom.xmp": {TraceKind.DEVELOP: 0.9},
        "dt_demosaic-mark1.xmp": {TraceKind.RATING: 0.95},  # rated and not edited
        "dt_blendif-and-or.xmp": {TraceKind.RATING: 0.95, TraceKind.DEVELOP: 0.9},  # rejected and edited
        "kim_photo_52.xmp": {},  # darktable 2.6 keeps no hashes
        "kim_digikam_sample.xmp": {TraceKind.RATING: 0.95},
        "kim_mylio_sample.xmp": {TraceKind.RATING: 0.95, TraceKind.LABEL: 0.5},
        "goxmp_photomechanics.xmp": {TraceKind.RATING: 0.95, TraceKind.LABEL: 0.5},
        "imagemeta_1.xmp": {TraceKind.RATING: 0.95, TraceKind.DEVELOP: 0.3},
        "kim_acdsee_sample.xmp": {TraceKind.RATING: 0.95},
        "kim_narrative_sample.xmp": {TraceKind.RATING: 0.95},
        "kim_photo_6.xmp": {},  # an export: 0 stars, settings already applied
    }
    for name, kinds in expected.items():
        found = told((shared_data / "xmp" / name).read_bytes())
        assert {kind: confidence for kind, (_, _, confidence) in found.items()} == kinds, name
