"""Every combination of settings means the mode, or the error, that it means in TensorFlow: its own decision is asked."""

import itertools

import pytest

tf = pytest.importorskip("tensorflow")

from tensorflow.lite.python import lite as theirs  # noqa: E402

from octavo import lite  # noqa: E402
from octavo.dtype import DType  # noqa: E402
from octavo.lite.mode import Interface, Mode, Request, check_interface, check_request, decide  # noqa: E402
from octavo.lite.names import OpsSet, Optimize  # noqa: E402

OPTIMIZATIONS = [[], *([name] for name in Optimize.__members__), ["DEFAULT", "EXPERIMENTAL_SPARSITY"]]
OPS = [
    "TFLITE_BUILTINS",
    "SELECT_TF_OPS",
    "TFLITE_BUILTINS_INT8",
    "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8",
]
TYPES = ["float32", "float16", "bfloat16", "int8"]
INTERFACES = ["float32", "int8", "uint8", "int16", "int32"]


def some(names):
    """Every choice among the names, the empty one too."""
    return [list(each) for count in range(len(names) + 1) for each in itertools.combinations(names, count)]


def samples():
    yield [1.0]


def of_theirs(optimizations, ops, types, has_samples):
    """TensorFlow's object that decides, or its error."""
    target = theirs.TargetSpec([theirs.OpsSet[name] for name in ops], [getattr(tf, name) for name in types])
    wanted = [theirs.Optimize[name] for name in optimizations]
    try:
        return theirs.QuantizationMode(wanted, target, samples if has_samples else None, tf.compat.v1.GraphDef())
    except ValueError as error:
        return error


def name_of(mode):
    """The mode that TensorFlow's converter would run, asked in the order of its own `converter_flags`."""
    if mode.is_post_training_int16x8_only_quantization():
        return Mode.INT16X8_ONLY
    if mode.is_post_training_int16x8_quantization_with_float_fallback():
        return Mode.INT16X8_FALLBACK
    if mode.is_post_training_int8_only_quantization():
        return Mode.INT8_ONLY
    if mode.is_post_training_int8_quantization_with_float_fallback():
        return Mode.INT8_FALLBACK
    flags = mode.converter_flags()
    if flags["post_training_quantize"]:
        return Mode.FLOAT16 if flags["quantize_to_float16"] else Mode.DYNAMIC
    return Mode.BFLOAT16 if flags["allow_bfloat16"] else Mode.FLOAT


@pytest.mark.parametrize("has_samples", [False, True])
@pytest.mark.parametrize("optimizations", OPTIMIZATIONS, ids=",".join)
def test_every_combination_of_settings_means_what_it_means_in_tensorflow(optimizations, has_samples):
    for ops, types in itertools.product(some(OPS)[1:], some(TYPES)):
        request = Request(
            optimizations=Optimize.among(optimizations),
            ops=OpsSet.among(ops),
            types=frozenset(map(DType.of, types)),
            has_samples=has_samples,
        )
        expected = of_theirs(optimizations, ops, types, has_samples)
        if isinstance(expected, ValueError):
            with pytest.raises(ValueError) as found:  # noqa: PT011  # the message is compared
                check_request(request)
            assert str(found.value) == str(expected), (ops, types)
        else:
            check_request(request)
            assert decide(request) is name_of(expected), (ops, types)


MODES = {
    Mode.FLOAT: ([], ["TFLITE_BUILTINS"], [], False),
    Mode.DYNAMIC: (["DEFAULT"], ["TFLITE_BUILTINS"], [], False),
    Mode.FLOAT16: (["DEFAULT"], ["TFLITE_BUILTINS"], ["float16"], False),
    Mode.INT8_FALLBACK: (["DEFAULT"], ["TFLITE_BUILTINS"], [], True),
    Mode.INT8_ONLY: (["DEFAULT"], ["TFLITE_BUILTINS_INT8"], [], True),
    Mode.INT16X8_ONLY: (["DEFAULT"], [OPS[3]], [], True),
    Mode.INT16X8_FALLBACK: (["DEFAULT"], [OPS[0], OPS[3]], [], True),
}


def refusal(call, *arguments, **options):
    """What is said against it; empty where nothing is."""
    try:
        call(*arguments, **options)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("mode", MODES)
def test_every_interface_is_allowed_or_refused_as_in_tensorflow(mode):
    decided = of_theirs(*MODES[mode])
    assert name_of(decided) is mode
    for inputs, outputs in itertools.product(INTERFACES, INTERFACES):
        converter = theirs.TFLiteConverterBaseV2()
        converter.inference_input_type, converter.inference_output_type = getattr(tf, inputs), getattr(tf, outputs)
        expected = refusal(converter._validate_inference_input_output_types, decided)  # TensorFlow's own check
        found = refusal(check_interface, Interface(inputs=DType.of(inputs), outputs=DType.of(outputs)), mode)
        if not expected and mode.is_int8 and "int16" in (inputs, outputs):
            assert found.startswith("Unsupported `inference_")  # TensorFlow finds this out behind the conversion
        else:
            assert found == expected, (inputs, outputs)


@pytest.mark.parametrize("bias", ["int8", "int32", "int64", "float32"])
@pytest.mark.parametrize("mode", MODES)
def test_every_type_of_biases_is_allowed_or_refused_as_in_tensorflow(mode, bias):
    optimizations, ops, types, has_samples = MODES[mode]
    target = theirs.TargetSpec([theirs.OpsSet[name] for name in ops], [getattr(tf, name) for name in types])
    arguments = ([theirs.Optimize[name] for name in optimizations], target, samples if has_samples else None)
    graph, bias_type = tf.compat.v1.GraphDef(), getattr(tf, bias)
    expected = refusal(theirs.QuantizationMode, *arguments, graph, full_integer_quantization_bias_type=bias_type)
    found = refusal(check_interface, Interface(bias=DType.of(bias)), mode)
    assert bool(found) == bool(expected)
    assert expected.partition(".")[0].partition(" Current")[0] in found


def test_the_names_of_the_modules_are_there():
    public = {name for name in dir(tf.lite) if not name.startswith("_")}
    assert public - set(dir(lite)) - set(lite.__all__) == set()
    experimental = {name for name in dir(tf.lite.experimental) if not name.startswith("_")}
    assert experimental - set(dir(lite.experimental)) - set(lite.experimental.__all__) == set()
