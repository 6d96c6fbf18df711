"""Float graph → a float graph that computes the same, with channels that integers hold better."""
