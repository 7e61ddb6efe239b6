"""Names the XMP properties that a rating decision reads or writes.

One list, so that what may change in a sidecar (`is_ours_to_write`) is said in one place only. Invariant: the names
that Safelight writes are `xmp:Rating` and its own namespace; `xmp:Label` and `photoshop:Urgency` are never among them.
"""

# A property's name: namespace URI ("" for none) and local name. Prefixes mean nothing; old files say xap:Rating.
Name = tuple[str, str]

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
META = "adobe:ns:meta/"
XML = "http://www.w3.org/XML/1998/namespace"
XMP = "http://ns.adobe.com/xap/1.0/"
DARKTABLE = "http://darktable.sf.net/"

# Ends in "/": exiv2 and Adobe's toolkit append the local name to the URI and would otherwise glue the two together.
SAFELIGHT = "urn:safelight:xmp:1.0/"

RATING: Name = (XMP, "Rating")
LABEL: Name = (XMP, "Label")
OUR_RATING: Name = (SAFELIGHT, "rating")
OUR_SCORE: Name = (SAFELIGHT, "score")
OUR_REASON: Name = (SAFELIGHT, "reason")
OUR_VERSION: Name = (SAFELIGHT, "version")

DARKTABLE_HISTORY: Name = (DARKTABLE, "history")
DARKTABLE_HISTORY_END: Name = (DARKTABLE, "history_end")
DARKTABLE_CURRENT: Name = (DARKTABLE, "history_current_hash")
# What darktable had put there by itself: with its automatic presets, or with the modules that every picture gets.
DARKTABLE_UNTOUCHED: tuple[Name, ...] = ((DARKTABLE, "history_auto_hash"), (DARKTABLE, "history_basic_hash"))

ADOBE_PICK: Name = ("http://ns.adobe.com/xmp/1.0/DynamicMedia/", "pick")  # -1 rejected, 0 none, 1 picked
DIGIKAM_PICK: Name = ("http://www.digikam.org/ns/1.0/", "PickLabel")  # 0 none, 1 rejected, 2 pending, 3 accepted

# Stars in other vocabularies; a number above 0 there is a person's rating even where xmp:Rating is absent.
OTHER_STARS: tuple[Name, ...] = (
    ("http://ns.microsoft.com/photo/1.0/", "Rating"),  # percent, 1-99
    ("http://ns.acdsee.com/iptc/1.0/", "rating"),
)

RDF_RDF: Name = (RDF, "RDF")
RDF_DESCRIPTION: Name = (RDF, "Description")
RDF_LI: Name = (RDF, "li")

# The prefix we would like; another is taken where this one already means something else.
PREFIXES = {RDF: "rdf", XMP: "xmp", SAFELIGHT: "safelight"}


def is_ours_to_write(name: Name) -> bool:
    """Say whether a property of the picture may differ after a merge."""
    return name == RATING or name[0] == SAFELIGHT
