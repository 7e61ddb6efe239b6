"""The settings that a person can make: each with its kind, its bounds, its default and what it is for.

These are plain frozen dataclasses, so that a command without a file of settings pays nothing for a validator; pydantic
checks what a file says against the very same annotations (configuration_checking). The words in `Told` become the
comments of a new file and the help of messages, so that there is one description of every setting.
Invariant: every field of every section has a default and a `Told`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, ClassVar, Final, Literal

Policy = Literal["ask", "import", "rate", "ignore"]
Existing = Literal["rate", "leave"]

# What pydantic does with every section: names that are not here are refused, and so are infinities.
_STRICT: Final[dict[str, Any]] = {"extra": "forbid", "allow_inf_nan": False}


@dataclass(frozen=True, slots=True)
class Told:
    """What a setting is for, in the words of the file of settings."""

    text: str


@dataclass(frozen=True, slots=True)
class Between:
    """The least and the greatest number that a setting may be."""

    least: float
    most: float

    def __get_pydantic_core_schema__(self, source: Any, schema_of: Callable[[Any], Any]) -> dict[str, Any]:
        """Return the schema of the number with its bounds; pydantic's own hook, so nothing of it is imported here."""
        return {**schema_of(source), "ge": self.least, "le": self.most}


@dataclass(frozen=True, slots=True)
class Folder:
    """Marks a path that the file writes as a text of its own kind (folder_names)."""

    def __get_pydantic_core_schema__(self, _source: Any, _schema_of: Callable[[Any], Any]) -> Any:
        """Return the schema of a text that becomes a path below the home folder of the context."""
        from safelight.app.configuration_schemas import folder_schema

        return folder_schema()


@dataclass(frozen=True, slots=True)
class Template:
    """Marks the text that names the files of an import."""

    def __get_pydantic_core_schema__(self, _source: Any, _schema_of: Callable[[Any], Any]) -> Any:
        """Return the schema of a text whose fields are known."""
        from safelight.app.configuration_schemas import template_schema

        return template_schema()


@dataclass(frozen=True, slots=True)
class BundleName:
    """Marks the text that names a model bundle: it becomes the name of a folder, so it must be a plain one."""

    def __get_pydantic_core_schema__(self, source: Any, schema_of: Callable[[Any], Any]) -> dict[str, Any]:
        """Return the schema of a name as the descriptions of bundles have it (inference.manifest.Name)."""
        return {**schema_of(source), "pattern": r"^[a-z0-9][a-z0-9._-]{0,63}$"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One folder to watch, and what happens to the photographs that were in it before."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    path: Annotated[Path, Folder()]
    existing: Existing = "rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Which folders are watched, and how."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    folders: Annotated[
        tuple[Watched, ...],
        Told(
            "Folders whose photographs are rated as they arrive, with everything below them. A folder may also be\n"
            'written as { path = "~/Archive", existing = "leave" }: what is in it already is left alone, and only\n'
            "what arrives from then on is rated."
        ),
    ] = ()
    rescan_minutes: Annotated[
        float, Between(0.1, 1440), Told("Minutes between two looks at all of it, in case something was missed.")
    ] = 15.0
    network_seconds: Annotated[
        float,
        Between(0.5, 86_400),
        Told("Seconds between two looks at folders on network drives, which do not tell what happens on them."),
    ] = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsSection:
    """What is done with memory cards."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    new: Annotated[
        Policy,
        Told(
            "What is done with a card that was never seen before: ask, import (copy it and rate the copies), rate\n"
            "(copy nothing, and rate the photographs where another program puts them) or ignore."
        ),
    ] = "ask"
    default: Annotated[
        Literal["import", "rate", "ignore"], Told("What is done with such a card where nobody can be asked.")
    ] = "import"
    import_folder: Annotated[
        Path, Folder(), Told("Where imported photographs go; where this is not set, your folder of pictures.")
    ] = Path()
    template: Annotated[
        str,
        Template(),
        Told("How the copies are called below that folder."),
    ] = "{date:%Y}/{date:%Y-%m-%d} {camera}/{name}"
    backup_folder: Annotated[
        Path | None, Folder(), Told('A second copy of everything that is imported goes here; "" for none.')
    ] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecars:
    """How new sidecars are named."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    profile: Annotated[
        Literal["darktable", "adobe", "both"],
        Told(
            "How a new sidecar is named: darktable (IMG_1.CR3.xmp, also for digiKam and Immich), adobe (IMG_1.xmp,\n"
            "for Lightroom, Bridge, Capture One and Photo Mechanic) or both. Sidecars that are there already are used."
        ),
    ] = "darktable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """How hard the machine may be worked."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    jobs: Annotated[int, Between(0, 64), Told("Photographs decoded at once; 0: one per processor.")] = 0
    battery_percent: Annotated[
        int, Between(0, 100), Told("On battery and with less than this left, rating waits; 0: it never does.")
    ] = 30
    in_power_saver: Annotated[
        Literal["pause", "work"], Told("In the power-saver mode of the desktop: pause or work.")
    ] = "pause"
    when_busy: Annotated[Literal["yield", "work"], Told("While other programs need the processors: yield or work.")] = (
        "yield"
    )
    idle_minutes: Annotated[
        float, Between(0.0, 1440), Told("Minutes without work after which the memory of the model is given back.")
    ] = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """What is told by a notification."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    shoots: Annotated[bool, Told("Tell when a shoot was rated.")] = True
    cards: Annotated[bool, Told("Ask about new cards, and tell when a card can be removed.")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Learn:
    """How the taste is learned and measured."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    blind_share: Annotated[
        float,
        Between(0.0, 0.5),
        Told(
            "This share of the bursts stays without stars until you are done with their folder. Only on them can be\n"
            "measured honestly how well Safelight knows your taste; 0: none."
        ),
    ] = 0.08
    undo_hours: Annotated[
        float, Between(0.0, 8760), Told("Hours in which a deletion can be taken back before anything is learned of it.")
    ] = 24.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Which model judges the pictures, and what it runs on."""

    __pydantic_config__: ClassVar[dict[str, Any]] = _STRICT
    bundle: Annotated[
        str,
        BundleName(),
        Told(
            "The model bundle that judges: embedded, which needs no download, or one that `safelight models fetch`\n"
            "installed. `safelight models use` sets it."
        ),
    ] = "embedded"
    accelerator: Annotated[
        Literal["auto", "cpu"], Told("What models run on: auto (a GPU where one truly works, else the CPU) or cpu.")
    ] = "auto"
    faces: Annotated[
        bool,
        Told("Look at faces and eyes, where the bundle for that is installed; no picture gets 1 star for it alone."),
    ] = True


SECTIONS: Final[Mapping[str, type]] = {
    "watch": Watch,
    "cards": CardsSection,
    "sidecars": Sidecars,
    "work": Work,
    "notify": Notify,
    "learn": Learn,
    "models": Models,
}
