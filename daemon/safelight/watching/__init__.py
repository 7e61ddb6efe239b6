"""Looks at disks: scanning, identifying contents, telling cards from folders."""
