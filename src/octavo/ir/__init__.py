"""What flows: dimensions, types, values, nodes, graphs, ports and the base of all operations."""
