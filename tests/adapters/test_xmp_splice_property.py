"""Whatever a sidecar looks like, a merge changes our properties and nothing else.

The sidecars are generated with the variety that real programs show; the check that nothing else changed is made by
another parser than the one under test, on trees with comments and instructions kept.
"""

from dataclasses import replace
from xml.etree import ElementTree as ET

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safelight.domain.opinion import Opinion, OurRating
from safelight.errors import SidecarBusy, SidecarRefused
from safelight.sidecars.facts import decide
from safelight.sidecars.files import load
from safelight.sidecars.writer import apply, digest, plan, undo
from safelight.sidecars.xmp import merge, read

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
XMP = "http://ns.adobe.com/xap/1.0/"
OWN = "urn:safelight:xmp:1.0/"

texts = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12)
ratings = st.builds(
    OurRating,
    st.integers(1, 5),
    st.floats(-9, 9),
    st.text(max_size=40),
    st.sampled_from(["0.1.0", "2.0 <beta>"]),
)


def escaped(text):
    for sign, name in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&#34;"), ("'", "&apos;")):
        text = text.replace(sign, name)
    return text


@st.composite
def attributes(draw, names):
    gap = draw(st.sampled_from([" ", "  ", "\n   ", "\t"]))
    parts = []
    for name in names:
        quote = draw(st.sampled_from("\"'"))
        equals = draw(st.sampled_from(["=", " = "])) if not name.startswith("xmlns") else "="
        parts.append(f"{gap}{name}{equals}{quote}{escaped(draw(texts))}{quote}")
    return "".join(parts)


@st.composite
def elements(draw, prefix):
    kind = draw(st.integers(0, 6))
    text = escaped(draw(texts))
    name = f"{prefix}:{draw(st.sampled_from(['A', 'Rating', 'b-c', 'Ünïcode']))}"
    return {
        0: f"<{name}>{text}</{name}>",
        1: f"<{name}/>",
        2: f"<!-- {text.replace('-', '')} -->",
        3: f"<{name}><![CDATA[<xmp:Rating>{text.replace(']', '')}]]></{name}>",
        4: f"<{name}><rdf:Seq><rdf:li>{text}</rdf:li><rdf:li/></rdf:Seq></{name}>",
        5: f"<?note {text.replace('?', '')}?>",
        6: f"<{name} rdf:parseType='Resource'><{prefix}:Rating>{text}</{prefix}:Rating></{name}>",
    }[kind]


@st.composite
def rating_forms(draw):
    """A rating (or none), as text of an attribute and text of an element; one of the two is empty."""
    value = draw(st.sampled_from([None, "", "0", "1", "3", " 4 ", "5.0", "-1"]))
    if value is None:
        return "", ""
    if draw(st.booleans()):
        quote = draw(st.sampled_from("\"'"))
        return f" {{xmp}}:Rating={quote}{value}{quote}", ""
    inside = draw(st.sampled_from([value, f"<![CDATA[{value}]]>", f"<!--r-->{value}<!--s-->"]))
    return "", f"<{{xmp}}:Rating>{inside}</{{xmp}}:Rating>"


@st.composite
def blocks(draw, xmp, rating):
    declared = [f'xmlns:q="http://q/{draw(st.integers(0, 3))}/"', 'xmlns:xmpMM="http://mm/"', f'xmlns:{xmp}="{XMP}"']
    if draw(st.booleans()):
        declared.append('xmlns:safelight="http://other/lamp/"')
    gap = draw(st.sampled_from([" ", "\n    "]))
    names = draw(st.lists(st.sampled_from(["q:A", "q:Rating", "xmpMM:D", "xml:lang"]), unique=True, max_size=3))
    attribute, element = rating
    head = "".join(gap + each for each in draw(st.permutations(declared)))
    parts = [draw(elements("q")) for _ in range(draw(st.integers(0, 3)))]
    parts.insert(draw(st.integers(0, len(parts))), element)
    between = draw(st.sampled_from(["", "\n   "]))
    body = between.join(part for part in parts if part)
    tag = f'<rdf:Description rdf:about=""{head}{draw(attributes(names))}{attribute}'.replace("{xmp}", xmp)
    body = body.replace("{xmp}", xmp)
    if not body and draw(st.booleans()):
        return tag + draw(st.sampled_from(["/>", " />", "\n/>"]))
    return f"{tag}>{between}{body}{between}</rdf:Description>"


@st.composite
def sidecars(draw):
    xmp = draw(st.sampled_from(["xmp", "xap", "a"]))
    count = draw(st.integers(0, 4))
    place = draw(st.integers(0, max(count - 1, 0)))
    rating = draw(rating_forms())
    inside = [draw(blocks(xmp, rating if at == place else ("", ""))) for at in range(count)]
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    body = f'<rdf:RDF xmlns:rdf="{RDF}">\n ' + "\n ".join(inside) + "\n</rdf:RDF>"
    if draw(st.booleans()):
        body = f'<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="any">\n{body}\n</x:xmpmeta>'
    if draw(st.booleans()):
        body = f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>\n{body}\n<?xpacket end="w"?>'
    elif draw(st.booleans()):
        body = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}\n'
    if draw(st.booleans()):
        body = "\ufeff" + body
    return body.replace("\n", newline).encode()


def others(data):
    """Everything in a sidecar but the properties that are ours to write, by the standard library's tree."""
    builder = ET.TreeBuilder(insert_comments=True, insert_pis=True)
    root = ET.fromstring(data, ET.XMLParser(target=builder))
    rdf = root if root.tag == f"{{{RDF}}}RDF" else root.find(f"{{{RDF}}}RDF")
    for node in list(rdf):
        for name in [name for name in node.attrib if ours(name)]:
            del node.attrib[name]
        for child in list(node):
            if isinstance(child.tag, str) and ours(child.tag):
                child.text, child.tag = None, "ours"
                for comment in child:
                    comment.tail = None
    return rows(root, rdf)


def ours(name):
    return name == f"{{{XMP}}}Rating" or name.startswith(f"{{{OWN}}}")


def rows(root, rdf):
    found = []
    for each in root.iter():
        blank = each is rdf or each in list(rdf)
        text = (each.text or "").strip() if each is rdf else each.text or ""
        tail = (each.tail or "").strip() if blank else each.tail or ""
        found.append((str(each.tag), sorted(each.attrib.items()), text, tail))
    return found


@QUICK
@given(sidecars(), ratings)
def test_merge_reads_back_and_changes_nothing_else(data, rating):
    result = merge(data, rating)
    facts = read(result)
    assert facts.rating == rating.rating
    assert decide(facts) is Opinion.OURS
    before, after = others(data), others(result)
    if b"Description" not in data:
        after = [row for row in after if row[0] != f"{{{RDF}}}Description"]
    assert after == before


@QUICK
@given(sidecars(), ratings)
def test_merge_is_idempotent(data, rating):
    once = merge(data, rating)
    assert merge(once, rating) is once


@QUICK
@given(sidecars(), ratings, ratings)
def test_merges_do_not_pile_up(data, first, second):
    first = replace(first, version=second.version)
    assert read(merge(merge(data, first), second)) == read(merge(data, second))
    settled = merge(merge(data, first), second)
    assert merge(merge(settled, first), second) == settled


@QUICK
@given(sidecars(), ratings)
def test_every_untouched_byte_is_still_there_in_order(data, rating):
    """The input less its rating values is a subsequence of the output: nothing moved, nothing was rewritten."""
    result = merge(data, rating)
    head = data.index(b"RDF")
    assert result[:head] == data[:head]
    tail = len(data) - data.rindex(b"RDF>")
    assert result[-tail:] == data[-tail:]


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=sidecars(), rating=ratings)
def test_undo_restores_every_byte(tmp_path_factory, data, rating):
    path = tmp_path_factory.mktemp("undo") / "A.CR2.xmp"
    path.write_bytes(data)
    planned = plan([load(path)], rating)
    assert bool(planned.writes) == (planned.opinion is Opinion.NONE)
    for write in planned.writes:
        written = apply(write)
        assert path.read_bytes() == write.after != data
        assert written.digest == digest(write.after)
        assert undo(path, write.before, written.digest)
    assert path.read_bytes() == data
    assert [each.name for each in path.parent.iterdir()] == [path.name]


@QUICK
@given(sidecars(), st.data())
def test_a_cut_sidecar_is_busy_never_unrated(data, choice):
    cut = choice.draw(st.integers(0, data.rindex(b"RDF>")))
    try:
        read(data[:cut])
    except (SidecarBusy, SidecarRefused):
        return
    raise AssertionError("a half-written sidecar was believed")


@QUICK
@given(st.binary(max_size=300), ratings)
def test_arbitrary_bytes_end_in_an_error_of_ours(data, rating):
    try:
        merge(data, rating)
    except (SidecarBusy, SidecarRefused):
        return
    raise AssertionError("noise was taken for a sidecar")


@QUICK
@given(sidecars(), st.integers(0, 5000), st.binary(min_size=1, max_size=8), ratings)
def test_damaged_sidecars_are_edited_faithfully_or_not_at_all(data, at, noise, rating):
    at %= len(data)
    damaged = data[:at] + noise + data[at + len(noise) :]
    try:
        result = merge(damaged, rating)
    except (SidecarBusy, SidecarRefused):
        return
    assert read(result).rating == rating.rating
    if b"Description" in damaged:
        assert others(result) == others(damaged)
