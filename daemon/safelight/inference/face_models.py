"""Names the models of the bundle `faces`: where each comes from, what it takes and answers, and what proves it right.

What each model must answer to a generated picture was computed once by the published file with TensorFlow Lite's own
interpreter. So neither a mistake in the conversion nor a library that computes otherwise gets as far as a photograph.
Invariant: a session that `proven` or `open_models` hands on gave those numbers on this computer.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safelight.errors import BundleError
from safelight.inference.fetched import Role
from safelight.inference.golden import reference_picture
from safelight.inference.installed import FACE_REVISION, FACE_SUMS, Installed, spoiled
from safelight.inference.session import Session, open_session

_TOLERANCE = 0.005  # of the largest number expected; conversions differ by 0.000002 of it (measured)


@dataclass(frozen=True, slots=True)
class Model:
    """A model: the file of the manifest it is in, its input, its outputs by name with how many numbers each has.

    `proof` has numbers of each output, evenly spaced from the first to the last, for the reference picture.
    """

    name: str
    role: Role
    member: str | None  # inside an archive
    tensor: str
    side_px: int
    from_minus_one: bool  # it takes -1 to 1, else 0 to 1
    outputs: Mapping[str, int]
    proof: Mapping[str, tuple[float, ...]]

    def scaled(self, levels: NDArray[Any]) -> NDArray[np.float32]:
        """Turn levels 0-255, (side, side, 3), into what the model takes, with the axis of pictures in front."""
        middle, reach = (127.5, 127.5) if self.from_minus_one else (0.0, 255.0)
        return np.asarray((levels[None] - middle) / reach, np.float32)


NEAR = Model(
    name="near-detector", role="task", member="face_detector.tflite",
    tensor="input", side_px=128, from_minus_one=True,
    outputs={"regressors": 896 * 16, "classificators": 896},
    proof={
        "regressors": (0.2375, -5.84, -2.606, -2.081, -0.6963, -1.632, -14.88, -7.792),
        "classificators": (-5.085, -3.738, -4.126, -3.831, -3.664, -1.382, -32.31, -76.4),
    },
)  # fmt: skip
FAR = Model(
    name="far-detector", role="detector", member=None,
    tensor="input", side_px=192, from_minus_one=True,
    outputs={"reshaped_regressor_face_4": 2304 * 16, "reshaped_classifier_face_4": 2304},
    proof={
        "reshaped_regressor_face_4": (-3.127, 12.51, -14.44, 8.416, -6.017, -1.042, -13.79, -2.907),
        "reshaped_classifier_face_4": (-8.202, -4.026, -5.34, -5.987, -3.362, -3.141, -3.829, -6.677),
    },
)  # fmt: skip
LANDMARKS = Model(
    name="landmarks", role="task", member="face_landmarks_detector.tflite",
    tensor="input_12", side_px=256, from_minus_one=False,
    outputs={"Identity": 478 * 3, "Identity_1": 1},
    proof={
        "Identity": (157.3, 103.7, 145.9, 13.48, -5.725, 176, 145.5, -9.422),
        "Identity_1": (-22.64,),
    },
)  # fmt: skip
MODELS = (NEAR, FAR, LANDMARKS)


def answers(session: Session, model: Model, picture: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Return the model's outputs for what `Model.scaled` gave, each flat.

    Raises BundleError when an output has another length or is not finite.
    """
    found = [np.asarray(answer).ravel() for answer in session.run(list(model.outputs), {model.tensor: picture})]
    if [answer.size for answer in found] != list(model.outputs.values()):
        raise _wrong(model, "answers in another shape than it should")
    if not all(np.isfinite(answer).all() for answer in found):
        raise _wrong(model, "answers numbers that are not finite")
    return found


def proven(session: Session, model: Model) -> Session:
    """Return the session. Raises BundleError unless it gives the known answers to the reference picture."""
    for name, answer in zip(model.outputs, reference_answers(session, model), strict=True):
        known = np.array(model.proof[name])
        if not (np.abs(sample(answer, known.size) - known) <= _TOLERANCE * max(1.0, np.abs(known).max())).all():
            raise _wrong(model, "gives wrong answers to a known picture")
    return session


def reference_answers(session: Session, model: Model) -> list[NDArray[np.float32]]:
    """Return what a model makes of the reference picture."""
    return answers(session, model, model.scaled(reference_picture(model.side_px)))


def sample(answer: NDArray[np.floating], count: int) -> NDArray[np.floating]:
    """Return `count` numbers of an answer, evenly spaced from its first to its last."""
    return answer[np.linspace(0, answer.size - 1, count).astype(np.intp)]


def open_models(installed: Installed, *, threads: int) -> dict[str, Session]:
    """Return a proven session for each of MODELS, by name; raises BundleError when one is missing, damaged or wrong."""
    sums = _sums(installed)
    sessions = {}
    for model in MODELS:
        content = installed.made(f"{model.name}.onnx")
        if content is None or hashlib.sha256(content).hexdigest() != sums.get(f"{model.name}.onnx"):
            raise spoiled(installed.name, f"the {model.name} that was made at install is missing or damaged")
        sessions[model.name] = proven(open_session(content, threads=threads), model)
    return sessions


def _sums(installed: Installed) -> Mapping[str, Any]:
    try:
        told = json.loads(installed.made(FACE_SUMS) or b"null")
    except (ValueError, RecursionError) as error:
        raise spoiled(installed.name, "the list of what was made at install is damaged") from error
    if not isinstance(told, dict) or told.get("revision") != FACE_REVISION or not isinstance(told.get("files"), dict):
        raise spoiled(installed.name, "it was made ready by another version of Safelight, or not at all")
    return dict(told["files"])


def _wrong(model: Model, what: str) -> BundleError:
    return BundleError(
        f"The face models cannot be used: the {model.name} {what}.",
        hint="Fetch them again: safelight models fetch faces",
    )
