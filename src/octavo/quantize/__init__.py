"""Graph, recipe and statistics → plan → quantized graph."""
