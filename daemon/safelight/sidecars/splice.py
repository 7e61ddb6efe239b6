"""Writes property values into the bytes of a sidecar and leaves every other byte as it is.

A value is changed where it stands and in the form it has there, attribute or element; a property that is missing
becomes an attribute of the block that speaks of the picture, with the indentation of its neighbours. Serialising the
document anew would be shorter, but it drops comments, reorders attributes and renames prefixes, and the next person
to look at a diff of the sidecar would not know what happened.
Invariant: the result is the input with some spans replaced, and the spans lie inside tags or values that are ours.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from safelight.sidecars.markup import Document, Node, Property, refused
from safelight.sidecars.vocabulary import PREFIXES, RATING, RDF, RDF_DESCRIPTION, SAFELIGHT, XMP, Name

# Expat has accepted the document, so these need not judge it: they only find the borders inside one start tag.
_TAG = re.compile(rb"""<([^\s/>]+)((?:\s+[^\s=/>]+\s*=\s*(?:"[^"]*"|'[^']*'))*+)\s*(/?)>""")
_ATTRIBUTE = re.compile(rb"""(\s+)([^\s=/>]+)\s*=\s*(["'])(.*?)\3""", re.DOTALL)
_CONTENT = re.compile(rb"<!--.*?-->|<\?.*?\?>|(<!\[CDATA\[.*?\]\]>|[^<]+)", re.DOTALL)

# XML 1.0, section 2.2: what no document may hold. Lone surrogates come from file names that are not UTF-8.
_NOT_XML = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")

REASON_LIMIT = 300  # characters; a reason is one sentence


@dataclass(frozen=True, slots=True)
class Spliced:
    """The edited bytes; `block` is the offset of an rdf:Description that was put in, None if there was one."""

    data: bytes
    block: int | None


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    new: bytes


@dataclass(frozen=True, slots=True)
class _Tag:
    """A start tag in the bytes: the raw element name, its end, and where each attribute stands."""

    raw: bytes
    end: int  # one past ">"
    self_closing: bool
    names_end: int  # one past the element's name
    attributes: tuple[re.Match[bytes], ...]


def splice(data: bytes, document: Document, values: Mapping[Name, str]) -> Spliced:
    """Return `data` with each property of the picture set to its value. Raises SidecarRefused where that is unsafe."""
    edits: list[_Edit] = []
    missing: dict[Name, str] = {}
    for name, value in values.items():
        places = list(_places(data, document, name, value))
        edits += [edit for edit in places if data[edit.start : edit.end] != edit.new]
        if not places:
            missing[name] = value
    home = _home(document)
    if home is None:  # then nothing stood anywhere, and the new block is the only change
        addition, block = _new_block(data, document, missing)
        return Spliced(_apply(data, [addition]), block)
    if missing:
        edits.append(_more_attributes(data, document, home, missing))
    return Spliced(_apply(data, edits), None)


def plain(text: str, limit: int = REASON_LIMIT) -> str:
    """Return text as one line that XML can hold, at most `limit` characters."""
    return " ".join(_NOT_XML.sub("\ufffd", text).split())[:limit].rstrip()


def _apply(data: bytes, edits: Sequence[_Edit]) -> bytes:
    pieces, done = [], 0
    for edit in sorted(edits, key=lambda each: (each.start, each.end)):
        if edit.start < done:
            raise refused("Two changes to the sidecar would overlap.")
        pieces += [data[done : edit.start], edit.new]
        done = edit.end
    return b"".join([*pieces, data[done:]])


def _places(data: bytes, document: Document, name: Name, value: str) -> Iterator[_Edit]:
    """Yield an edit for every place where a property of the picture stands, changed or not."""
    for node in document.nodes:
        if not node.about_picture:
            continue
        if any(known == name for known, _ in node.attributes):
            yield from _attribute_places(data, node, name, value)
        for each in node.properties:
            if each.name == name:
                yield _element_place(data, each, value)


def _attribute_places(data: bytes, node: Node, name: Name, value: str) -> Iterator[_Edit]:
    matches = [match for match in _tag(data, node.start).attributes if not _declares(match)]
    if len(matches) != len(node.attributes):
        raise refused("The attributes of the sidecar could not be found again.")
    for match, (known, _) in zip(matches, node.attributes, strict=True):
        if known == name:
            yield _Edit(match.start(4), match.end(4), _escape(value, match.group(3)))


def _element_place(data: bytes, found: Property, value: str) -> _Edit:
    if not found.simple:
        raise refused("The sidecar holds a rating with parts, which cannot be edited without losing some.")
    tag = _tag(data, found.start)
    new = _escape(value, b"")
    if tag.self_closing:
        slash = tag.end - 2
        return _Edit(slash, tag.end, b">" + new + b"</" + tag.raw + b">")
    return _Edit(tag.end, found.close, _content(data[tag.end : found.close], new))


def _content(old: bytes, new: bytes) -> bytes:
    """Put a value in the place of an element's text; comments between its pieces stay."""
    pieces: list[bytes] = []
    written = False
    for match in _CONTENT.finditer(old):
        if match.group(1) is None:
            pieces.append(match.group())
        elif not written and match.group().strip():
            pieces.append(new)
            written = True
    return b"".join(pieces) if written else new + b"".join(pieces)


def _home(document: Document) -> Node | None:
    """Choose the block that gets new attributes: where our facts, the rating or other xmp facts are, else the first."""
    nodes = [node for node in document.nodes if node.about_picture]

    def order(node: Node) -> tuple[bool, ...]:
        names = {name for name, _ in node.attributes} | {each.name for each in node.properties}
        ours = any(name[0] == SAFELIGHT for name in names)
        return (not ours, RATING not in names, node.name != RDF_DESCRIPTION, XMP not in node.scope.values())

    return min(nodes, key=order, default=None)


def _more_attributes(data: bytes, document: Document, node: Node, values: Mapping[Name, str]) -> _Edit:
    """Put attributes after the block's namespace declarations, so that as few lines as possible change."""
    tag = _tag(data, node.start)
    declared = [index for index, match in enumerate(tag.attributes) if _declares(match)]
    count = len(tag.attributes)
    before = declared[-1] if declared else count - 1
    after = min(before + 1, count - 1)
    gap = _gap(tag.attributes[after]) if count else b" "
    spot = tag.attributes[before].end() if count else tag.names_end
    gap_before = _gap(tag.attributes[before]) if declared else gap
    return _Edit(spot, spot, _written(values, node.scope, document, gap, gap_before))


def _new_block(data: bytes, document: Document, values: Mapping[Name, str]) -> tuple[_Edit, int]:
    tag = _tag(data, document.start)
    newline = b"\r\n" if b"\r\n" in data else b"\n"
    prefix, declaration = _prefix(RDF, document.scope, document)
    scope = {**document.scope, prefix: RDF}
    about = next((value for node in document.nodes for name, value in node.attributes if name == (RDF, "about")), "")
    head = f"<{prefix}:Description {prefix}:about=".encode() + b'"' + _escape(about, b'"') + b'"'
    gap = newline + b"   "
    block = head + (gap + declaration if declaration else b"") + _written(values, scope, document, gap, gap) + b"/>"
    if tag.self_closing:
        inside = newline + b"  " + block + newline + b" "
        return _Edit(tag.end - 2, tag.end, b">" + inside + b"</" + tag.raw + b">"), tag.end - 2 + 1 + len(newline) + 2
    return _Edit(document.close, document.close, b" " + block + newline + b" "), document.close + 1


def _written(
    values: Mapping[Name, str], scope: Mapping[str, str], document: Document, gap: bytes, gap_before: bytes
) -> bytes:
    """Return attributes as text, after the namespace declarations that they need."""
    declarations: dict[str, bytes] = {}
    attributes = b""
    known = dict(scope)
    for (uri, local), value in values.items():
        prefix, declaration = _prefix(uri, known, document)
        if declaration:
            declarations[uri] = gap_before + declaration
            known[prefix] = uri
        attributes += gap + f'{prefix}:{local}="'.encode() + _escape(value, b'"') + b'"'
    return b"".join(declarations.values()) + attributes


def _prefix(uri: str, scope: Mapping[str, str], document: Document) -> tuple[str, bytes]:
    """Return a prefix for a namespace and the declaration it needs, empty where it is already bound.

    Adobe's toolkit, and with it exiv2 and darktable, rejects a whole sidecar in which one namespace has two prefixes
    or one prefix two namespaces. So a namespace that is declared in another block is declared here by the same name,
    and a new one by a name that means nothing anywhere.
    """
    bound = sorted(prefix for prefix, known in scope.items() if known == uri and prefix)
    if bound:
        return bound[0], b""
    wanted = prefix = document.prefixes.get(uri, PREFIXES[uri])
    number = 1
    while prefix in scope or (prefix in document.taken and document.prefixes.get(uri) != prefix):
        number += 1
        prefix = f"{wanted}{number}"
    return prefix, f'xmlns:{prefix}="{uri}"'.encode()


def _tag(data: bytes, start: int) -> _Tag:
    match = _TAG.match(data, start)
    if match is None:
        raise refused("A tag of the sidecar could not be found again.")
    attributes = tuple(_ATTRIBUTE.finditer(data, match.start(2), match.end(2)))
    return _Tag(match.group(1), match.end(), bool(match.group(3)), match.end(1), attributes)


def _gap(match: re.Match[bytes]) -> bytes:
    """Return what separates an attribute from the one before: blanks, or one line end and its indentation."""
    blanks = match.group(1)
    line, newline, indent = blanks.rpartition(b"\n")
    return (b"\r\n" if line.endswith(b"\r") else newline) + indent


def _declares(match: re.Match[bytes]) -> bool:
    name = match.group(2)
    return name == b"xmlns" or name.startswith(b"xmlns:")


def _escape(text: str, quote: bytes) -> bytes:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    if quote:
        escaped = escaped.replace('"', "&quot;") if quote == b'"' else escaped.replace("'", "&apos;")
    return escaped.encode()
