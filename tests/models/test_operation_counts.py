"""The families of keras.applications take no more operations than TensorFlow's converter gives them.

`benchmarks/zoo.py` builds the models, and TensorFlow's conversions beside them, once.
"""

import os
import tempfile
from pathlib import Path

import pytest

from octavo.lower.engine import lower
from octavo.optimize.engine import optimize
from octavo.read.open import read

ZOO = Path(os.environ.get("OCTAVO_ZOO") or Path(tempfile.gettempdir()) / "octavo-zoo")
FAMILIES = sorted(path.parent.name for path in ZOO.glob("*/tf_float.tflite"))


@pytest.mark.skipif(not FAMILIES, reason="no zoo; benchmarks/zoo.py builds it (set OCTAVO_ZOO)")
@pytest.mark.parametrize("family", FAMILIES or ["none"])
def test_a_family_takes_no_more_operations_than_tensorflow_gives_it(family):
    graph = lower(read(ZOO / family / "saved_model")).main
    optimize(graph)
    assert len(graph) <= len(read(ZOO / family / "tf_float.tflite").main)
