"""Rewrites of two or more operations, one file each."""
