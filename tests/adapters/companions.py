"""Companion files as editors write them, in words of our own."""

SPACES = {
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "xmpMM": "http://ns.adobe.com/xap/1.0/mm/",
    "xmpDM": "http://ns.adobe.com/xmp/1.0/DynamicMedia/",
    "stRef": "http://ns.adobe.com/xap/1.0/sType/ResourceRef#",
    "crs": "http://ns.adobe.com/camera-raw-settings/1.0/",
    "darktable": "http://darktable.sf.net/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "acdsee": "http://ns.acdsee.com/iptc/1.0/",
    "MicrosoftPhoto": "http://ns.microsoft.com/photo/1.0/",
    "safelight": "urn:safelight:xmp:1.0/",
}

# What every darktable sidecar of a picture holds that nobody has touched: two equal hashes.
AUTOMATIC = {"darktable:history_auto_hash": "aaaa", "darktable:history_current_hash": "aaaa"}
EDITED = {"darktable:history_auto_hash": "aaaa", "darktable:history_current_hash": "cccc"}


def xmp(properties=None, inside="", **ours):
    """Return a sidecar with these properties as attributes, elements `inside`, and our own rating if one is given."""
    told = dict(properties or {})
    if "rating" in ours:
        told |= {"safelight:rating": ours["rating"], "safelight:score": "0.500", "safelight:reason": "Sharp."}
    attributes = "".join(f' {name}="{value}"' for name, value in told.items())
    used = [prefix for prefix in SPACES if f"{prefix}:" in attributes + inside]
    declared = "".join(f' xmlns:{prefix}="{SPACES[prefix]}"' for prefix in used)
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        f'<rdf:Description rdf:about=""{declared}{attributes}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta>'
    ).encode()


# The parts of a profile that RawTherapee 5.9 writes for an untouched RAW that matter here.
UNTOUCHED = {
    "Version": {"AppVersion": "5.9", "Version": "349"},
    "General": {"Rank": "-1", "ColorLabel": "0", "InTrash": "false"},
    "Exposure": {
        "Auto": "false",
        "Compensation": "0",
        "Brightness": "0",
        "Contrast": "0",
        "Saturation": "0",
        "HistogramMatching": "true",
        "CurveFromHistogramMatching": "false",
        "CurveMode": "Standard",
        "Curve": "0;",
        "Curve2": "0;",
    },
    "HLRecovery": {"Enabled": "true", "Method": "Blend"},
    "Vibrance": {"Enabled": "false", "Pastels": "0"},
    "White Balance": {"Enabled": "true", "Setting": "Camera", "Temperature": "5200", "Green": "1"},
    "Crop": {"Enabled": "false", "X": "-1", "W": "15000"},
    "Coarse Transformation": {"Rotate": "0", "HorizontalFlip": "false", "VerticalFlip": "false"},
    "Rotation": {"Degree": "0"},
    "LensProfile": {"LcMode": "lfauto"},
    "PostDemosaicSharpening": {"Enabled": "true", "Contrast": "10"},
    "RAW": {"CA": "true"},
}


def pp3(**sections):
    """Return an untouched profile with some keys of some sections set otherwise; "_" in a section's name is a blank."""
    changed = {name.replace("_", " "): keys for name, keys in sections.items()}
    names = [*UNTOUCHED, *(name for name in changed if name not in UNTOUCHED)]
    profile = {name: UNTOUCHED.get(name, {}) | changed.get(name, {}) for name in names}
    lines = [
        f"[{name}]\n" + "".join(f"{key}={value}\n" for key, value in keys.items()) for name, keys in profile.items()
    ]
    return "\n".join(lines).encode()


def dop(*, rating=0, overrides="", base="ExposureBias = 0,\n"):
    """Return a PhotoLab sidecar in its notation."""
    return (
        'Sidecar = {\nDate = "2024-05-06T07:08:09.0000000Z",\nSoftware = "DxO PhotoLab 6.3",\nSource = {\n'
        'CafId = "C1",\nItems = {\n{\nAlbums = "",\nKeywords = {\n}\n,\nName = "a \\"b\\".nef",\n'
        f"OrderNumber = 0,\nRating = {rating},\nSettings = {{\n"
        f"Base = {{\n{base}}}\n,\nOverrides = {{\n{overrides}}}\n,\n"
        'Version = "17.1",\n}\n,\nUuid = "0",\n}\n,\n}\n,\nUuid = "1",\n}\n,\nVersion = "17.1",\n}\n'
    ).encode()


def cos(values):
    """Return a Capture One settings file."""
    lines = "".join(f'\t\t<E K="{name}" V="{value}"/>\n' for name, value in values.items())
    return f'<?xml version="1.0"?>\n<SL Version="142900">\n\t<DL>\n{lines}\t</DL>\n</SL>\n'.encode()
