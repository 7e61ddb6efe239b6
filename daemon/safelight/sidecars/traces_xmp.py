"""Reads a person's decisions out of an XMP sidecar: rating, flag, label, develop settings.

Everybody writes into the same file, so a statement is only taken where a person must stand behind it:
- the rating only where `decide` says PERSON;
- darktable's settings where the hash of the current history is neither that of its automatic presets nor that of the
  modules every picture gets; `history_end` counts those too and says nothing. Before 3.0 there were no hashes;
- Camera Raw's settings where one that is neutral at 0 is not 0, or a crop or local correction is there. Lightroom
  writes its defaults for every picture, and presets at import look the same, so even that is weak;
- digiKam's editor where its history of the image names an operation.
Invariant: pure; the same bytes give the same findings.
"""

import re
from collections.abc import Iterator

from safelight.domain.opinion import Opinion
from safelight.ports import TraceKind
from safelight.sidecars.facts import decide
from safelight.sidecars.findings import (
    CONFIDENCE_FLAG,
    CONFIDENCE_LABEL,
    CONFIDENCE_RATING,
    CONFIDENCE_UNSURE,
    Finding,
    digest,
    number,
    stars,
)
from safelight.sidecars.markup import Document
from safelight.sidecars.vocabulary import (
    DARKTABLE,
    DARKTABLE_CURRENT,
    DARKTABLE_UNTOUCHED,
    DIGIKAM_PICK,
    OTHER_STARS,
    Name,
)
from safelight.sidecars.xmp import Sidecar

CONFIDENCE_DARKTABLE = 0.9
CONFIDENCE_DIGIKAM = 0.6
CONFIDENCE_CAMERA_RAW = 0.3

CAMERA_RAW = "http://ns.adobe.com/camera-raw-settings/1.0/"
DIGIKAM = DIGIKAM_PICK[0]
_ACDSEE_STARS, _MICROSOFT_PERCENT = OTHER_STARS[1], OTHER_STARS[0]
_DARKTABLE_LABELS: Name = (DARKTABLE, "colorlabels")
_DIGIKAM_LABEL: Name = (DIGIKAM, "ColorLabel")
_DIGIKAM_HISTORY: Name = (DIGIKAM, "ImageHistory")

# Names of the numbers that darktable and digiKam keep; in darktable 0 is red, in digiKam 0 is none.
_DARKTABLE_COLOURS = ("red", "yellow", "green", "blue", "purple")
_DIGIKAM_COLOURS = ("", "red", "orange", "yellow", "green", "blue", "magenta", "gray", "black", "white")
_ROW = re.compile(rb"<[^<>/]*\bli\b[^<>]*>\s*(\d)\s*</")

# What Camera Raw keeps beside the settings; it changes without anybody having touched a picture.
_BOOKKEEPING = frozenset(
    (
        "Version ProcessVersion CompatibleVersion RawFileName HasSettings AlreadyApplied CropConstrainToWarp UUID "
        "SupportsAmount SupportsColor SupportsHighDynamicRange SupportsMonochrome SupportsNormalDynamicRange "
        "SupportsOutputReferred SupportsSceneReferred RequiresRGBTables Copyright ContactInfo Group Cluster Name "
        "ShortName SortName Description CameraProfileDigest ToneCurveName ToneCurveName2012"
    ).split()
)

# Settings that are 0 until somebody, or a preset, moves them (Adobe XMP namespace "Camera Raw Schema").
_NEUTRAL_AT_ZERO = frozenset(
    (
        "Exposure2012 Contrast2012 Highlights2012 Shadows2012 Whites2012 Blacks2012 Texture Clarity2012 Clarity "
        "Dehaze Vibrance Saturation Exposure FillLight HighlightRecovery ParametricShadows ParametricDarks "
        "ParametricLights ParametricHighlights SplitToningShadowSaturation SplitToningHighlightSaturation "
        "ColorGradeMidtoneSat ColorGradeGlobalSat PostCropVignetteAmount VignetteAmount GrainAmount CropAngle "
        "PerspectiveVertical PerspectiveHorizontal PerspectiveRotate IncrementalTemperature IncrementalTint"
    ).split()
)
_BY_COLOUR = ("HueAdjustment", "SaturationAdjustment", "LuminanceAdjustment")
_CORRECTIONS = (
    "GradientBasedCorrections CircularGradientBasedCorrections PaintBasedCorrections MaskGroupBasedCorrections "
    "RetouchInfo RetouchAreas RedEyeInfo"
).split()


def findings(sidecar: Sidecar) -> tuple[Finding, ...]:
    """Return what a sidecar says that a person must have made."""
    document = sidecar.document
    program = _program(document)
    return (
        *_rating(sidecar, program),
        *_flag(sidecar, program),
        *_label(sidecar, program),
        *_darktable(document),
        *_camera_raw(sidecar),
        *_digikam(document),
    )


def _program(document: Document) -> str:
    """Return who keeps a sidecar: the namespaces tell who was here, not which of them wrote the rating."""
    spaces = {name[0] for name in document.texts}
    known = ((DARKTABLE, "darktable"), (DIGIKAM, "digikam"), (CAMERA_RAW, "camera raw"))
    return next((program for space, program in known if space in spaces), "xmp")


def _rating(sidecar: Sidecar, program: str) -> Iterator[Finding]:
    """Yield the rating if a person's stands there.

    darktable gives 1 star at import. It keeps the number in its own database and writes it over ours when the picture
    is edited, so 1 star in its sidecar is nobody's word when the history is a person's, and a weak one otherwise.
    """
    facts = sidecar.facts
    if decide(facts) is not Opinion.PERSON:
        return
    sure = CONFIDENCE_RATING
    value = str(facts.rating) if facts.rating else _other_stars(sidecar.document) if facts.ours is None else ""
    if facts.unclear or (facts.ours is not None and facts.ours.rating is None):
        value, sure = ("" if facts.unclear else value), CONFIDENCE_UNSURE
    if value in ("1", "") and facts.written_by_darktable and facts.rating is not None:
        if facts.ours is None or not facts.darktable_untouched:
            return
        sure = CONFIDENCE_UNSURE
    if value is not None:
        yield Finding(program, TraceKind.RATING, value, sure)


def _other_stars(document: Document) -> str | None:
    """Return the stars that only another program's vocabulary holds: ACDSee's 1-5, Microsoft's percent."""
    for text in document.texts.get(_ACDSEE_STARS, ()):
        if found := stars(number(text)):
            return found
    for text in document.texts.get(_MICROSOFT_PERCENT, ()):
        percent = number(text)
        if 1 <= percent <= 100:
            return str(sum(percent >= least for least in (1, 25, 50, 75, 99)))
    return None


def _flag(sidecar: Sidecar, program: str) -> Iterator[Finding]:
    if sidecar.facts.flag is not None:
        yield Finding(program, TraceKind.FLAG, str(sidecar.facts.flag), CONFIDENCE_FLAG)


def _label(sidecar: Sidecar, program: str) -> Iterator[Finding]:
    """Yield one label a file: digiKam writes its own into two vocabularies."""
    label = (sidecar.facts.label or "").strip()
    if not label:
        numbers = [number(text) for text in sidecar.document.texts.get(_DIGIKAM_LABEL, ())]
        label = next((_DIGIKAM_COLOURS[int(each)] for each in numbers if each in range(1, 10)), "")
    if not label:
        label = "+".join(_darktable_colours(sidecar))
    if label:
        yield Finding(program, TraceKind.LABEL, label[:64], CONFIDENCE_LABEL)


def _darktable_colours(sidecar: Sidecar) -> list[str]:
    rows = {
        int(row)
        for each in sidecar.document.elements.get(_DARKTABLE_LABELS, ())
        if each.rows
        for row in _ROW.findall(sidecar.text[each.start : each.close])
    }
    return [name for place, name in enumerate(_DARKTABLE_COLOURS) if place in rows]


def _darktable(document: Document) -> Iterator[Finding]:
    current = _text(document, DARKTABLE_CURRENT)
    if current and current not in {_text(document, name) for name in DARKTABLE_UNTOUCHED}:
        yield Finding("darktable", TraceKind.DEVELOP, current[:64], CONFIDENCE_DARKTABLE)


def _camera_raw(sidecar: Sidecar) -> Iterator[Finding]:
    document = sidecar.document
    simple = {name[1]: texts[0].strip() for name, texts in document.texts.items() if name[0] == CAMERA_RAW}
    said = {name: simple.get(name, "").lower() for name in ("HasSettings", "AlreadyApplied", "HasCrop")}
    if not simple or said["HasSettings"] == "false" or said["AlreadyApplied"] == "true":
        return
    nested = {
        name[1]: b"".join(sidecar.text[each.start : each.close].split()).decode("utf-8", "replace")
        for name, elements in document.elements.items()
        for each in elements
        if name[0] == CAMERA_RAW and each.rows
    }
    moved = any(_is_moved(name, number(text)) for name, text in simple.items())
    if moved or said["HasCrop"] == "true" or any(name in nested for name in _CORRECTIONS):
        kept = [(name, text) for name, text in (simple | nested).items() if name not in _BOOKKEEPING]
        yield Finding("camera raw", TraceKind.DEVELOP, digest(kept), CONFIDENCE_CAMERA_RAW)


def _is_moved(name: str, value: float) -> bool:
    known = name in _NEUTRAL_AT_ZERO or name.startswith(_BY_COLOUR)
    return known and (value > 0 or value < 0)


def _digikam(document: Document) -> Iterator[Finding]:
    history = _text(document, _DIGIKAM_HISTORY)
    if history and "<operation" in history:
        yield Finding("digikam", TraceKind.DEVELOP, digest([("history", history)]), CONFIDENCE_DIGIKAM)


def _text(document: Document, name: Name) -> str | None:
    return next((text.strip() for text in document.texts.get(name, ()) if text.strip()), None)
