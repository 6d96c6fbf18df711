"""Graph → graph that computes the same, faster."""
