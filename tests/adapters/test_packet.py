"""What an exported picture says it was made from, and which program wrote it."""

import io

import pytest
from PIL import Image

from safelight.decoding.facts import facts_from_tags
from safelight.decoding.packet import derived_from
from safelight.decoding.pixels import read_facts
from safelight.domain.frame import CaptureFacts
from safelight.storage.codecs import facts_text
from tests.adapters.companions import xmp

REFERENCE = (
    '<xmpMM:DerivedFrom rdf:parseType="Resource"><stRef:instanceID>i</stRef:instanceID>'
    "<stRef:documentID>xmp.did:1</stRef:documentID></xmpMM:DerivedFrom>"
)
SHORT = '<xmpMM:DerivedFrom stRef:instanceID="i" stRef:documentID="xmp.did:1"/>'


@pytest.mark.parametrize(
    ("packet", "source"),
    [
        (xmp({"xmpMM:DerivedFrom": "a b.cr2"}), "a b.cr2"),
        (xmp({}, "<xmpMM:DerivedFrom>a.cr2</xmpMM:DerivedFrom>"), "a.cr2"),
        (xmp({}, REFERENCE), "xmp.did:1"),
        (xmp({}, SHORT), "xmp.did:1"),
        (xmp({}, SHORT.replace("/>", ' stRef:filePath="/p/a.nef"/>')), "/p/a.nef"),
        (xmp({"crs:RawFileName": "a.nef"}, SHORT), "a.nef"),
        (xmp({"crs:RawFileName": "a.nef"}), "a.nef"),
        (xmp({}, '<xmpMM:History><rdf:Seq><rdf:li stRef:documentID="other"/></rdf:Seq></xmpMM:History>'), None),
        (xmp({"xmpMM:DerivedFrom": "  "}), None),
        (xmp({"xmp:Rating": "5"}), None),
        (b'<?xpacket begin=""?>' + xmp({"xmpMM:DerivedFrom": "a.cr2"}) + b' \n<?xpacket end="w"?>\0\0', "a.cr2"),
        (xmp({"xmpMM:DerivedFrom": "é.cr2"}).decode(), "é.cr2"),
    ],
)
def test_the_source_is_read_in_every_form_and_a_name_is_preferred(packet, source):
    assert derived_from(packet) == source


@pytest.mark.parametrize(
    "hostile",
    [
        None,
        b"",
        b"DerivedFrom",
        xmp({"xmpMM:DerivedFrom": "a.cr2"})[:-30],
        xmp({"xmpMM:DerivedFrom": "a.cr2"}) + b" " * (1 << 20),
        b'<!DOCTYPE x [<!ENTITY a "a.cr2">]>' + xmp({"xmpMM:DerivedFrom": "&a;"}),
        b"<DerivedFrom>" * 5000,
        xmp({}, "<xmpMM:x/>" * 60_000 + "<xmpMM:DerivedFrom>a.cr2</xmpMM:DerivedFrom>"),
    ],
)
def test_a_damaged_or_hostile_packet_tells_nothing(hostile):
    assert derived_from(hostile) is None


@pytest.mark.parametrize("form", ["JPEG", "TIFF", "PNG"])
def test_pictures_carry_their_source_and_their_program(tmp_path, form):
    exif = Image.Exif()
    exif[0x0131] = "darktable 4.2.1"
    more = {"tiffinfo": {700: xmp({"xmpMM:DerivedFrom": "a.cr2"}), 0x0131: exif[0x0131]}} if form == "TIFF" else {}
    made = io.BytesIO()
    if form == "PNG":
        from PIL.PngImagePlugin import PngInfo

        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_itxt("XML:com.adobe.xmp", xmp({"xmpMM:DerivedFrom": "a.cr2"}).decode())
    if form == "JPEG":
        more["xmp"] = xmp({"xmpMM:DerivedFrom": "a.cr2"})
    if form != "TIFF":
        more["exif"] = exif
    Image.new("RGB", (16, 16), (90, 120, 30)).save(made, form, **more)
    path = tmp_path / f"a.{form.lower()}"
    path.write_bytes(made.getvalue())
    facts = read_facts(path)
    assert (facts.derived_from, facts.software) == ("a.cr2", "darktable 4.2.1")


def test_a_darktable_export_does_not_carry_on_the_star_of_its_import(tmp_path):
    for stars, kept in (("1", None), ("3", 3)):
        path = tmp_path / f"{stars}.jpg"
        packet = xmp({"xmp:Rating": stars, "darktable:xmp_version": "5"})
        Image.new("RGB", (16, 16)).save(path, "JPEG", xmp=packet)
        assert read_facts(path).rating == kept
    path = tmp_path / "other.jpg"
    Image.new("RGB", (16, 16)).save(path, "JPEG", xmp=xmp({"xmp:Rating": "1"}))
    assert read_facts(path).rating == 1


def test_both_readers_name_the_program():
    assert facts_from_tags({"EXIF:Software": "Adobe Lightroom\0"}).software == "Adobe Lightroom"


def test_facts_kept_before_these_fields_existed_still_load():
    import json

    old = json.loads(facts_text(CaptureFacts(iso=100.0, camera="X-T4")))
    assert "derived_from" not in old
    assert CaptureFacts(**old) == CaptureFacts(iso=100.0, camera="X-T4")
    new = CaptureFacts(derived_from="a.cr2", software="darktable 4.2.1")
    assert CaptureFacts(**json.loads(facts_text(new))) == new
