"""The control socket: what the daemon and its thin clients say to each other, and the two ends of it."""
