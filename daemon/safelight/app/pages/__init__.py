"""Templates and drawings of the pages that Safelight writes; the only place that knows Jinja."""
