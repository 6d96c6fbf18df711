"""The record of a run, and ways to show it."""
