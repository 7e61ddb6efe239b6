"""What the services need from the outside, as Protocols; adapters implement them, fakes stand in for them in tests.

Nothing here does anything. A service takes these by keyword; only `app.wiring` knows which adapter stands behind one.
"""

from safelight.ports.disk import Clock, Identifier, Listing, NotLooked, Scanner, Volumes
from safelight.ports.memory import Assessments, Catalog, Journal, Ratings, Receipts, Sightings, Store
from safelight.ports.pictures import (
    Decoder,
    Encoded,
    Encoder,
    Examined,
    FaceReader,
    FactsReader,
    Refused,
    Request,
    TextEncoder,
    VisionEncoder,
)
from safelight.ports.sidecars import SidecarPlan, Sidecars, SidecarWrite, Standing
from safelight.ports.tastes import Purge, Tastes
from safelight.ports.traces import (
    Elsewhere,
    Mounts,
    Placeholders,
    Trace,
    TraceKind,
    TraceReading,
    Traces,
    Trash,
    Trashed,
    VolumeIdentity,
)

__all__ = [
    "Assessments",
    "Catalog",
    "Clock",
    "Decoder",
    "Elsewhere",
    "Encoded",
    "Encoder",
    "Examined",
    "FaceReader",
    "FactsReader",
    "Identifier",
    "Journal",
    "Listing",
    "Mounts",
    "NotLooked",
    "Placeholders",
    "Purge",
    "Ratings",
    "Receipts",
    "Refused",
    "Request",
    "Scanner",
    "SidecarPlan",
    "SidecarWrite",
    "Sidecars",
    "Sightings",
    "Standing",
    "Store",
    "Tastes",
    "TextEncoder",
    "Trace",
    "TraceKind",
    "TraceReading",
    "Traces",
    "Trash",
    "Trashed",
    "VisionEncoder",
    "VolumeIdentity",
    "Volumes",
]
