"""Where a frame goes: templates that are refused in a sentence, and filled ones that can never leave their folder."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safelight.domain.card_template import LONGEST_NAME, UNKNOWN_CAMERA, Moment, Template, Told, cut, numbered

DEFAULT = "{date:%Y}/{date:%Y-%m-%d} {camera}/{name}"
MAY = Moment(2026, 5, 1, 9, 30, 15)


def filled(template: str, **told: object) -> str:
    place = Template.parse(template).place(Told(**({"stem": "IMG_1", "taken": MAY} | told)))
    return "/".join((*place.folders, place.stem))


@pytest.mark.parametrize(
    ("template", "preview"),
    [
        (DEFAULT, "2026/2026-05-01 Canon EOS R5/IMG_0001.CR3"),
        ("{name}", "IMG_0001.CR3"),
        ("{card}/{date}/{name}", "EOS_DIGITAL/2026-05-01/IMG_0001.CR3"),
        ("{date:%y%m%d-%H%M%S}_{stem}{ext}", "260501-093015_IMG_0001.CR3"),
        ("Raw {{new}}/{date:%Y %d.%m}/{camera} {name}", "Raw {new}/2026 01.05/Canon EOS R5 IMG_0001.CR3"),
    ],
)
def test_templates_and_their_previews(template, preview):
    assert Template.parse(template).preview() == preview


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("", "without a name"),
        ("photos", "end in {name} or {ext}"),
        ("{date:%Y}", "end in {name} or {ext}"),
        ("{name}.bak", "end in {name} or {ext}"),
        ("{name}/{camera}", "end in {name} or {ext}"),
        ("{name}/{name}", "only at the end"),
        ("{ext}{name}", "only at the end"),
        ("{ext}", "tells frames apart"),
        ("fixed{ext}", "tells frames apart"),
        ("{date:%Y}/fixed{ext}", "tells frames apart"),
        ("{nmae}", "{nmae}, which is not known"),
        ("{}", "{}, which is not known"),
        ("{0}/{name}", "{0}, which is not known"),
        ("{camera.__class__}/{name}", "not known"),
        ("{camera!r}/{name}", "takes no format"),
        ("{name:>10}", "takes no format"),
        ("{date:%B}/{name}", "%Y %y %m %d %H %M %S"),
        ("{date:%}/{name}", "%Y %y %m %d %H %M %S"),
        ("{date:%H:%M}/{name}", "such as : or /"),
        ("{date:%Y/%m}/{name}", "such as : or /"),
        ("{date/{name}", "braces"),
        ("a}/{name}", "braces"),
        ("../{name}", "dot"),
        ("./{name}", "dot"),
        (".hidden/{name}", "dot"),
        ("a/../../{name}", "dot"),
        ("ends./{name}", "dot"),
        (" a/{name}", "blank"),
        ("/etc/{name}", "below the import folder"),
        ("~/{name}", "below the import folder"),
        ("a//{name}", "without a name"),
        ("{name}/", "without a name"),
        ("a\nb/{name}", "control character"),
        ("a\0/{name}", "control character"),
        ("C:\\{name}", "every disk"),
        ("what?/{name}", "every disk"),
    ],
)
def test_a_bad_template_is_refused_in_a_sentence(template, said):
    with pytest.raises(ValueError, match=r"^[“{A-Z][^\n]*\.$") as refused:
        Template.parse(template)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("camera", "folder"),
    [
        (None, UNKNOWN_CAMERA),
        ("", UNKNOWN_CAMERA),
        (" \t ", UNKNOWN_CAMERA),
        ("..", UNKNOWN_CAMERA),
        ("../../etc", "_.._etc"),
        ("NIKON/D850", "NIKON_D850"),
        ("a:b*c?", "a_b_c_"),
        ("nul\0l\n", "nul l"),
        ("\ud83d half", "_ half"),
        (".hidden", "hidden"),
        ("ends. ", "ends"),
        ("  E-M1   Mark II ", "E-M1 Mark II"),
    ],
)
def test_what_a_camera_says_makes_one_harmless_part(camera, folder):
    assert filled("{camera}/{name}", camera=camera) == f"{folder}/IMG_1"


def test_a_name_keeps_what_a_disk_can_hold():
    assert filled("{name}", stem="a:b <c>  d ") == "a:b <c>  d "
    assert filled("{name}", stem="a\nb\x7fc") == "a_b_c"
    assert filled("{name}", stem="caf\udce9") == "caf\udce9"


words = st.text(st.characters(), max_size=300)
told = st.builds(
    Told,
    stem=st.binary(max_size=300).map(lambda name: name.decode("utf-8", "surrogateescape")),
    taken=st.builds(Moment.of, st.floats(-1e11, 1e11)),
    camera=st.none() | words,
    card=words,
)
parts = st.sampled_from(["{date:%Y}", "{camera}", "{card}", "{stem}", "x", " ", "{date}", "-", "{date:%H}"])
templates = st.lists(st.lists(parts, min_size=1, max_size=4).map("".join), max_size=4).map(
    lambda folders: "/".join([*folders, "{name}"])
)


@given(templates, told)
def test_a_filled_template_stays_below_its_folder(template, what):
    try:
        parsed = Template.parse(template)
    except ValueError:
        return
    place = parsed.place(what)
    for part in (*place.folders, numbered(place.stem, 2, tail=".JPG")):
        assert part not in ("", ".", "..")
        assert not part.startswith(".")
        assert not set(part) & set("/\0\n\r\x1b")
    for part in place.folders:
        assert len(part.encode("utf-8", "surrogateescape")) <= LONGEST_NAME
    assert len((numbered(place.stem, 9999, tail=".CR3.xmp") + ".CR3.xmp").encode("utf-8", "surrogateescape")) <= 255


@given(st.text(string.printable, max_size=60))
def test_any_text_is_a_template_or_refused(text):
    said = ""
    try:
        shown = Template.parse(text).preview()
    except ValueError as refused:
        said = str(refused)
    assert said.endswith(".") if said else shown.endswith(".CR3")


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_moments_are_those_of_the_calendar(when):
    moment = Moment.of(
        when.replace(tzinfo=UTC).timestamp() if when.year > 1 else (when - datetime(1970, 1, 1)).total_seconds()
    )
    shown = (moment.year, moment.month, moment.day, moment.hour, moment.minute)
    assert shown == (when.year, when.month, when.day, when.hour, when.minute) or when.microsecond > 999_000


@pytest.mark.parametrize(
    ("wall_s", "day"),
    [(0, (1970, 1, 1)), (951_782_400, (2000, 2, 29)), (-1, (1969, 12, 31)), (4_107_542_400, (2100, 3, 1))],
)
def test_days_around_leap_days(wall_s, day):
    moment = Moment.of(wall_s)
    assert (moment.year, moment.month, moment.day) == day


def test_a_number_is_added_and_a_long_name_cut_for_it():
    assert numbered("IMG", 1, tail=".JPG") == "IMG"
    assert numbered("IMG", 3, tail=".JPG") == "IMG (3)"
    long = numbered("é" * 200, 12, tail=".JPG") + ".JPG"
    assert len(long.encode()) <= LONGEST_NAME
    assert long.endswith("é (12).JPG")


@given(st.text(max_size=300), st.integers(1, 300))
def test_cutting_never_breaks_a_letter(name, most):
    try:
        whole = name.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return
    short = cut(name, most)
    assert whole.startswith(short.encode("utf-8", "surrogateescape"))
    assert len(short.encode("utf-8", "surrogateescape")) <= most
