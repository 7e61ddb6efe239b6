"""What lies in the repository: no photograph of others, nothing of a machine, nothing unfinished."""

import re

from tests.architecture.source import ROOT, named, tracked

# In pieces, so that this file does not find itself.
MACHINE = re.compile("|".join(["/" + "work/", "/" + "root/", "/" + r"tmp/\w", "/" + "opt/py", "site-" + "packages/"]))
HOSTS = re.compile("|".join([r"pypi\." + "org", "python" + "hosted", r"npmjs\." + "com", r"deb\.debian\." + "org"]))
UNFINISHED = re.compile(r"\b(TO" + "DO|FIX" + "ME|XX" + "X)\\b")
LARGEST_BYTES = 2_000_000


def text_of(path):
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return ""


def found(pattern):
    return [
        f"{named(path)}:{number} {line.strip()[:100]}"
        for path in tracked()
        for number, line in enumerate(text_of(path).splitlines(), 1)
        if pattern.search(line)
    ]


def test_no_file_names_a_machine():
    assert not found(MACHINE)


def test_no_file_names_a_package_index():
    assert not found(HOSTS)


def test_nothing_is_left_unfinished():
    assert not found(UNFINISHED)


def test_no_photographs_and_nothing_large():
    pictures = {
        ".jpg",
        ".jpeg",
        ".heic",
        ".dng",
        ".nef",
        ".cr2",
        ".cr3",
        ".arw",
        ".tif",
        ".tiff",
        ".whl",
        ".pth",
    }
    assert not [named(path) for path in tracked() if path.suffix.lower() in pictures]
    # A model is built or fetched; the only one here is the tests' own, of random numbers.
    models = [path for path in tracked() if path.suffix.lower() == ".onnx"]
    assert not [named(path) for path in models if path.parent != ROOT / "tests" / "data" / "tiny_siglip"]
    assert not [named(path) for path in tracked() if path.stat().st_size > LARGEST_BYTES]


def test_licence_is_complete():
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability" in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_scripts_can_be_started():
    scripts = [path for path in tracked() if path.suffix == ".sh" or named(path) == ".ci/run"]
    assert len(scripts) >= 3
    for path in scripts:
        assert path.stat().st_mode & 0o111, named(path)
        assert text_of(path).startswith("#!/"), named(path)
