"""Source model → graph."""
