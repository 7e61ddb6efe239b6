"""Runs model bundles: what a bundle is, how its model is had, and what it says of a picture."""
