"""Turns SigLIP checkpoints into bundles: ONNX towers in several precisions, checked against torch, with a manifest.

It works in an environment of its own (packaging/export.sh): optimum wants a transformers of its time, and that wants a
huggingface_hub that is older than the one Safelight fetches with. So nothing in here may import more of Safelight than
errors, manifests and sessions do, and torch, transformers and optimum are imported nowhere else.
"""
