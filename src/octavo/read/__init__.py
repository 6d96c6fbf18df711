"""Bytes → source model, or → graph."""
