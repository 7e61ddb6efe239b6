"""Reads out of an XMP packet in a picture which other picture it was made from.

Exporters say it in three ways: xmpMM:DerivedFrom as a file name (darktable), as a reference with ids and sometimes a
path (Adobe's toolkit), or only as the name of the RAW that Camera Raw's settings were for (Lightroom's exports).
A name can be looked for and an id cannot, so a name is preferred.
The packet comes from strangers. expat reads it within bounds, and a document type, the only way to entities, ends it.
Invariant: never raises; a packet that is damaged, too large or hostile tells nothing.
"""

from xml.parsers import expat

_SEPARATOR = "\x1f"
_MEDIA = f"http://ns.adobe.com/xap/1.0/mm/{_SEPARATOR}"
_REFERENCE = f"http://ns.adobe.com/xap/1.0/sType/ResourceRef#{_SEPARATOR}"
_CAMERA_RAW = f"http://ns.adobe.com/camera-raw-settings/1.0/{_SEPARATOR}"

_DERIVED = _MEDIA + "DerivedFrom"
_PATH, _DOCUMENT, _INSTANCE = (_REFERENCE + name for name in ("filePath", "documentID", "instanceID"))
_RAW_NAME = _CAMERA_RAW + "RawFileName"
_BY_PREFERENCE = (_DERIVED, _PATH, _RAW_NAME, _DOCUMENT, _INSTANCE)

_MOST_BYTES = 1 << 20
_MOST_ELEMENTS = 50_000
_MOST_LETTERS = 1024
_MOST_DEPTH = 100  # XMP nests a dozen levels


class _Enough(Exception):
    """The packet is not read any further; stays within this module."""


class _Reader:
    """Keeps the few values asked for; those of a reference only where it stands inside DerivedFrom."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._open: list[str] = []
        self._text: list[str] = []
        self._elements = 0
        self._derived_depth = 0  # depth at which DerivedFrom is open; 0: it is not
        self.parser = expat.ParserCreate(None, _SEPARATOR)
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._letters
        self.parser.StartDoctypeDeclHandler = self._refuse

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._open.append(name)
        self._text.clear()
        if self._elements > _MOST_ELEMENTS or len(self._open) > _MOST_DEPTH:
            raise _Enough
        if name == _DERIVED and not self._derived_depth:
            self._derived_depth = len(self._open)
        for key, value in attributes.items():
            self._keep(key, value)

    def _end(self, name: str) -> None:
        self._keep(name, "".join(self._text))
        self._text.clear()
        self._open.pop()
        if len(self._open) < self._derived_depth:
            self._derived_depth = 0

    def _keep(self, name: str, value: str) -> None:
        told = name in (_DERIVED, _RAW_NAME) or (self._derived_depth and name.startswith(_REFERENCE))
        if told and value.strip():
            self.values.setdefault(name, value.strip()[:_MOST_LETTERS])

    def _letters(self, text: str) -> None:
        if self._open[-1] in _BY_PREFERENCE:
            self._text.append(text)

    def _refuse(self, *_: object) -> None:
        raise _Enough


def derived_from(packet: object) -> str | None:
    """Return the file name, path or document id of what a picture was made from, by its XMP packet (bytes or text)."""
    data = packet.encode("utf-8", "replace") if isinstance(packet, str) else packet
    if (
        not isinstance(data, bytes)
        or len(data) > _MOST_BYTES
        or (b"DerivedFrom" not in data and b"RawFile" not in data)
    ):
        return None
    reader = _Reader()
    try:
        reader.parser.Parse(data.rstrip(b"\0"), True)
    except (expat.ExpatError, _Enough, ValueError):
        return None
    finally:
        del reader.parser  # the two hold each other, and would wait for the garbage collector
    return next((reader.values[name] for name in _BY_PREFERENCE if name in reader.values), None)
