"""Cards: which one is plugged in, what is on it, and copying from it without ever writing to it."""
