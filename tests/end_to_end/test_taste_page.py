"""The page of `taste report` opens without a network, tells what the report tells, and never costs anybody a file."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safelight.app import taste_page
from safelight.cli import tasting
from safelight.domain.evaluation import Measured, Point, Report
from safelight.domain.evaluation_calibration import Bin, Calibration
from safelight.domain.evaluation_intervals import Agreement
from safelight.domain.portrait import Evidence, Measure, Portrait
from safelight.domain.portrait_examples import Example
from safelight.errors import CannotStart

NOW = 1_790_000_000.0
SPACE = "\N{NO-BREAK SPACE}"


def around(share):
    return Agreement(share, share - 0.07, min(1.0, share + 0.07))


REPORT = Report(
    within=Measured(
        412, 200,
        {"personal": around(0.66), "generic": around(0.55), "sharpest": around(0.52), "last": around(0.61)},
        Agreement(0.11, 0.04, 0.18),
    ),
    across=Measured(88, 88, {"personal": around(0.71), "generic": around(0.64)}, Agreement(0.07, -0.02, 0.15)),
    shown=Measured(2400, 200, {"personal": around(0.83), "generic": around(0.7)}, Agreement(0.13, 0.06, 0.2)),
    curve=tuple(Point(90 * step, 41, around(0.5 + step / 50), around(0.55)) for step in range(8)),
    calibration=Calibration(
        tuple(Bin(0.55 + step / 10, around(0.53 + step / 11), 80.0 - 15 * step) for step in range(5)), 0.031, 0.022, 412
    ),
    comparisons=1400,
    fits=22,
)  # fmt: skip

PORTRAIT = Portrait(
    leaning=0.81, leaning_words="mostly", since_s=1.76e9, until_s=1.789e9, actions=1200, comparisons=1400, blind=160,
    evidence=(Evidence("burst_delete", 1100, 0.05), Evidence("rating", 300, 0.02)),
    parts={"technical": 0.4, "appeal": 0.2, "subject": 0.35, "capture": 0.05},
    measures=(
        Measure("focus", "sharpness where it matters", 2.1, 1.4, 2.8),
        Measure("noise", "freedom from noise", -0.4, -1.1, 0.3),
        Measure("appeal", "what most people find appealing", 0.9, 0.5, 1.4),
    ),
    likes=("longer lenses", "low ISO"),
    rising=(Example("harbour/IMG_1.CR3", 1.31), Example("IMG_2.CR3", 0.92)), sinking=(Example("IMG_3.CR3", -1.2),),
    anchor=0.4, digest="d" * 64,
)  # fmt: skip

NOTHING = Measured(0, 0, {}, None)
EMPTY_REPORT = Report(NOTHING, NOTHING, NOTHING, (), None, 0, 0)
EMPTY_PORTRAIT = Portrait(0.0, "not at all", None, None, 0, 0, 0, (), {}, (), (), (), (), 0.5, "d" * 64)


def page(report=REPORT, portrait=PORTRAIT, **thumbnails):
    return taste_page.rendered(report, portrait, now_s=NOW, thumbnails=thumbnails)


class Elements(HTMLParser):
    """Every element with its attributes, and all text."""

    def __init__(self, text):
        super().__init__()
        self.found, self.open, self.text = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))
        if tag not in {"meta", "img"}:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


@pytest.mark.parametrize("text", [page(), page(EMPTY_REPORT, EMPTY_PORTRAIT)], ids=["full", "empty"])
def test_page_is_whole_and_loads_nothing(text):
    elements = Elements(text)
    assert elements.open == []
    assert {tag for tag, _ in elements.found}.isdisjoint({"script", "link", "iframe", "object", "base", "form"})
    loading = [(tag, name) for tag, attrs in elements.found for name in attrs if name in {"src", "href", "srcset"}]
    assert loading == []
    assert not re.search(r"https?:|//\w|url\(|@import", text)
    assert not [name for _, attrs in elements.found for name in attrs if name.startswith("on")]
    policy = [attrs["content"] for _, attrs in elements.found if attrs.get("http-equiv") == "Content-Security-Policy"]
    assert policy and "default-src 'none'" in policy[0]


def drawings(text):
    return [ElementTree.fromstring(found) for found in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]


def test_drawings_are_well_formed_named_and_stay_inside_their_frame():
    found = drawings(page())
    assert len(found) == 5
    for drawing in found:
        wide, high = map(float, drawing.get("viewBox").split()[2:])
        assert drawing.get("aria-label")
        for element in drawing.iter():
            across = [element.get(name) for name in ("x", "x1", "x2", "cx")]
            down = [element.get(name) for name in ("y", "y1", "y2", "cy")]
            assert all(0 <= float(value) <= wide for value in across if value)
            assert all(0 <= float(value) <= high for value in down if value)
            assert not element.get("fill") and not element.get("stroke")  # colours follow the reader's setting


def test_page_follows_light_and_dark_and_narrow_screens():
    assert "prefers-color-scheme: dark" in page() and 'name="viewport"' in page()


def test_page_tells_the_numbers_of_the_report():
    words = Elements(page()).words.replace(SPACE, " ")
    for told in ("66 %", "59 % to 73 %", "the last frame", "61 %", "chance", "better by more than chance", "83 %"):
        assert told in words
    assert "× 2.1" in words and "× \N{MINUS SIGN}0.4" in words
    assert "longer lenses and low ISO" in words
    assert "harbour/IMG_1.CR3" in words and "+1.31" in words
    assert "1,100" in words


def test_page_of_too_little_has_no_number():
    words = Elements(page(EMPTY_REPORT, EMPTY_PORTRAIT)).words.replace(SPACE, " ")
    assert "Too early to say" in words and "50 decisions" in words
    assert drawings(page(EMPTY_REPORT, EMPTY_PORTRAIT)) == []
    assert "Nothing has been learned" in words


def test_page_does_not_claim_what_is_chance():
    level = replace(REPORT, within=replace(REPORT.within, lead=Agreement(0.02, -0.05, 0.09)))
    words = Elements(page(level)).words
    assert "not yet distinguishable" in words and "by more than chance." not in words.split("How well it")[0]


def test_page_says_that_shown_decisions_flatter():
    words = Elements(page()).words.replace(SPACE, " ")
    assert "with our stars in view you decided as they say in 83 %" in words and "flatters" in words


@settings(max_examples=30, deadline=None)
@given(st.text(min_size=1, max_size=40))
def test_no_file_name_becomes_part_of_the_page(name):
    text = page(portrait=replace(PORTRAIT, rising=(Example(name, 1.0),)))
    harmless = page(portrait=replace(PORTRAIT, rising=(Example("name", 1.0),)))
    assert [tag for tag, _ in Elements(text).found] == [tag for tag, _ in Elements(harmless).found]
    text.encode("utf-8")


def test_hostile_file_names_are_shown_harmless():
    names = ("<script>alert(1)</script>.jpg", "\udce9t\udce9.jpg", "a\u202egpj.exe", 'x" onload="y.jpg', "a\nb.jpg")
    text = page(portrait=replace(PORTRAIT, rising=tuple(Example(name, 1.0) for name in names)))
    words = Elements(text).words
    assert "<script>alert(1)</script>.jpg" in words and "<script" not in text
    assert "\\udce9t" in words and "\u202e" not in text and "a\\nb.jpg" in words


def test_thumbnails_are_inside_the_page():
    text = page(**{"IMG_2.CR3": b"\xff\xd8\xff\xe0jpeg"})
    (image,) = [attrs for tag, attrs in Elements(text).found if tag == "img"]
    assert image["src"] == "data:image/jpeg;base64,/9j/4GpwZWc="


def test_page_is_written_and_written_again(tmp_path):
    target = tmp_path / "new folder" / "taste.html"
    assert taste_page.write(REPORT, PORTRAIT, target, now_s=NOW) == target
    first = target.read_text(encoding="utf-8")
    taste_page.write(EMPTY_REPORT, EMPTY_PORTRAIT, target, now_s=NOW)
    assert target.read_text(encoding="utf-8") != first
    assert [path.name for path in target.parent.iterdir()] == ["taste.html"]


def test_a_photograph_is_never_written_over(tmp_path):
    photograph = tmp_path / "IMG_1.jpg"
    photograph.write_bytes(b"\xff\xd8 a photograph")
    with pytest.raises(CannotStart) as refused:
        taste_page.write(REPORT, PORTRAIT, photograph, now_s=NOW)
    assert "not a page" in refused.value.summary and refused.value.hint
    assert photograph.read_bytes() == b"\xff\xd8 a photograph"
    assert list(tmp_path.iterdir()) == [photograph]


def test_a_link_is_not_written_through(tmp_path):
    photograph, link = tmp_path / "IMG_1.jpg", tmp_path / "taste.html"
    photograph.write_bytes(b"a photograph")
    link.symlink_to(photograph)
    with pytest.raises(CannotStart):
        taste_page.write(REPORT, PORTRAIT, link, now_s=NOW)
    assert link.is_symlink() and photograph.read_bytes() == b"a photograph"


def test_a_page_that_cannot_be_written_is_said_to_be_so(tmp_path):
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(CannotStart) as refused:
        taste_page.write(REPORT, PORTRAIT, tmp_path / "file" / "taste.html", now_s=NOW)
    assert "cannot be written" in refused.value.summary


def told(capsys, **options):
    options.setdefault("report", REPORT)
    tasting.show_report(options["report"], PORTRAIT, options["page"], as_json=options.get("as_json", False))
    return capsys.readouterr().out


def test_report_on_the_terminal(capsys, tmp_path):
    text = told(capsys, page=tmp_path / "taste\x1b[2J.html")
    assert "better by more than chance" in text and "the last frame" in text and "59 % to 73 %" in text
    assert "flatters" in text and "\\x1b" in text and "\x1b" not in text


def test_portrait_on_the_terminal(capsys):
    assert tasting.show(PORTRAIT, as_json=False) == 0
    text = capsys.readouterr().out
    for words in (
        "mostly (81 %)",
        "1,200 actions",
        "sharpness where it matters (1.4 to 2.8)",
        "longer lenses",
        "IMG_3",
    ):
        assert words in text
    assert "appealing (0.5" not in text  # not more than chance
    assert tasting.show(EMPTY_PORTRAIT, as_json=False) == 0
    assert "Nothing has been learned" in capsys.readouterr().out


def test_json_is_one_object(capsys, tmp_path):
    import json

    record = json.loads(told(capsys, page=tmp_path / "taste.html", as_json=True))
    assert record["blind_within_bursts"]["agreement"]["personal"]["share"] == 0.66
    assert record["portrait"]["measures"][0]["claimed"] is True
    tasting.show(PORTRAIT, as_json=True)
    assert json.loads(capsys.readouterr().out)["leaning_words"] == "mostly"
