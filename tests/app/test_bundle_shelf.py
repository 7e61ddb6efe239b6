"""What `list`, `doctor` and a fetch that begins say of bundles: sizes, what was begun, and commands that work."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from safelight.app.bundle_choice import Choice
from safelight.app.bundle_plan import Plan, going_on, planned
from safelight.app.bundle_shelf import MANIFESTS, Shelf, Shelved, State
from safelight.app.bundle_stage import Stage
from safelight.app.finding import Finding, Level
from safelight.app.health_bundles import bundle_findings
from safelight.app.settings import EMBEDDED, Settings
from safelight.errors import BundleError
from safelight.models.prepare import prepare
from tests.fakes import bundles
from tests.fakes.bundle_scene import GPU, NAME, SMALL, TEXT, TOKENIZER, VISION, Scene, contents
from tests.fakes.hub_server import HubServer

FILES = contents(size=2_000)
SIZES = {path: len(content) for path, content in FILES.items()}


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    made = Scene(tmp_path, HubServer())
    made.describe(FILES)
    return made


def shelf(scene: Scene, *, gpu: bool = False) -> Shelf:
    return Shelf(scene.bundles, manifests=scene.manifests, gpu=gpu)


def line(scene: Scene, *, gpu: bool = False) -> Shelved:
    (found,) = (each for each in shelf(scene, gpu=gpu).listed() if each.name == NAME)
    return found


def begin(folder: Path, *names: str) -> None:
    """Let something of these files lie where bundles are put together."""
    for name in names:
        path = folder / ".fetching" / NAME / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 500)


def findings(folder: Path, *, in_use: str = EMBEDDED) -> dict[str, Finding]:
    settings = Settings(state=folder / "state", models=folder / "cache", bundles=folder / "bundles", bundle=in_use)
    return {each.name: each for each in bundle_findings(settings, in_use=in_use)}


@pytest.mark.parametrize(("gpu", "plain"), [(False, (VISION,)), (True, (VISION, GPU))])
def test_the_line_tells_what_would_be_fetched_here_and_how_much_the_text_tower_adds(scene, gpu, plain):
    there = line(scene, gpu=gpu)
    assert there.size_bytes == sum(SIZES[path] for path in plain)
    assert there.with_text_bytes == there.size_bytes + SIZES[TEXT] + SIZES[TOKENIZER]


def test_a_bundle_without_a_text_tower_has_no_size_with_one(tmp_path):
    found = {each.name: each for each in Shelf(tmp_path, gpu=False).listed()}
    assert found["faces"].with_text_bytes is None
    assert found["siglip2-base"].with_text_bytes == 94_553_333 + 564_862_230 + 34_363_039


@pytest.mark.parametrize(
    ("begun", "gpu", "options"),
    [
        ((f"{VISION}.part",), False, ""),
        ((VISION, f"{TEXT}.part"), False, " --text"),
        ((VISION, f"{SMALL}.part"), False, " --text-int8"),
        ((VISION, TEXT, SMALL), False, " --text --text-int8"),
        ((f"{GPU}.part",), False, " --gpu"),
        ((f"{GPU}.part",), True, ""),
    ],
)
def test_what_was_begun_goes_on_with_the_options_that_it_began_with(scene, begun, gpu, options):
    begin(scene.home / "bundles", *begun)
    there = line(scene, gpu=gpu)
    assert there.state is State.UNFINISHED
    assert going_on(there, shelf=shelf(scene, gpu=gpu)) == f"safelight models fetch {NAME}{options}"


def test_a_text_tower_that_was_asked_for_counts_though_nothing_of_it_arrived(scene):
    begin(scene.bundles, f"{VISION}.part")
    Stage(scene.bundles, NAME).note([VISION, TEXT, TOKENIZER])
    assert going_on(line(scene), shelf=shelf(scene)) == f"safelight models fetch {NAME} --text"
    assert planned(NAME, Choice(), shelf=shelf(scene)) == planned(NAME, Choice(text=True), shelf=shelf(scene))


def test_one_of_your_own_that_was_begun_goes_on_from_its_folder(scene):
    (scene.manifests / "toy.toml").unlink()
    begin(scene.bundles, VISION)
    assert going_on(line(scene), shelf=shelf(scene)) == f"safelight models fetch {NAME} --from FOLDER"
    assert f"'safelight models fetch {NAME} --from FOLDER' goes on" in findings(scene.home)[f"Bundle {NAME}"].hint


def test_an_installed_one_of_your_own_comes_from_a_folder(tmp_path):
    bundles.tiny_bundle(tmp_path)
    (found,) = (each for each in Shelf(tmp_path).listed() if each.name == bundles.NAME)
    assert found.fetching == f"safelight models fetch {bundles.NAME} --from FOLDER"


def test_the_plan_tells_the_whole_size_and_what_is_here(scene):
    asked = Choice(text=True)
    whole = SIZES[VISION] + SIZES[TEXT] + SIZES[TOKENIZER]
    assert planned(NAME, asked, shelf=shelf(scene)) == Plan(3, whole, 0)
    begin(scene.bundles, f"{VISION}.part")
    assert planned(NAME, asked, shelf=shelf(scene)) == Plan(3, whole, 500)
    assert planned("mine", asked, shelf=shelf(scene)) is None


def test_the_plan_knows_no_size_where_the_description_knows_none(scene):
    scene.describe(FILES, sums=False)
    assert planned(NAME, Choice(), shelf=shelf(scene)) is None


def test_what_is_made_for_a_gpu_is_not_fetched_without_one_unless_asked_for(tmp_path):
    here, name = Shelf(tmp_path, gpu=False), "siglip2-so400m"
    with pytest.raises(BundleError, match="made for a GPU, and there is none here") as caught:
        planned(name, Choice(), shelf=here)
    assert "--gpu" in caught.value.hint
    assert planned(name, Choice(gpu=True), shelf=here) == Plan(1, 856_359_102, 0)
    part = tmp_path / ".fetching" / name / "onnx" / "vision_model_fp16.onnx.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"x")
    assert planned(name, Choice(), shelf=here) == Plan(1, 856_359_102, 1), "what was asked for once goes on"
    (there,) = (each for each in here.listed() if each.name == name)
    assert going_on(there, shelf=here) == f"safelight models fetch {name} --gpu"


def test_an_embedding_whose_reference_is_gone_is_damaged(tmp_path):
    folder = bundles.tiny_bundle(tmp_path / "bundles")
    prepare(folder, bundles.tiny_manifest(), threads=1)
    assert findings(tmp_path)[f"Bundle {bundles.NAME}"].level is Level.OK
    (folder / "made" / "golden_vision.npy").unlink()
    found = findings(tmp_path)[f"Bundle {bundles.NAME}"]
    assert found.level is Level.BAD and "golden_vision.npy" in found.told
    assert "--from FOLDER" in found.hint
    chosen = findings(tmp_path, in_use=bundles.NAME)[f"Bundle {bundles.NAME}"]
    assert chosen.level is Level.BAD and "embedded bundle judges instead" in chosen.told


def test_faces_without_their_converted_models_are_damaged(tmp_path):
    folder = tmp_path / "bundles" / "faces"
    folder.mkdir(parents=True)
    (folder / "manifest.toml").write_bytes((MANIFESTS / "faces.toml").read_bytes())
    received = []
    for name in ("face_landmarker.task", "face_detection_full_range.tflite"):
        (folder / name).write_bytes(name.encode())
        sum_ = sha256(name.encode()).hexdigest()
        received.append({"path": name, "size_bytes": len(name), "sha256": sum_, "accepted": True})
    receipt = {"format": 1, "installed_s": 1.0, "files": received}
    (folder / "receipt.json").write_text(json.dumps(receipt))
    found = findings(tmp_path)["Bundle faces"]
    assert found.level is Level.BAD and "made/" in found.told
    assert found.hint == "'safelight models fetch faces' puts it right."


def test_remains_beside_an_installed_bundle_are_cleared_without_it(scene):
    folder = bundles.tiny_bundle(scene.bundles)
    remains = scene.bundles / ".fetching" / bundles.NAME
    remains.mkdir(parents=True)
    (remains / "x.part").write_bytes(b"x" * 5_000_000)
    settings = Settings(state=scene.home, models=scene.home, bundles=scene.bundles)
    told = [each for each in bundle_findings(settings, in_use=EMBEDDED) if "lie around" in each.told]
    assert [each.hint.split(", ")[-1] for each in told] == [
        f"'safelight models remove {bundles.NAME} --unfinished' clears it."
    ]
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink()
    folder.rmdir()
    (told_now,) = (each for each in bundle_findings(settings, in_use=EMBEDDED) if "lie around" in each.told)
    assert f"'safelight models remove {bundles.NAME}' clears it." in told_now.hint


def test_remains_of_a_removal_are_no_download_that_goes_on(scene):
    gone = scene.bundles / ".fetching" / "siglip-base.gone"
    gone.mkdir(parents=True)
    (gone / "x").write_bytes(b"x")
    assert findings(scene.home)["Bundle siglip-base"].hint == "'safelight models remove siglip-base' clears it."
