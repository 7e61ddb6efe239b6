"""The sample shoot: bursts, a bracket, a person's rating and a file that is cut off, with the facts of a camera."""

import importlib.util
import io
import subprocess
import sys
import zipfile
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

MAKER = Path(__file__).resolve().parents[2] / "packaging" / "sample_shoot.py"


@pytest.fixture(scope="module")
def maker():
    spec = importlib.util.spec_from_file_location("sample_shoot", MAKER)
    module = importlib.util.module_from_spec(spec)
    sys.modules["sample_shoot"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    module.LONG_SIDE_PX = 320
    yield module
    del sys.modules["sample_shoot"]


@pytest.fixture(scope="module")
def wheel(maker, tmp_path_factory):
    """An archive like the wheel, with photographs of our own."""
    path = tmp_path_factory.mktemp("wheel") / "scikit_image-0.whl"
    random = np.random.default_rng(5)
    with zipfile.ZipFile(path, "w") as archive:
        for name in sorted({scene.photograph for scene in maker.SCENES}):
            mode = "L" if name in {"camera.png", "moon.png", "grass.png"} else "RGB"
            coarse = random.integers(40, 200, (30, 45, 3)).astype(np.uint8)
            picture = Image.fromarray(coarse).resize((300, 200), Image.Resampling.NEAREST).convert(mode)
            stored = io.BytesIO()
            picture.save(stored, "PNG" if name.endswith("png") else "JPEG")
            archive.writestr(f"skimage/data/{name}", stored.getvalue())
    return path


@pytest.fixture(scope="module")
def shoot(maker, wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("shoot") / "sample"
    maker.make(wheel, folder)
    return folder


def frames(shoot):
    return sorted(shoot.glob("*.JPG"))


def facts(path):
    with Image.open(path) as picture:
        exif = picture.getexif()
        return {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}


def taken(path):
    told = facts(path)
    base = ExifTags.Base
    return datetime.strptime(f"{told[base.DateTimeOriginal]}.{told[base.SubsecTimeOriginal]}", "%Y:%m:%d %H:%M:%S.%f")


def test_every_take_is_a_frame_and_one_is_cut_off(maker, shoot):
    assert len(frames(shoot)) == sum(len(scene.takes) for scene in maker.SCENES) + 1
    for path in frames(shoot)[:-1]:
        with Image.open(path) as picture:
            picture.load()
    with Image.open(frames(shoot)[-1]) as cut_off, pytest.raises(OSError, match="truncated"):
        cut_off.load()


def test_frames_are_in_the_order_in_which_they_were_taken(shoot):
    times = [taken(path) for path in frames(shoot)[:-1]]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


def test_takes_of_a_burst_lie_within_a_second_or_so_and_scenes_apart(maker, shoot):
    times = iter([taken(path) for path in frames(shoot)[:-1]])
    last = None
    for scene in maker.SCENES:
        of_scene = [next(times) for _ in scene.takes]
        assert (of_scene[-1] - of_scene[0]).total_seconds() < 2
        assert last is None or (of_scene[0] - last).total_seconds() > 30
        last = of_scene[-1]


def test_bracket_tells_its_compensations_with_their_signs(shoot):
    base = ExifTags.Base
    bracket = [facts(path) for path in frames(shoot)[:-1] if facts(path)[base.ExposureMode] == 2]
    assert [float(told[base.ExposureBiasValue]) for told in bracket] == [0.0, -2.0, 2.0]
    assert [round(1 / float(told[base.ExposureTime])) for told in bracket] == [250, 1000, 62]


def test_portrait_lies_on_its_side_and_is_upright_when_oriented(shoot):
    with Image.open(frames(shoot)[0]) as stored:
        assert stored.getexif()[ExifTags.Base.Orientation] == 6
        assert stored.width < stored.height
        upright = ImageOps.exif_transpose(stored)
    with Image.open(frames(shoot)[5]) as landscape:
        assert upright.size[0] > upright.size[1] or landscape.size[0] < landscape.size[1]


def test_soft_copy_is_softer_and_dark_copy_darker(shoot):
    def pixels(number):
        with Image.open(frames(shoot)[number]) as picture:
            return np.asarray(picture.convert("L"), dtype=np.float64)

    soft, good, _, _, dark = (pixels(number) for number in range(5))
    assert np.abs(np.diff(soft, axis=0)).mean() < np.abs(np.diff(good, axis=0)).mean()
    assert dark.mean() < 0.7 * good.mean()


def test_a_person_has_rated_one_frame(shoot):
    (sidecar,) = shoot.glob("*.xmp")
    assert 'xmp:Rating="4"' in sidecar.read_text(encoding="utf-8")
    assert (shoot / sidecar.name.removesuffix(".xmp")).exists()
    assert sidecar.name.removesuffix(".xmp") in (shoot / "ABOUT.txt").read_text(encoding="utf-8")


def test_same_wheel_gives_the_same_files(maker, wheel, shoot, tmp_path):
    maker.make(wheel, tmp_path)
    assert [path.read_bytes() for path in frames(tmp_path)] == [path.read_bytes() for path in frames(shoot)]


def test_damaged_wheel_is_one_sentence(tmp_path):
    (tmp_path / "w.whl").write_bytes(b"no archive")
    done = subprocess.run(
        [sys.executable, MAKER, tmp_path / "w.whl", tmp_path / "out"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("The sample shoot could not be made")
    assert "Traceback" not in done.stderr
