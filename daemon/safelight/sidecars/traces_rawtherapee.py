"""Reads RawTherapee's NAME.EXT.pp3: rank, trash mark, and what a person has set.

RawTherapee writes a whole profile with several hundred values for every picture that was ranked or opened, and nothing
in it says which of them a person chose. So only values are taken that none of its bundled default profiles sets
(looked at: those of 5.9, and what rawtherapee-cli 5.9 writes for an untouched RAW and JPEG): tools that are switched
on, sliders that are not 0, a turned picture, a white balance of one's own, a curve that was not matched to the
camera's. What the program computes by itself (auto levels, the matched curve, the camera's white balance) is left out.
A person's own default profile cannot be told from an edit here; it shows in that a whole shoot has one value.
Invariant: pure; a profile that only bears defaults, a rank or a trash mark gives no DEVELOP.
"""

import re
from collections.abc import Iterator, Mapping

from safelight.errors import SidecarBusy
from safelight.ports import TraceKind
from safelight.sidecars.findings import CONFIDENCE_FLAG, CONFIDENCE_RATING, Finding, digest, number, stars

PROGRAM = "rawtherapee"
CONFIDENCE_PROFILE = 0.7

Profile = Mapping[str, Mapping[str, str]]

_SECTION = re.compile(r"\[([^\]]+)\]\s*$")
_MOST_LINES = 50_000  # a profile with a hundred local spots has under 10,000

# Tools that a bundled profile, or the conversion of an older file, switches on without being asked.
_ON_BY_DEFAULT = frozenset(
    {
        "HLRecovery",
        "White Balance",
        "PostDemosaicSharpening",
        "Sharpening",
        "Directional Pyramid Denoising",
        "Impulse Denoising",
        "Defringing",
        "Luminance Curve",
        "Channel Mixer",
        "HSV Equalizer",
        "RGB Curves",
        "Resize",
        "MetaData",
    }
)
_ZERO_UNLESS_SET = {
    "Exposure": ("Compensation", "Brightness", "Contrast", "Saturation", "Black", "HighlightCompr"),
    "Luminance Curve": ("Brightness", "Contrast", "Chromaticity"),
    "Rotation": ("Degree",),
    "Coarse Transformation": ("Rotate",),
    "Distortion": ("Amount",),
    "CACorrection": ("Red", "Blue"),
    "Vignetting Correction": ("Amount",),
    "Perspective": ("Horizontal", "Vertical", "CameraPitch", "CameraRoll", "CameraYaw"),
}
_CURVES = ("Curve", "Curve2")
_NO_CURVE = ("", "0;")


def findings(data: bytes) -> tuple[Finding, ...]:
    """Return what a profile says. Raises SidecarBusy for one that is not whole."""
    profile = _parsed(data)
    found = _marks(profile, PROGRAM)
    if by_hand := list(_by_hand(profile)):
        found.append(Finding(PROGRAM, TraceKind.DEVELOP, digest(by_hand), CONFIDENCE_PROFILE))
    return tuple(found)


def marks(data: bytes) -> tuple[Finding, ...]:
    """Return rank and trash mark of ART's NAME.EXT.arp, which has them in the same place. Raises as `findings`."""
    return tuple(_marks(_parsed(data), "art"))


def _marks(profile: Profile, program: str) -> list[Finding]:
    general = profile.get("General", {})
    found = []
    if rank := stars(number(general.get("Rank"))):
        found.append(Finding(program, TraceKind.RATING, rank, CONFIDENCE_RATING))
    if general.get("InTrash") == "true":
        found.append(Finding(program, TraceKind.FLAG, "-1", CONFIDENCE_FLAG))
    return found


def _parsed(data: bytes) -> Profile:
    """Return sections of keys; of what stands twice the last counts, as in GLib's key files."""
    if not data.endswith(b"\n"):  # RawTherapee ends the last line too, so this one breaks off
        raise SidecarBusy("The profile is not whole.", hint="RawTherapee may be writing it; it is looked at again.")
    profile: dict[str, dict[str, str]] = {}
    section: dict[str, str] = {}
    for line in data.decode("utf-8", "replace").split("\n", _MOST_LINES)[:_MOST_LINES]:
        if heading := _SECTION.match(line):
            section = profile.setdefault(heading[1], {})
        elif not line.startswith("#"):
            key, equals, value = line.partition("=")
            if equals:
                section[key.strip()] = value.strip()
    return profile


def _by_hand(profile: Profile) -> Iterator[tuple[str, str]]:
    """Yield the settings that no default profile makes, named section/key."""
    for name, section in profile.items():
        if section.get("Enabled") == "true" and name not in _ON_BY_DEFAULT:
            yield from ((f"{name}/{key}", value) for key, value in section.items())
    yield from _sliders(profile)
    yield from _exposure_curves(profile.get("Exposure", {}))
    for flip in ("HorizontalFlip", "VerticalFlip"):
        if profile.get("Coarse Transformation", {}).get(flip) == "true":
            yield f"Coarse Transformation/{flip}", "true"
    balance = profile.get("White Balance", {})
    if balance.get("Setting", "Camera").lower().startswith(("camera", "aut")):  # autold, autitcgreen
        return
    yield from ((f"White Balance/{key}", balance.get(key, "")) for key in ("Setting", "Temperature", "Green"))


def _sliders(profile: Profile) -> Iterator[tuple[str, str]]:
    for name, keys in _ZERO_UNLESS_SET.items():
        section = profile.get(name, {})
        if section.get("Auto") == "true" or section.get("Enabled") == "false":
            continue
        for key in keys:
            value = number(section.get(key))
            if value > 0 or value < 0:
                yield f"{name}/{key}", section[key]


def _exposure_curves(section: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield curves that were drawn: bundled film curves come in the mode FilmLike, matched ones with their mark."""
    matched = "true" in (section.get("HistogramMatching"), section.get("CurveFromHistogramMatching"))
    if matched or section.get("CurveMode") == "FilmLike":
        return
    yield from ((f"Exposure/{key}", section[key]) for key in _CURVES if section.get(key, "") not in _NO_CURVE)
