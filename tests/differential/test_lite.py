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


def test_the_attributes_and_their_defaults_are_those_of_tensorflow():
    ours, theirs = (module.TFLiteConverter.from_saved_model(str(DIGITS / "saved_model")) for module in (lite, tf.lite))
    # What begins with an underscore and is no setting is TensorFlow's own business.
    settings = [name for name in vars(theirs) if name.startswith("_experimental") or not name.startswith("_")]
    settings.remove("target_spec")
    assert {name: getattr(ours, name) for name in settings} == {name: getattr(theirs, name) for name in settings}


def test_tensorflows_own_names_are_understood():
    converter = lite.TFLiteConverter.from_saved_model(str(DIGITS / "saved_model"))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = tf.lite.RepresentativeDataset(samples)
    converter.target_spec = tf.lite.TargetSpec(supported_ops=[tf.lite.OpsSet.TFLITE_BUILTINS_INT8])
    converter.inference_input_type = converter.inference_output_type = tf.int8
    assert converter.convert() == run(lite, SCRIPTS["int8"])


class Two(tf.Module):
    """Two signatures; one of them has an operation without integer kernels."""

    def __init__(self):
        super().__init__()
        self.weight = tf.Variable(np.random.default_rng(0).normal(size=(64, 64)).astype(np.float32))

    @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32, "x")])
    def odd(self, x):
        return {"y": tf.sin(x @ self.weight) @ self.weight}

    @tf.function(input_signature=[tf.TensorSpec([None, 64], tf.float32, "x")])
    def even(self, x):
        return {"z": tf.nn.relu(x @ self.weight)}


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    path = str(tmp_path_factory.mktemp("two"))
    module = Two()
    tf.saved_model.save(module, path, signatures={"odd": module.odd, "even": module.even})
    return path


def keyed(*keys):
    rows = np.random.default_rng(1).normal(size=(20, 1, 64)).astype(np.float32)
    return lambda: ((key, {"x": row}) for row in rows for key in keys)


def of_two(path, ops, samples, **settings):
    converter = lite.TFLiteConverter.from_saved_model(path)
    converter.optimizations = [lite.Optimize.DEFAULT]
    converter.target_spec.supported_ops = ops
    converter.representative_dataset = samples
    for name, value in settings.items():
        setattr(converter, name, value)
    return converter


def test_each_signature_learns_from_its_own_samples_and_what_stays_float_is_told(two):
    with pytest.warns(lite.OctavoWarning, match="no integer kernel computes them: SIN"):
        content = of_two(two, INT8, keyed("odd", "even")).convert()
    assert set(lite.Interpreter(model_content=content).get_signature_list()) == {"odd", "even"}
    with pytest.raises(ValueError, match="no samples of the signature 'even'"):
        of_two(two, INT8, keyed("odd")).convert()


def test_an_operation_without_integer_kernel_is_an_error_for_16x8_only_and_for_strict(two):
    with pytest.raises(RuntimeError, match="Quantization to 16x8-bit not yet supported for op: 'SIN'"):
        of_two(two, INT16, keyed("odd", "even")).convert()
    with pytest.raises(lite.ConverterError, match="SIN"):
        of_two(two, INT8, keyed("odd", "even"), strict=True).convert()


def test_a_function_that_is_not_concrete_is_refused_with_a_way_out():
    module = Two()
    with pytest.raises(ValueError, match="call get_concrete_function"):
        lite.TFLiteConverter.from_concrete_functions([module.odd])


@pytest.mark.filterwarnings("ignore::octavo.lite.OctavoWarning", "ignore::UserWarning", "ignore::DeprecationWarning")
def test_models_that_are_only_calibrated_are_understood_by_either_quantizer():
    from tensorflow.lite.python.convert import mlir_quantize as theirs

    from octavo.lite.convert import mlir_quantize as ours
    from octavo.read.tflite import ranges_of

    made = {}
    for module in (tf.lite, lite):
        converter = module.TFLiteConverter.from_saved_model(str(DIGITS / "saved_model"), ["serving_default"])
        converter.optimizations, converter.representative_dataset = [module.Optimize.DEFAULT], samples
        converter._experimental_calibrate_only = True
        made[module] = converter.convert()
    (expected,), (found,) = (ranges_of(made[module]) for module in (tf.lite, lite))
    assert len(found) > 3
    strange = {
        name
        for name, ends in found.items()
        if not any(np.allclose(ends, other, rtol=1e-5, atol=1e-6) for other in expected.values())
    }
    assert all(name.endswith("/Sigmoid") for name in strange)  # TensorFlow writes none where the kernel dictates a grid
    for quantize in (ours, theirs):
        for content in made.values():
            dtypes = {
                detail["dtype"] for detail in lite.Interpreter(model_content=quantize(content)).get_tensor_details()
            }
            assert np.int8 in dtypes
