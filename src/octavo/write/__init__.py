"""Graph → bytes."""
