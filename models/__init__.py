"""Says which model bundles exist, where their weights come from and how they are built.

The manifests, heads and reference outputs are files of this package, found the same way in a wheel and in an
editable install (the package is a link to the top-level folder `models/`). Code here may use the adapters of
`inference` and `decoding`; they never import it, so the builders are handed to them by whoever wires the program.
"""
