"""Sidecars of every shape take a rating and lose nothing. Each hazard has a test of its own name."""

import re

import pytest

from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarBusy, SidecarRefused
from safelight.sidecars.facts import OurFacts, decide
from safelight.sidecars.markup import LIMIT_BYTES
from safelight.sidecars.xmp import merge, read

RATING = OurRating(4, 0.7312, "Sharpest of 5", "0.1.0")
OTHER = OurRating(2, 0.25, "Softer than its neighbour", "0.1.0")

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
XMP = 'xmlns:xmp="http://ns.adobe.com/xap/1.0/"'
OWN = 'xmlns:safelight="urn:safelight:xmp:1.0/"'


def packet(inside, meta=True, rdf=RDF):
    body = f"<rdf:RDF {rdf}>{inside}</rdf:RDF>"
    return (f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{body}</x:xmpmeta>' if meta else body).encode()


def block(attributes="", inside=""):
    return f'<rdf:Description rdf:about="" {XMP} {attributes}>{inside}</rdf:Description>'


def rated(data, rating=RATING):
    """Merge, and check what holds for every merge."""
    result = merge(data, rating)
    facts = read(result)
    assert facts.rating == rating.rating
    assert facts.ours == OurFacts(rating.rating, f"{rating.score:.3f}", rating.reason, rating.version)
    assert decide(facts) is Opinion.OURS
    assert merge(result, rating) is result
    return result


def test_new_sidecar_is_a_packet_with_the_rating_and_our_facts():
    text = rated(None).decode()
    assert text.startswith('<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n<x:xmpmeta ')
    assert text.endswith('</x:xmpmeta>\n<?xpacket end="w"?>\n')
    assert 'xmp:Rating="4"' in text
    assert 'safelight:score="0.731"' in text
    assert "Label" not in text
    assert "Urgency" not in text


def test_rating_as_attribute_stays_an_attribute():
    result = rated(packet(block('xmp:Rating="1" xmp:Label="Red"')))
    assert result.count(b'xmp:Rating="4"') == 1
    assert b'xmp:Label="Red"' in result
    assert b"<xmp:Rating" not in result


def test_rating_as_element_stays_an_element():
    result = rated(packet(block(inside="\n  <xmp:Rating>1</xmp:Rating>\n  <xmp:Label>Red</xmp:Label>\n")))
    assert b"\n  <xmp:Rating>4</xmp:Rating>\n  <xmp:Label>Red</xmp:Label>\n" in result
    assert b"xmp:Rating=" not in result


@pytest.mark.parametrize(
    "empty", ["<xmp:Rating/>", "<xmp:Rating />", "<xmp:Rating></xmp:Rating>", "<xmp:Rating> </xmp:Rating>"]
)
def test_empty_rating_element_is_filled(empty):
    data = packet(block(inside=empty))
    assert read(data).rating is None
    assert not read(data).unclear
    assert re.search(rb"<xmp:Rating\s*>4\s*</xmp:Rating>", rated(data))


@pytest.mark.parametrize(
    ("text", "stars"),
    [("5.0", 5), (" 3 ", 3), ("\n4\n", 4), ("-1", -1), ("-1.0", -1), ("0", 0), ("+2", 2), ("", None), ("  ", None)],
)
def test_spellings_of_a_rating(text, stars):
    for data in (packet(block(f'xmp:Rating="{text}"')), packet(block(inside=f"<xmp:Rating>{text}</xmp:Rating>"))):
        facts = read(data)
        assert (facts.rating, facts.unclear) == (stars, False)


@pytest.mark.parametrize("text", ["good", "6", "-2", "4.5", "nan", "inf", "1_0", "٣", "5 stars", "1e9999"])
def test_nonsense_rating_is_unclear_and_left_to_the_person(text):
    facts = read(packet(block(f'xmp:Rating="{text}"')))
    assert (facts.rating, facts.unclear) == (None, True)
    assert decide(facts) is Opinion.PERSON


def test_five_point_zero_is_left_when_it_already_says_five():
    data = packet(block('xmp:Rating="5.0"'))
    assert b'xmp:Rating="5.0"' in rated(data, OurRating(5, 1.5, "Best of 7", "1"))
    assert b'xmp:Rating="4"' in rated(data)


def test_the_same_rating_in_two_blocks_is_updated_in_both():
    data = packet(block('xmp:Rating="3"') + block(inside="<xmp:Rating>3</xmp:Rating>"))
    result = rated(data)
    assert result.count(b'xmp:Rating="4"') == 1
    assert result.count(b"<xmp:Rating>4</xmp:Rating>") == 1


def test_two_different_ratings_are_refused_and_left_to_the_person():
    data = packet(block('xmp:Rating="3"') + block(inside="<xmp:Rating>4</xmp:Rating>"))
    assert read(data).unclear
    assert decide(read(data)) is Opinion.PERSON
    with pytest.raises(SidecarRefused, match="two different ratings"):
        merge(data, RATING)


def test_six_blocks_keep_their_places():
    names = ["tiff", "exif", "aux", "photoshop", "crs"]
    blocks = [
        f'<rdf:Description rdf:about="" xmlns:{n}="http://x/{n}/"><{n}:A>1</{n}:A></rdf:Description>' for n in names
    ]
    data = packet("\n".join([*blocks[:3], block(inside="<xmp:Rating>2</xmp:Rating>"), *blocks[3:]]))
    result = rated(data)
    assert result.count(b"<rdf:Description") == 6
    for each in blocks:
        assert each.encode() in result


def test_no_packet_and_no_xmpmeta():
    rated(packet(block('xmp:Rating="1"'), meta=False))
    assert rated(packet(block(), meta=False)).startswith(b"<rdf:RDF")


def test_xap_prefix_of_old_photoshop_is_the_same_property():
    data = packet('<rdf:Description rdf:about="" xmlns:xap="http://ns.adobe.com/xap/1.0/" xap:Rating="1"/>')
    result = rated(data)
    assert b'xap:Rating="4"' in result
    assert b"xmp:Rating" not in result


def test_new_rating_takes_the_prefix_that_is_already_declared():
    data = packet('<rdf:Description rdf:about="" xmlns:xap="http://ns.adobe.com/xap/1.0/"/>')
    assert b'xap:Rating="4"' in rated(data)


def test_prefixes_that_mean_something_else_are_not_reused():
    data = packet(
        '<rdf:Description rdf:about="" xmlns:xmp="http://other/" xmlns:safelight="http://lamp/" '
        'safelight:rating="9" xmp:Rating="9"/>'
    )
    result = rated(data)
    assert b'xmlns:xmp2="http://ns.adobe.com/xap/1.0/"' in result
    assert b'xmlns:safelight2="urn:safelight:xmp:1.0/"' in result
    assert b'safelight:rating="9" xmp:Rating="9"' in result


def test_a_namespace_keeps_the_prefix_it_has_in_another_block():
    """Adobe's toolkit, exiv2 and darktable reject a sidecar in which one namespace has two prefixes."""
    elsewhere = (
        '<q:A xmlns:q="http://q/"><rdf:Bag><rdf:li xmlns:xap="http://ns.adobe.com/xap/1.0/" xap:A="1"/></rdf:Bag></q:A>'
    )
    result = rated(packet(f'<rdf:Description rdf:about="">{elsewhere}</rdf:Description>'))
    assert b'xap:Rating="4"' in result
    assert b"xmlns:xmp=" not in result


def test_a_prefix_of_another_block_gets_no_second_meaning():
    lamp = '<rdf:Description rdf:about="" xmlns:safelight="http://lamp/" safelight:A="1"/>'
    result = rated(packet(f'<rdf:Description rdf:about="" {XMP}/>{lamp}'))
    assert b'xmlns:safelight2="urn:safelight:xmp:1.0/"' in result


def test_new_rating_goes_where_other_xmp_facts_are():
    first = '<rdf:Description rdf:about="" xmlns:q="http://q/"><q:A>1</q:A></rdf:Description>'
    result = rated(packet(first + block(inside="<xmp:CreatorTool>x</xmp:CreatorTool>")))
    assert first.encode() in result
    assert result.count(b"xmlns:xmp=") == 1


def test_prefix_bound_only_inside_a_property_is_not_in_reach():
    inside = '<q:B xmlns:q="http://q/" xmlns:safelight="urn:safelight:xmp:1.0/" safelight:rating="1"/>'
    rated(packet(f'<rdf:Description rdf:about="">{inside}</rdf:Description>'))


def test_default_namespace_is_never_used_for_attributes():
    data = packet(
        '<rdf:Description rdf:about="" xmlns="http://ns.adobe.com/xap/1.0/"><Rating>2</Rating></rdf:Description>'
    )
    result = rated(data)
    assert b"<Rating>4</Rating>" in result
    assert b"safelight:rating" in result


def test_self_closing_block_stays_self_closing():
    result = rated(packet(f'<rdf:Description rdf:about="" {XMP} />'))
    assert b"</rdf:Description>" not in result
    assert b" />" in result


@pytest.mark.parametrize(
    "empty",
    [f"<rdf:RDF {RDF}/>", f"<rdf:RDF {RDF} />", f"<rdf:RDF {RDF}></rdf:RDF>", f"<rdf:RDF {RDF}>\r\n </rdf:RDF>"],
)
def test_empty_rdf_gets_a_block(empty):
    data = f'<x:xmpmeta xmlns:x="adobe:ns:meta/">\r\n {empty}\r\n</x:xmpmeta>'.encode()
    assert rated(data).count(b"<rdf:Description") == 1


def test_block_for_something_inside_the_picture_is_not_used():
    data = packet(
        '<rdf:Description rdf:nodeID="a"><q:A xmlns:q="http://q/">1</q:A></rdf:Description><rdf:Bag rdf:nodeID="b"/>'
    )
    assert rated(data).count(b"<rdf:Description") == 2


def test_rating_of_an_ingredient_is_not_the_pictures():
    inside = '<q:Ingredients xmlns:q="http://q/"><rdf:Bag><rdf:li xmp:Rating="5"/></rdf:Bag></q:Ingredients>'
    data = packet(block(inside=inside))
    assert read(data).rating is None
    assert inside.encode() in rated(data)


def test_typed_block_takes_the_rating():
    data = packet('<q:Photo rdf:about="" xmlns:q="http://q/"><q:A>1</q:A></q:Photo>')
    assert rated(data).count(b"<q:Photo") == 1


def test_rdf_as_the_default_namespace():
    data = b'<RDF xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#"/>'
    assert b"rdf:Description" in rated(data)


def test_byte_order_mark_stays():
    data = b"\xef\xbb\xbf" + packet(block('xmp:Rating="1"'))
    assert rated(data).startswith(b"\xef\xbb\xbf<x:xmpmeta")


def test_windows_line_ends_stay():
    data = packet(block('\r\n   xmp:Rating="1"\r\n   xmp:Label="A"', "\r\n")).replace(b"><", b">\r\n<")
    result = rated(data)
    assert b"\n" not in result.replace(b"\r\n", b"")


def test_single_quotes_stay():
    data = packet(block("xmp:Rating='1'\n  xmp:Label='say \"hi\"'"))
    result = rated(data)
    assert b"xmp:Rating='4'" in result
    assert b"xmp:Label='say \"hi\"'" in result


def test_comments_and_instructions_stay():
    inside = "<!-- <xmp:Rating>5</xmp:Rating> --><xmp:Rating><!-- was -->1<?why not?></xmp:Rating>"
    result = rated(b"<!-- first -->" + packet(block(inside=inside)) + b"<!-- last -->")
    assert b"<!-- <xmp:Rating>5</xmp:Rating> --><xmp:Rating><!-- was -->4<?why not?></xmp:Rating>" in result
    assert result.startswith(b"<!-- first -->")
    assert result.endswith(b"<!-- last -->")


def test_cdata_is_text_and_other_cdata_stays():
    inside = (
        '<xmp:Rating><![CDATA[3]]></xmp:Rating><q:N xmlns:q="http://q/"><![CDATA[<xmp:Rating>1</xmp:Rating>]]></q:N>'
    )
    data = packet(block(inside=inside))
    assert read(data).rating == 3
    result = rated(data)
    assert b"<xmp:Rating>4</xmp:Rating>" in result
    assert b"<![CDATA[<xmp:Rating>1</xmp:Rating>]]>" in result


def test_rating_in_the_text_of_another_property_is_not_found():
    data = packet(block('xmp:Nickname="xmp:Rating=&quot;1&quot;"'))
    assert read(data).rating is None
    assert b'xmp:Nickname="xmp:Rating=&quot;1&quot;"' in rated(data)


def test_greater_than_inside_a_value_does_not_end_the_tag():
    rated(packet(block('xmp:Nickname="a > b /> c" xmp:Rating = "1"')))


def test_character_references_in_a_rating():
    assert read(packet(block('xmp:Rating="&#51;"'))).rating == 3


def test_qualified_rating_is_refused_not_flattened():
    inside = (
        '<xmp:Rating rdf:parseType="Resource"><rdf:value>3</rdf:value><q:by xmlns:q="http://q/">me</q:by></xmp:Rating>'
    )
    data = packet(block(inside=inside))
    assert decide(read(data)) is Opinion.PERSON
    with pytest.raises(SidecarRefused, match="parts"):
        merge(data, RATING)


def test_padding_and_what_follows_stay():
    head = b'<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>\n'
    tail = b"\n" + b" " * 99 + b'\n<?xpacket end="r"?>\n\n'
    result = rated(head + packet(block('xmp:Rating="1"')) + tail)
    assert result.startswith(head)
    assert result.endswith(tail)


def test_reason_is_escaped_one_line_and_legal():
    reason = 'Beats "B&W" <IMG_1>\n\tby\0 far \udcff\ufffe' + "x" * 400
    result = merge(packet(block("xmp:Rating='1'")), OurRating(3, -0.0001, reason, "1"))
    ours = read(result).ours
    assert ours is not None
    assert ours.reason is not None
    assert ours.reason.startswith('Beats "B&W" <IMG_1> by\ufffd far \ufffd\ufffdx')
    assert len(ours.reason) == 300
    assert ours.score == "0.000"


def test_our_facts_as_elements_are_updated_as_elements():
    inside = (
        f"<xmp:Rating>2</xmp:Rating><safelight:rating {OWN}>2</safelight:rating>"
        f"<safelight:reason {OWN}>x</safelight:reason>"
    )
    data = packet(block(inside=inside))
    result = rated(data)
    assert b">4</safelight:rating>" in result
    assert b">Sharpest of 5</safelight:reason>" in result
    assert result.count(b"safelight:rating") == 2


def test_second_merge_changes_values_only():
    first = merge(packet(block('xmp:Label="Red"', "\n")), RATING)
    second = rated(first, OTHER)
    assert len(first.splitlines()) == len(second.splitlines())
    assert rated(second, RATING) == first


def test_newer_version_with_the_same_verdict_writes_nothing():
    first = merge(None, RATING)
    assert merge(first, OurRating(4, 0.7312, "Sharpest of 5", "9.9.9")) is first


def test_few_lines_change():
    data = packet(block('\n    xmlns:q="http://q/"\n   q:A="1"\n   q:B="2"', "\n"))
    before, after = data.splitlines(), merge(data, RATING).splitlines()
    assert [line for line in after if line in before] == before
    assert len(after) - len(before) == 6


def test_label_and_urgency_are_never_written():
    data = packet(block('xmp:Label="Red" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" photoshop:Urgency="2"'))
    result = rated(data)
    assert b'xmp:Label="Red"' in result
    assert b'photoshop:Urgency="2"' in result
    assert read(result).label == "Red"


# What is not edited ---------------------------------------------------------------------------------------------------


def test_entity_bomb_sidecar_is_refused():
    lines = "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 40))
    bomb = f'<!DOCTYPE x [<!ENTITY b0 "boom">{lines}]>'.encode() + packet(
        block(inside="<xmp:Rating>&b39;</xmp:Rating>")
    )
    with pytest.raises(SidecarRefused, match="document type"):
        read(bomb)
    with pytest.raises(SidecarRefused, match="document type"):
        merge(bomb, RATING)


def test_external_entity_is_refused():
    data = b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>' + packet(block('xmp:Rating="1"'))
    with pytest.raises(SidecarRefused, match="document type"):
        merge(data, RATING)


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-32-be"])
def test_wide_encodings_without_their_mark_are_refused(encoding):
    with pytest.raises(SidecarRefused, match="UTF-16"):
        merge(packet(block('xmp:Rating="1"')).decode().encode(encoding), RATING)


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("declaration", ["", '<?xml version="1.0" encoding="UTF-16"?>'])
def test_utf16_with_its_mark_is_edited_and_stays_utf16(codec, declaration):
    text = "\ufeff" + declaration + packet(block('xmp:Rating="1" xmp:Nickname="\U0001f4f7"')).decode()
    data = text.encode(codec)
    made = merge(data, RATING)
    assert made[:2] == data[:2]
    assert read(made).rating == RATING.rating
    assert "\U0001f4f7" in made.decode(codec)
    assert merge(made, RATING) is made


def test_utf16_cut_within_a_character_is_busy():
    data = ("\ufeff" + packet(block('xmp:Rating="1"')).decode()).encode("utf-16-le")
    with pytest.raises(SidecarBusy):
        merge(data[:-1], RATING)


@pytest.mark.parametrize("encoding", ["ISO-8859-1", "windows-1252", "UTF-16", "Shift_JIS", "no-such"])
def test_declared_foreign_encoding_is_refused(encoding):
    data = f'<?xml version="1.0" encoding="{encoding}"?>'.encode() + packet(block('xmp:Rating="1"'))
    with pytest.raises(SidecarRefused, match=encoding):
        merge(data, RATING)


@pytest.mark.parametrize("encoding", ["UTF-8", "utf-8", "US-ASCII"])
def test_declared_utf8_is_edited(encoding):
    rated(f'<?xml version="1.0" encoding="{encoding}"?>\n'.encode() + packet(block('xmp:Rating="1"')))


def test_huge_sidecar_is_refused_unread():
    with pytest.raises(SidecarRefused, match="16 MB"):
        read(b" " * (LIMIT_BYTES + 1))


def test_sidecar_of_countless_properties_is_refused():
    with pytest.raises(SidecarRefused, match="properties"):
        read(packet(block(inside="<xmp:A/>" * 100_001)))


def test_deep_nesting_does_not_exhaust_the_stack():
    deep = "<q:a>" * 20_000 + "</q:a>" * 20_000
    rated(packet(f'<rdf:Description rdf:about="" xmlns:q="http://q/">{deep}</rdf:Description>'))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"  \n",
        b"\0" * 4096,
        b"\xef\xbb\xbf",
        b"<",
        b"no xml",
        b"<x:xmpmeta xmlns:x='adobe:ns:meta/'></b>",
        b"\xff",
    ],
)
def test_half_written_sidecar_means_retry(data):
    with pytest.raises(SidecarBusy):
        read(data)
    with pytest.raises(SidecarBusy):
        merge(data, RATING)


def test_every_truncation_of_a_sidecar_means_retry_and_never_a_removed_rating():
    whole = merge(packet(block('xmp:Label="Ré"', "<xmp:CreatorTool>x</xmp:CreatorTool>")), RATING)
    for end in range(len(whole)):
        with pytest.raises(SidecarBusy):
            read(whole[:end])


def test_sidecar_that_ends_in_zeros_after_a_crash_means_retry():
    whole = merge(None, RATING)
    with pytest.raises(SidecarBusy):
        read(whole[:200] + b"\0" * (len(whole) - 200))


def test_invalid_utf8_means_retry():
    with pytest.raises(SidecarBusy):
        read(packet(block('xmp:Label="X"')).replace(b"X", b"\xff"))


def test_undeclared_prefix_is_not_edited():
    with pytest.raises(SidecarBusy):
        merge(packet('<rdf:Description rdf:about="" nope:A="1"/>'), RATING)


@pytest.mark.parametrize("data", [b"<svg/>", b"<html><body/></html>", b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>'])
def test_xml_that_is_no_xmp_is_refused(data):
    with pytest.raises(SidecarRefused, match="XMP"):
        merge(data, RATING)


def test_two_packets_are_refused():
    inner = packet(block('xmp:Rating="1"'), meta=False).decode()
    with pytest.raises(SidecarRefused, match="two"):
        merge(f'<x:xmpmeta xmlns:x="adobe:ns:meta/">{inner}{inner}</x:xmpmeta>'.encode(), RATING)


# What other programs leave --------------------------------------------------------------------------------------------


def darktable(rating, hashes="", inside=""):
    return packet(
        block(
            f'xmlns:darktable="http://darktable.sf.net/" xmp:Rating="{rating}" darktable:xmp_version="5" {hashes}',
            inside,
        )
    )


HISTORY = "<darktable:history><rdf:Seq>{}</rdf:Seq></darktable:history>"


@pytest.mark.parametrize(
    ("hashes", "inside", "untouched"),
    [
        ('darktable:history_auto_hash="aa" darktable:history_current_hash="aa" darktable:history_end="11"', "", True),
        ('darktable:history_auto_hash="aa" darktable:history_current_hash="bb"', "", False),
        (
            'darktable:history_basic_hash="bb" darktable:history_auto_hash="aa" darktable:history_current_hash="bb"',
            "",
            True,
        ),
        ('darktable:history_current_hash="bb"', "", False),
        ('darktable:history_auto_hash="aa"', "", False),
        ("", "", True),
        ('darktable:history_end="0"', HISTORY.format(""), True),
        ('darktable:history_end="2"', "", False),
        ("", HISTORY.format("<rdf:li/>"), False),
    ],
)
def test_darktable_default_star_counts_only_on_an_automatic_history(hashes, inside, untouched):
    facts = read(darktable(1, hashes, inside))
    assert facts.written_by_darktable
    assert facts.darktable_untouched is untouched
    assert decide(facts) is (Opinion.NONE if untouched else Opinion.PERSON)


@pytest.mark.parametrize(
    ("attributes", "flag"),
    [
        ('xmlns:d="http://ns.adobe.com/xmp/1.0/DynamicMedia/" d:pick="1"', 1),
        ('xmlns:d="http://ns.adobe.com/xmp/1.0/DynamicMedia/" d:pick="-1"', -1),
        ('xmlns:d="http://ns.adobe.com/xmp/1.0/DynamicMedia/" d:pick="0"', None),
        ('xmlns:k="http://www.digikam.org/ns/1.0/" k:PickLabel="0"', None),
        ('xmlns:k="http://www.digikam.org/ns/1.0/" k:PickLabel="1"', -1),
        ('xmlns:k="http://www.digikam.org/ns/1.0/" k:PickLabel="2"', None),
        ('xmlns:k="http://www.digikam.org/ns/1.0/" k:PickLabel="3"', 1),
    ],
)
def test_flags_of_lightroom_and_digikam(attributes, flag):
    assert read(packet(block(attributes))).flag == flag


@pytest.mark.parametrize(("value", "stars"), [("75", True), ("0", False), ("", False), ("x", False)])
def test_stars_of_windows(value, stars):
    data = packet(block(f'xmlns:m="http://ns.microsoft.com/photo/1.0/" m:Rating="{value}"'))
    assert read(data).other_stars is stars


def test_person_who_clears_our_rating_by_taking_it_out():
    ours = merge(packet(block("xmlns:q='http://q/'")), RATING)
    assert decide(read(ours.replace(b' xmp:Rating="4"', b""))) is Opinion.PERSON
    assert decide(read(ours.replace(b' xmp:Rating="4"', b' xmp:Rating="0"'))) is Opinion.PERSON
    assert decide(read(ours.replace(b' xmp:Rating="4"', b' xmp:Rating="5"'))) is Opinion.PERSON
