"""One script, run against `tf.lite` and against `octavo.lite`: the same interface comes out."""

from pathlib import Path

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")

from octavo import lite  # noqa: E402

pytestmark = pytest.mark.slow
DIGITS = Path(__file__).parents[2] / "examples" / "digits"
INT8 = ["TFLITE_BUILTINS_INT8"]
INT16 = ["EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"]
SCRIPTS = {
    "float": {},
    "dynamic": {"optimize": True},
    "float16": {"optimize": True, "types": [tf.float16]},
    "int8 with fallback": {"optimize": True, "samples": True},
    "int8": {"optimize": True, "samples": True, "ops": INT8, "interface": tf.int8},
    "uint8": {"optimize": True, "samples": True, "ops": INT8, "interface": tf.uint8},
    "int8 by dtype": {"optimize": True, "samples": True, "types": [tf.int8]},
    "int16x8": {"optimize": True, "samples": True, "ops": INT16},
    "int16x8 throughout": {"optimize": True, "samples": True, "ops": INT16, "interface": tf.int16},
}


def samples():
    for picture in np.load(DIGITS / "calibration.npz")["image"][:16]:
        yield [picture[np.newaxis]]


def run(module, script):
    converter = module.TFLiteConverter.from_saved_model(str(DIGITS / "saved_model"))
    if script.get("optimize"):
        converter.optimizations = [module.Optimize.DEFAULT]
    if script.get("samples"):
        converter.representative_dataset = samples
    if "ops" in script:
        converter.target_spec.supported_ops = [module.OpsSet[name] for name in script["ops"]]
    if "types" in script:
        converter.target_spec.supported_types = script["types"]
    if "interface" in script:
        converter.inference_input_type = converter.inference_output_type = script["interface"]
    return converter.convert()


def interface(content):
    interpreter = lite.Interpreter(model_content=content)
    found = {}
    for key in interpreter.get_signature_list():
        runner = interpreter.get_signature_runner(key)
        for side, details in (("in", runner.get_input_details()), ("out", runner.get_output_details())):
            for name, detail in details.items():
                found[key, side, name] = (np.dtype(detail["dtype"]), tuple(detail["shape_signature"]))
    return found


@pytest.mark.filterwarnings("ignore::octavo.lite.OctavoWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("name", SCRIPTS)
def test_one_script_gives_the_same_interface_in_both(name):
    assert interface(run(lite, SCRIPTS[name])) == interface(run(tf.lite, SCRIPTS[name]))
