"""Pure decisions: standard library and numpy, no clock, no disk, no thread, no chance."""
