"""darktable rates, labels, edits and exports; it is driven by its own Lua interface, without a window.

What darktable does on its own (one star for whatever it imports, its automatic modules, rewriting every sidecar) must
say nothing; what a person does in it must say exactly that.
"""

import struct
from pathlib import Path
from typing import Any

import pytest

from tests.interop.library import Fact, Library, brief, need

NAME = "IMG_0001.jpg"
OTHERS = ["IMG_0100.jpg", "IMG_0201.jpg"]
OPENED = "IMG_0202.jpg"  # darktable-cli exports one frame in any case

# Exposure +1 EV, as darktable's own style files store it: mode, black, exposure, percentile, target, bias.
PARAMETERS = struct.pack("<iffffi", 0, 0.0, 1.0, 50.0, -4.0, 0).hex()
STYLE = f"""<?xml version="1.0" encoding="UTF-8"?>
<darktable_style version="1.0"><info><name>brighter</name><description/></info><style><plugin>
<num>0</num><module>6</module><operation>exposure</operation><op_params>{PARAMETERS}</op_params><enabled>1</enabled>
<blendop_params>gz14eJxjYIAACQYYOOHEgAZY0QVwggZ7CB6pfNoAAE8gGQg=</blendop_params><blendop_version>11</blendop_version>
<multi_priority>0</multi_priority><multi_name></multi_name></plugin></style></darktable_style>"""


@pytest.fixture(autouse=True)
def _installed() -> None:
    need("darktable-cli")


def darktable(
    library: Library,
    lua: str = "",
    *,
    names: list[str],
    opened: str = OPENED,
    export: Path | None = None,
    turn: int = 0,
) -> None:
    """Open the named frames in darktable and do there what `lua` says of `images`, a table by file name.

    One frame, `opened`, is exported in any case: to `export`, or out of the way.
    """
    quoted = ", ".join(f'"{library.folder / name}"' for name in names)
    script = f"""
        local dt = require "darktable"
        for _, path in ipairs({{{quoted}}}) do dt.database.import(path) end
        local images = {{}}
        for _, image in ipairs(dt.database) do images[image.filename] = image end
        {lua}
        print("LUA REACHED ITS END")
    """
    place = library.base / "darktable"
    place.mkdir(exist_ok=True)
    said = library.run(
        "darktable-cli", library.folder / opened, export or place / f"elsewhere{turn}.jpg",
        "--width", "300", "--height", "300",
        "--core", "--disable-opencl", "--library", place / "library.db", "--configdir", place / "config",
        "--cachedir", place / "cache", "--conf", "write_sidecar_files=on import", "--luacmd", script,
    )  # fmt: skip
    assert "LUA REACHED ITS END" in said, said


def style(library: Library) -> str:
    """Return the Lua that makes `style` a style that brightens."""
    (library.base / "brighter.dtstyle").write_text(STYLE)
    return f"""
        dt.styles.import("{library.base / "brighter.dtstyle"}")
        local style
        for _, each in ipairs(dt.styles) do if each.name == "brighter" then style = each end end
    """


def told(library: Library, hours: float = 0.0) -> list[Fact]:
    """Reconcile and return the new facts, but for our own stars told back to us.

    darktable 4.2 sometimes writes a sidecar twice at once, and then only what it knows itself is left: our stars
    without our mark. That they stand there is a fact; `believed` has to take it for none of the person's.
    """
    return [
        fact
        for fact in library.reconcile(hours=hours)
        if fact.kind != "person_rated" or fact.payload["rating"] != library.stars(fact.name)
    ]


def records(library: Library) -> list[dict[str, Any]]:
    return list(library.program.rate(library.folder, "--state", library.base / "state").records)


def sidecar(library: Library, name: str) -> str:
    return (library.folder / f"{name}.xmp").read_text()


def test_a_rating_given_in_darktable_is_the_persons(library: Library) -> None:
    stars = library.other_stars(NAME)
    darktable(library, f'images["{NAME}"].rating = {stars}', names=[NAME, *OTHERS])
    assert "darktable:" in sidecar(library, OTHERS[0]), "darktable has rewritten the others too"
    (fact,) = told(library)
    assert (fact.brief, fact.payload["rating"]) == (("person_rated", NAME), stars)
    assert library.believed() == [("rated", (NAME,))]
    assert library.rate().by_name[NAME]["stage"] == "kept"
    assert f'xmp:Rating="{stars}"' in sidecar(library, NAME)
    assert told(library, 26) == []


def test_one_group_rating_in_darktable_is_one_act(library: Library) -> None:
    names = [NAME, *OTHERS]
    darktable(
        library, f'for name, image in pairs(images) do if name ~= "{OPENED}" then image.rating = 5 end end', names=names
    )
    facts = told(library)
    assert brief(facts) == [("person_rated", name) for name in names]
    assert {fact.payload["rating"] for fact in facts} == {5}
    assert len({fact.payload["act"] for fact in facts}) == 1
    assert library.believed() == [("rated", tuple(names))]


def test_rejecting_in_darktable_is_told(library: Library) -> None:
    darktable(library, f'images["{NAME}"].rating = -1', names=[NAME, *OTHERS])
    (fact,) = told(library)
    assert fact.name == NAME
    assert fact.kind in {"person_rated", "person_flagged"}
    assert fact.payload["rating" if fact.kind == "person_rated" else "flag"] == -1


def test_taking_all_stars_away_in_darktable_is_told(library: Library) -> None:
    darktable(library, f'images["{NAME}"].rating = 0', names=[NAME, *OTHERS])
    (fact,) = told(library)
    assert fact.brief == ("person_rated", NAME)
    assert fact.payload["rating"] in {0, None}


def test_a_colour_label_of_darktable_is_told(library: Library) -> None:
    darktable(library, f'images["{OPENED}"].red = true', names=[NAME, *OTHERS])  # its Lua saves no label by itself
    (fact,) = told(library)
    assert fact.brief == ("person_labelled", OPENED)
    assert fact.payload["label"].lower() == "red"


def test_a_style_applied_in_darktable_is_an_edit(library: Library) -> None:
    lua = style(library) + f'dt.styles.apply(style, images["{NAME}"])'
    darktable(library, lua, names=[NAME, *OTHERS])
    (fact,) = told(library)
    assert (fact.brief, fact.payload["program"]) == (("frame_developed", NAME), "darktable")
    assert told(library, 26) == []
    assert library.believed() == [("edited", (NAME,))]


def test_an_edit_discarded_in_darktable_is_no_second_edit(library: Library) -> None:
    darktable(library, style(library) + f'dt.styles.apply(style, images["{NAME}"])', names=[NAME])
    assert brief(told(library)) == [("frame_developed", NAME)]
    darktable(library, f'images["{NAME}"]:reset()', names=[NAME], turn=1)
    assert "exposure" not in sidecar(library, NAME), "darktable has discarded the history"
    assert [fact for fact in told(library, 1) if fact.payload.get("value")] == []


def test_importing_into_darktable_says_nothing(library: Library) -> None:
    names = [path.name for path in library.frames]
    darktable(library, "for _, image in pairs(images) do image.rating = image.rating end", names=names)
    for name in names[:3]:
        darktable(library, names=[], opened=name, turn=int(name[4:8]))
    assert all("darktable:" in sidecar(library, name) for name in names), "it has rewritten every sidecar"
    assert told(library, 26) == []
    assert library.believed() == []


def test_darktables_default_star_before_safelight_is_no_opinion(unrated: Library) -> None:
    names = [path.name for path in unrated.frames]
    darktable(unrated, "for _, image in pairs(images) do image.rating = 1 end", names=names)
    assert all('xmp:Rating="1"' in sidecar(unrated, name) for name in names)
    unrated.rate()
    unrated.reconcile(hours=26)
    assert not [entry for entry in unrated.journal() if entry["kind"] in {"person_rated", "frame_developed"}]
    assert unrated.believed() == []


def test_an_export_from_darktable_beside_the_frames_is_no_frame_of_its_own(library: Library) -> None:
    """It carries our own stars in it, which darktable copied; they are nobody's opinion of it."""
    place = library.folder / "darktable_exported"
    place.mkdir()
    darktable(library, names=[NAME], opened=NAME, export=place / NAME)
    told(library, 1)
    stages = [record["stage"] for record in records(library) if record["path"] == str(place / NAME)]
    assert stages == ["derived"]
    told(library, 26)
    assert library.believed() == [("exported", (NAME,))]
    assert not list(place.glob("*.xmp"))


def test_an_export_from_darktable_is_found_by_reconciling_alone(library: Library) -> None:
    place = library.folder / "darktable_exported"
    place.mkdir()
    darktable(library, names=[NAME], opened=NAME, export=place / NAME)
    (fact,) = told(library, 1)
    assert (fact.brief, fact.payload["how"]) == (("frame_exported", NAME), "derived_from")
    assert Path(fact.payload["path"]) == place / NAME
    assert told(library, 26) == []
    assert library.believed() == [("exported", (NAME,))]


def test_exporting_elsewhere_is_no_edit(library: Library) -> None:
    darktable(library, names=[NAME], opened=NAME, export=library.base / "out.jpg")
    darktable(library, f'images["{NAME}"].rating = images["{NAME}"].rating', names=[NAME], opened=NAME, turn=1)
    assert "history_current_hash" in sidecar(library, NAME), "darktable has noted its automatic modules"
    assert told(library, 26) == []
