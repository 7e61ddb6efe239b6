"""The parts of reconciling the catalog with the disk, one idea a module."""
