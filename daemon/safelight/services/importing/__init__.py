"""The parts of importing a card: what it comes to, when frames were taken, where they go, and what is under way."""
