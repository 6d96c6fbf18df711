"""Lets the tests of every folder import what they share: `saved_models`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
