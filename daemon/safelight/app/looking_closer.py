"""Opens what looks beside the embedded bundle: a fetched one, and what finds faces. Neither is needed to rate.

What is missing, damaged or fails is told in a sentence, and the rest goes on without it. What squares the decoders have
to make is found out from the description alone, before anything is loaded, as the workers start first.
Invariant: nothing here raises because of a fetched bundle.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from safelight.app.bundle_word import FACES
from safelight.app.settings import EMBEDDED, Settings
from safelight.domain.judges import beside
from safelight.errors import BundleError
from safelight.ports import FaceReader, VisionEncoder
from safelight.services.face_look import FaceLook
from safelight.services.second_look import SecondLook
from safelight.storage.store import SqliteStore

if TYPE_CHECKING:  # most people have no fetched bundle, and reading descriptions takes a quarter of a second
    from safelight.inference.installed import Installed

Say = Callable[[BundleError], None]


class Closer:
    """What looks closer, as far as it is installed and works."""

    def __init__(
        self,
        *,
        settings: Settings,
        say: Say,
        tell: Callable[[str], None] = lambda _: None,
        open_vision: Callable[[Path, Settings], VisionEncoder] | None = None,
        open_faces: Callable[[Path], FaceReader] | None = None,
    ) -> None:
        """Read the descriptions; `say` is told whatever stands in the way.

        `tell` is told one line whenever the fetched bundle is opened: what it runs on. The openers are for tests.
        """
        self._settings = settings
        self._say, self._tell = say, tell
        self.provider = ""  # what the fetched bundle runs on and why, as one line
        self.fails = False  # a fetched bundle is in use and cannot be used: the embedded one judges alone
        self.found = True  # there was something to read of it
        self.of_faces: list[str] = []  # what is wrong with what finds faces, as sentences
        self._open_vision = open_vision or self._vision
        self._open_faces = open_faces or _faces
        self._bundle = self._described(settings.bundle, self._unread) if settings.bundle != EMBEDDED else None
        self._faces = (
            self._described(FACES, self._faces_fail) if settings.faces and _is_there(settings, FACES) else None
        )

    @property
    def decoding(self) -> dict[str, Any]:
        """Return what the decoders have to hand on: fields of DecodeRules."""
        vision = self._bundle.manifest.vision if self._bundle else None
        return {"squares_px": (vision.side_px,) if vision else (), "keep_preview": self._faces is not None}

    def second(self, store: SqliteStore, first: str) -> SecondLook | None:
        """Load the fetched bundle that is in use, to look beside the judge `first`; None where there is none."""
        if self._bundle is None:
            return None
        try:
            encoder = self._open_vision(self._settings.bundles / self._bundle.name, self._settings)
        except BundleError as error:
            self._bundle_fails(error)
            return None
        judge = beside(encoder.bundle, first)
        return SecondLook(
            encoder=encoder,
            assessments=store.assessments(judge),
            took_over=lambda: store.successions.get(judge),
            seen=store.successions.count_seen(judge),
            threads=self._settings.jobs,
            say=self._bundle_fails,
        )

    def faces(self) -> FaceLook | None:
        """Load what finds faces; None where it is not installed or not wanted."""
        if self._faces is None:
            return None
        try:
            return FaceLook(reader=self._open_faces(self._settings.bundles / FACES), say=self._faces_fail)
        except BundleError as error:
            self._faces_fail(error)
            return None

    def _vision(self, folder: Path, settings: Settings) -> VisionEncoder:
        from safelight.inference.fetched_encoder import open_vision

        return open_vision(folder, accelerator=settings.accelerator, say=partial(self._runs_on, folder.name))

    def _runs_on(self, name: str, provider: str) -> None:
        self.provider = provider
        self._tell(f"The model bundle {name} runs on {provider}")

    def _described(self, name: str, say: Say) -> "Installed | None":
        from safelight.inference.installed import read_installed

        try:
            return read_installed(self._settings.bundles / name)
        except BundleError as error:
            say(error)
            return None

    def _faces_fail(self, error: BundleError) -> None:
        if error.told not in self.of_faces:
            self.of_faces.append(error.told)
        self._say(error)

    def _unread(self, error: BundleError) -> None:
        self.found = False
        self._bundle_fails(error)

    def _bundle_fails(self, error: BundleError) -> None:
        self.fails = True
        self._say(error)


def _is_there(settings: Settings, name: str) -> bool:
    return bool(settings.bundles.parts) and (settings.bundles / name).is_dir()


def _faces(folder: Path) -> FaceReader:
    from safelight.inference.faces import open_faces

    return open_faces(folder)
