"""Lets the tests of this folder import what they share: `lowering`, and `kernel` of the operations."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parents[1] / "ops"))
