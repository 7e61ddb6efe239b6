"""Finds where in a sidecar's bytes the picture's properties stand, and what else is written there.

The parser is expat, which tells the byte offset of every tag; so the bytes can be edited in place and everything that
is not understood stays as it is. Besides the places it keeps the whole document as a list of tokens with namespaces
resolved, less the properties that are ours to write: two documents with the same tokens differ in nothing else.
Invariant: a document type, and with it every entity, is refused before it is read; nothing is ever expanded.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.parsers import expat

from safelight.errors import SidecarBusy, SidecarRefused
from safelight.sidecars.vocabulary import (
    META,
    RDF,
    RDF_LI,
    RDF_RDF,
    SAFELIGHT,
    XML,
    XMP,
    Name,
    is_ours_to_write,
)

# Sidecars with many drawn masks reach a few MB; more than this is no sidecar, or an attack.
LIMIT_BYTES = 16 * 1024 * 1024

# The largest sidecar seen has 13 blocks and about 300 properties; a file with more than this is built to hurt.
LIMIT_PROPERTIES = 100_000

# Between the parts of a name; no XML document can contain this character.
_SEPARATOR = "\x1f"

_ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii", "ascii"})

Token = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Property:
    """One property written as an element."""

    name: Name
    start: int  # offset of its "<"
    close: int  # offset of its "</"; for a self-closing tag no such place exists and this is not used
    text: str
    simple: bool  # nothing but text: no elements, no qualifiers
    rows: int  # rdf:li elements anywhere inside


@dataclass(frozen=True, slots=True)
class Node:
    """One block of properties, usually an rdf:Description."""

    name: Name
    start: int
    attributes: tuple[tuple[Name, str], ...]  # in the order of the text, without namespace declarations
    properties: tuple[Property, ...]
    scope: Mapping[str, str]  # prefix to namespace URI, as it holds inside this block's tag

    @property
    def about_picture(self) -> bool:
        """Tell whether the block speaks of the picture; a nodeID or a bare array belongs to something inside it."""
        named = any(name == (RDF, "nodeID") for name, _ in self.attributes)
        return not named and (self.name[0] != RDF or self.name[1] == "Description")


@dataclass(frozen=True, slots=True)
class Document:
    """A sidecar as text with places."""

    start: int  # of the rdf:RDF tag
    close: int  # of "</rdf:RDF"; not used for a self-closing tag
    scope: Mapping[str, str]
    nodes: tuple[Node, ...]
    tokens: list[Token]
    texts: Mapping[Name, list[str]]  # what each property of the picture says, once for every place where it stands
    elements: Mapping[Name, list[Property]]  # the same, only where it is an element
    prefixes: Mapping[str, str]  # namespace URI to the first prefix that is bound to it anywhere
    taken: frozenset[str]  # every prefix that is bound anywhere


def locate(data: bytes, *, skip: int | None = None, declared: str = "") -> Document:
    """Parse a sidecar in UTF-8. The block that starts at offset `skip` is left out of the tokens.

    `declared` is an encoding that the text may name though it is UTF-8 here, because it was brought over from it.

    Raises SidecarBusy for what may be a half-written file (empty, cut off, not well-formed) and SidecarRefused for
    what is whole but not ours to edit: another encoding than UTF-8, a document type, no rdf:RDF, an absurd size.
    """
    _check_start(data)
    locator = _Locator(skip, declared)
    try:
        locator.parser.Parse(data, True)
    except expat.ExpatError as error:
        raise SidecarBusy(
            f"The sidecar is not whole: {error}.",
            hint="Another program may be writing it just now; it is looked at again later.",
        ) from error
    finally:
        del locator.parser  # the two hold each other, and a large document would wait for the garbage collector
    return locator.document()


def refused(why: str) -> SidecarRefused:
    """Return the refusal of a sidecar that is left as it is."""
    return SidecarRefused(why, hint="The file was left as it is; save it again with the program that wrote it.")


def _check_start(data: bytes) -> None:
    if len(data) > LIMIT_BYTES:
        raise refused(f"The sidecar is larger than {LIMIT_BYTES // 1024**2} MB.")
    # Known by the zero bytes that every "<" then has beside it, or by the mark of UTF-32.
    if data[:2] in (b"<\0", b"\0<") or data[:4] in (b"\0\0\0<", b"\xff\xfe\0\0", b"\0\0\xfe\xff"):
        raise refused("The sidecar is written in UTF-32, or UTF-16 without its mark, and cannot be edited in place.")


@dataclass(slots=True)
class _OpenNode:
    name: Name
    start: int
    attributes: tuple[tuple[Name, str], ...]
    scope: Mapping[str, str]
    properties: list[Property] = field(default_factory=list)
    silent: bool = False  # leaves no tokens


@dataclass(slots=True)
class _OpenProperty:
    name: Name
    start: int
    simple: bool
    text: list[str] = field(default_factory=list)
    rows: int = 0


class _Locator:
    """Follows expat through one document; depth counts open elements, and the levels of rdf:RDF are fixed by it."""

    def __init__(self, skip: int | None, declared: str) -> None:
        self._encodings = (*_ENCODINGS, declared)
        self.parser = expat.ParserCreate("UTF-8", _SEPARATOR)
        self._skip = skip
        self._names: dict[str, Name] = {}
        self._scope: dict[str, list[str]] = {}
        self._prefixes: dict[str, str] = {}
        self._tokens: list[Token] = []
        self._text: list[str] = []
        self._bound: list[Token] = []  # namespaces declared by the tag that expat is about to report
        self._depth = 0
        self._rdf_depth = -1  # depth of rdf:RDF's children, -1 outside of it
        self._rdf: tuple[int, Mapping[str, str]] | None = None
        self._rdf_close = 0
        self._node: _OpenNode | None = None
        self._property: _OpenProperty | None = None
        self._nodes: list[Node] = []
        self._count = 0
        self._listen()

    def _listen(self) -> None:
        parser = self.parser
        parser.namespace_prefixes = True
        parser.ordered_attributes = True
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text.append
        parser.StartNamespaceDeclHandler = self._bind
        parser.EndNamespaceDeclHandler = self._unbind
        parser.XmlDeclHandler = self._declaration
        parser.StartDoctypeDeclHandler = self._doctype
        parser.CommentHandler = lambda text: self._record(("comment", text))
        parser.ProcessingInstructionHandler = lambda target, text: self._record(("instruction", target, text))
        parser.StartCdataSectionHandler = lambda: self._mark_cdata("[")
        parser.EndCdataSectionHandler = lambda: self._mark_cdata("]")

    def document(self) -> Document:
        """Return what was found. Raises SidecarRefused without an rdf:RDF where XMP has it."""
        if self._rdf is None:
            raise refused("The file holds no XMP.")
        start, scope = self._rdf
        texts: dict[Name, list[str]] = {}
        elements: dict[Name, list[Property]] = {}
        for node in self._nodes:
            if node.about_picture:
                for name, value in node.attributes:
                    texts.setdefault(name, []).append(value)
                for each in node.properties:
                    texts.setdefault(each.name, []).append(each.text)
                    elements.setdefault(each.name, []).append(each)
        nodes, taken = tuple(self._nodes), frozenset(self._scope)
        return Document(start, self._rdf_close, scope, nodes, self._tokens, texts, elements, self._prefixes, taken)

    def _name(self, raw: str) -> Name:
        found = self._names.get(raw)
        if found is None:
            parts = raw.split(_SEPARATOR)
            found = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
            self._names[raw] = found
        return found

    def _start(self, raw: str, attributes: list[str]) -> None:
        self._flush()
        if self._bound:
            bound, self._bound = self._bound, []
            if self.parser.CurrentByteIndex != self._skip:
                self._tokens += bound
        depth, name = self._depth, self._name(raw)
        self._depth += 1
        if name == RDF_RDF and self._rdf_depth < 0 and depth <= 1:
            self._open_rdf(depth)
        elif depth == self._rdf_depth:
            self._open_node(raw, name, attributes)
            return
        elif self._node is not None and depth == self._rdf_depth + 1:
            self._open_property(raw, name, attributes)
            return
        elif self._property is not None:
            self._property.simple = False
            self._property.rows += name == RDF_LI
        elif depth == 0 and name[0] != META:
            raise refused("The file is XML, but not XMP.")
        self._record(("<", raw, *attributes))

    def _open_rdf(self, depth: int) -> None:
        if self._rdf is not None:
            raise refused("The sidecar holds two XMP packets.")
        self._rdf = (self.parser.CurrentByteIndex, self._bindings())
        self._rdf_depth = depth + 1

    def _open_node(self, raw: str, name: Name, attributes: list[str]) -> None:
        start = self.parser.CurrentByteIndex
        pairs = tuple(zip(attributes[::2], attributes[1::2], strict=True))
        named = tuple((self._name(key), value) for key, value in pairs)
        self._count_property(1 + len(named))
        self._node = _OpenNode(name, start, named, self._bindings(), silent=start == self._skip)
        if not self._node.silent:
            kept = [part for pair in pairs if not is_ours_to_write(self._name(pair[0])) for part in pair]
            self._record(("<", raw, *kept))

    def _open_property(self, raw: str, name: Name, attributes: list[str]) -> None:
        # Qualifiers make a property more than its text; a language or a data type does not.
        simple = all(self._name(key)[0] == XML or self._name(key) == (RDF, "datatype") for key in attributes[::2])
        self._count_property(1)
        self._property = _OpenProperty(name, self.parser.CurrentByteIndex, simple)
        if not is_ours_to_write(name):
            self._record(("<", raw, *attributes))

    def _end(self, raw: str) -> None:
        self._flush()
        self._depth -= 1
        here = self.parser.CurrentByteIndex
        if self._depth == self._rdf_depth + 1 and self._property is not None:
            if self._close_property(self._property, here):
                return
        elif self._depth == self._rdf_depth and self._node is not None:
            if self._close_node(self._node):
                return
        elif self._depth == self._rdf_depth - 1:
            self._rdf_close, self._rdf_depth = here, -1
        self._tokens.append((">",))

    def _close_property(self, done: _OpenProperty, here: int) -> bool:
        closed = Property(done.name, done.start, here, "".join(done.text), done.simple, done.rows)
        if self._node is not None:
            self._node.properties.append(closed)
        self._property = None
        return is_ours_to_write(done.name)

    def _close_node(self, done: _OpenNode) -> bool:
        self._nodes.append(Node(done.name, done.start, done.attributes, tuple(done.properties), done.scope))
        self._node = None
        return done.silent

    def _flush(self) -> None:
        """Turn the text read so far into one token, however expat cut it."""
        if not self._text:
            return
        text = "".join(self._text)
        self._text.clear()
        if self._property is not None and self._depth == self._rdf_depth + 2:
            self._property.text.append(text)
            if is_ours_to_write(self._property.name):
                return
        elif self._depth == self._rdf_depth and text.isspace():
            return  # blanks between blocks: a new block may be put there
        self._tokens.append(("text", text))

    def _record(self, token: Token) -> None:
        self._flush()
        self._tokens.append(token)

    def _mark_cdata(self, sign: str) -> None:
        self._flush()
        if self._property is None or not is_ours_to_write(self._property.name):
            self._tokens.append((sign,))

    def _count_property(self, count: int) -> None:
        self._count += count
        if self._count > LIMIT_PROPERTIES:
            raise refused(f"The sidecar has more than {LIMIT_PROPERTIES} properties.")

    def _bind(self, prefix: str | None, uri: str | None) -> None:
        self._scope.setdefault(prefix or "", []).append(uri or "")
        if prefix and uri:
            self._prefixes.setdefault(uri, prefix)
        if uri not in (XMP, SAFELIGHT):  # a merge may have to declare these two
            self._bound.append(("namespace", prefix or "", uri or ""))

    def _unbind(self, prefix: str | None) -> None:
        self._scope[prefix or ""].pop()

    def _bindings(self) -> Mapping[str, str]:
        return {prefix: uris[-1] for prefix, uris in self._scope.items() if uris}

    def _declaration(self, version: str, encoding: str | None, standalone: int) -> None:
        if encoding is not None and encoding.lower() not in self._encodings:
            raise refused(f"The sidecar is written in {encoding}, and only UTF-8 and UTF-16 can be edited in place.")
        self._record(("declaration", version, encoding or "", str(standalone)))

    def _doctype(self, name: str, system: str | None, public: str | None, internal: bool) -> None:
        raise refused("The sidecar has a document type declaration, which no photo program writes.")
