"""The icon in the panel: a thin client of the control socket, in a process of its own."""
