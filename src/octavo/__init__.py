"""Octavo: post-training quantization for TensorFlow models, without TensorFlow.

```python
import octavo

result = octavo.convert("my_saved_model", recipe="int8", samples="calibration.npz")
print(result.plan)
result.save("my_model.tflite")
print(octavo.compare(result.reference, result.content, "held_out.npz"))
```
"""

from __future__ import annotations

import importlib
import os
import sys
from typing import TYPE_CHECKING, Any

from octavo.version import __version__ as __version__

if "numpy" not in sys.modules:
    # Threads of OpenBLAS that wait for work spin for 2^26 cycles before they sleep: a third of a conversion's CPU time.
    os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")

if TYPE_CHECKING:
    from octavo.api import benchmark as benchmark
    from octavo.api import blame as blame
    from octavo.api import compare as compare
    from octavo.api import convert as convert
    from octavo.api import debug as debug
    from octavo.api import dequantize_outputs as dequantize_outputs
    from octavo.api import evaluate as evaluate
    from octavo.api import inspect as inspect
    from octavo.api import off_target as off_target
    from octavo.api import quantize_inputs as quantize_inputs
    from octavo.api import record as record
    from octavo.benchmarking import Benchmark as Benchmark
    from octavo.dtype import bfloat16 as bfloat16
    from octavo.dtype import float16 as float16
    from octavo.dtype import float32 as float32
    from octavo.dtype import int8 as int8
    from octavo.dtype import int16 as int16
    from octavo.dtype import uint8 as uint8
    from octavo.errors import OctavoError as OctavoError
    from octavo.gather.images import Images as Images
    from octavo.gather.records import Records as Records
    from octavo.gather.sounds import Sounds as Sounds
    from octavo.judge.blame import Blame as Blame
    from octavo.judge.compare import Comparison as Comparison
    from octavo.judge.diagnosis import Diagnosis as Diagnosis
    from octavo.judge.score import Evaluation as Evaluation
    from octavo.judge.score import Score as Score
    from octavo.pipeline import Conversion as Conversion
    from octavo.plan import Plan as Plan
    from octavo.recipe import Recipe as Recipe
    from octavo.recipe import Rule as Rule
    from octavo.report.inspection import Inspection as Inspection
    from octavo.report.record import Run as Run

__all__ = [
    "Benchmark",
    "Blame",
    "Comparison",
    "Conversion",
    "Diagnosis",
    "Evaluation",
    "Images",
    "Inspection",
    "OctavoError",
    "Plan",
    "Recipe",
    "Records",
    "Rule",
    "Run",
    "Score",
    "Sounds",
    "benchmark",
    "bfloat16",
    "blame",
    "compare",
    "convert",
    "debug",
    "dequantize_outputs",
    "evaluate",
    "float16",
    "float32",
    "inspect",
    "int8",
    "int16",
    "off_target",
    "quantize_inputs",
    "record",
    "uint8",
]

_HOMES = {
    "Sounds": "octavo.gather.sounds",
    "Records": "octavo.gather.records",
    "Images": "octavo.gather.images",
    "Benchmark": "octavo.benchmarking",
    "Blame": "octavo.judge.blame",
    "Comparison": "octavo.judge.compare",
    "Conversion": "octavo.pipeline",
    "Evaluation": "octavo.judge.score",
    "Diagnosis": "octavo.judge.diagnosis",
    "Inspection": "octavo.report.inspection",
    "OctavoError": "octavo.errors",
    "Plan": "octavo.plan",
    "Recipe": "octavo.recipe",
    "Rule": "octavo.recipe",
    "Run": "octavo.report.record",
    "Score": "octavo.judge.score",
    **dict.fromkeys(
        (
            "benchmark",
            "blame",
            "compare",
            "convert",
            "debug",
            "dequantize_outputs",
            "evaluate",
            "inspect",
            "off_target",
            "quantize_inputs",
            "record",
        ),
        "octavo.api",
    ),
    **dict.fromkeys(("bfloat16", "float16", "float32", "int8", "int16", "uint8"), "octavo.dtype"),
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'octavo' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
