"""Starts the tray in a portable build."""

from safelight.tray.main import main

if __name__ == "__main__":
    main()
