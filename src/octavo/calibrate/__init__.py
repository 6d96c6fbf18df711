"""Samples → statistics of every value."""
