"""Reference against candidate, end to end and layer by layer."""
