"""Reads and writes the ratings that live beside the pictures, without losing a byte of what others wrote there."""
