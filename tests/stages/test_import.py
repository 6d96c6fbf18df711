"""What importing Octavo brings with it: in a process of its own, since this one has imported everything."""

import subprocess
import sys

import pytest

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
