"""What importing Octavo brings with it: in a process of its own, since this one has imported everything."""

import subprocess
import sys
from pathlib import Path

import pytest

from octavo.optimize.rule import rules

HEAVY = {
    "numpy",
    "tensorflow",
    "keras",
    "google.protobuf",
    "ai_edge_litert",
    "msgspec",
    "rich",
    "click",
    "jinja2",
    "h5py",
}


def imported(statement):
    shown = subprocess.run(
        [sys.executable, "-c", f"{statement}\nimport sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )
    return set(shown.stdout.split())


def test_importing_octavo_imports_nothing_of_others():
    assert not imported("import octavo") & HEAVY


def test_the_pipeline_waits_with_what_only_some_models_need():
    modules = imported("import octavo.pipeline")
    assert not modules & {"tensorflow", "keras", "google.protobuf", "ai_edge_litert", "rich", "h5py"}
    assert not any(name.startswith("octavo.ops.") and name.endswith("conv_2d") for name in modules)


@pytest.mark.parametrize("submodule", ["numpy.random", "numpy.ma", "numpy.fft", "numpy.polynomial", "numpy.testing"])
def test_no_submodule_of_numpy_is_imported_that_numpy_leaves_out(submodule):
    assert submodule not in imported("import octavo.pipeline, octavo.read.saved_model.reader")


def test_a_float_conversion_imports_nothing_that_learns_or_settles_integers():
    """Importing is half of its time; which modules are imported does not depend on the machine's load."""
    model = Path(__file__).parents[2] / "examples" / "digits" / "saved_model"
    modules = imported(f"import octavo; octavo.convert({str(model)!r})")
    unneeded = {"calibrate", "equalize", "judge", "report", "gather", "cli", "lite", "ledger", "raising"}
    assert not {name for name in modules if name.startswith("octavo.") and name.split(".")[1] in unneeded}
    assert not modules & {"octavo.quantize.settle", "octavo.quantize.apply", "octavo.lower.control_flow"}
    assert not modules & {"octavo.optimize.rules.for_integers_curves", "google.protobuf.descriptor_pool"}
    assert not modules & {"threadpoolctl", "numpy.ma", "click"}


def test_rules_for_integers_stand_in_files_of_their_own():
    assert {rule.phase for rule in rules(of_integers=True)} == {"integers"}
    assert "integers" not in {rule.phase for rule in rules(of_integers=False)}
