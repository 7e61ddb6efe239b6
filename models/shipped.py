"""Says where the files lie that are shipped with the models: manifests, heads, references.

They are files of the package, so that a wheel and an editable install find them alike.
"""

from pathlib import Path

FOLDER = Path(__file__).parent
EMBEDDED = FOLDER / "manifests" / "embedded.toml"
