"""Source operations with no LiteRT twin: lowered to the operations that LiteRT has."""
