"""Settings, wiring and the run of services: the composition root."""
