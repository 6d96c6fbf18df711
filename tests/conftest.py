"""Lets the tests of every folder import what they share: `saved_models`."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

# TensorFlow, the reference, computes NCHW and dilated 3-D convolutions with oneDNN alone, which is off by default on some CPUs.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
