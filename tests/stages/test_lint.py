"""Calibration data that is not right is told, with what to do; data that is right brings no word."""

import numpy as np
import pytest

import octavo
from octavo.errors import SamplesError
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.type import Type
from octavo.ops.activation import Relu
from octavo.ops.fully_connected import FullyConnected
from octavo.ops.softmax import Softmax
from octavo.ops.unary import Log, Sqrt
from octavo.write.tflite import to_bytes

random = np.random.default_rng(3)
RIGHT = random.random((40, 12), np.float32)


def content(graph):
    names = tuple(value.name for value in graph.inputs), tuple(value.name for value in graph.outputs)
    return to_bytes(Model([graph], [Signature("serving_default", graph, *names)]))


@pytest.fixture(scope="module")
def classifier():
    """Two layers for numbers from 0 to 1: biases about as large as what they are added to vary."""
    graph = Graph("main")
    x = graph.input("x", Type(np.dtype(np.float32), (1, 12)))
    weights = random.standard_normal((24, 12)).astype(np.float32)
    bias = -weights.sum(axis=1) / 2 + 0.5 * random.standard_normal(24).astype(np.float32)
    last = random.standard_normal((4, 24)).astype(np.float32)
    first = graph.insert(
        FullyConnected(),
        [x, graph.const(weights, "w"), graph.const(bias, "b")],
        [Type(x.dtype, (1, 24))],
        names=["hidden"],
    )
    made = graph.insert(Relu(), [first.output], [first.output.type], names=["active"])
    ends = [graph.const(last, "v"), graph.const(np.zeros(4, np.float32), "c")]
    logits = graph.insert(FullyConnected(), [made.output, *ends], [Type(x.dtype, (1, 4))], names=["logits"])
    graph.outputs.append(graph.insert(Softmax(beta=1.0), [logits.output], [logits.output.type], names=["y"]).output)
    return content(graph)


def warnings(model, samples):
    return octavo.convert(model, recipe="int8", samples=samples).warnings


def test_right_data_brings_no_word(classifier):
    assert warnings(classifier, RIGHT) == ()


def test_numbers_255_times_too_large_are_told(classifier):
    (told,) = warnings(classifier, 255 * RIGHT)
    assert told.startswith("input 'x' goes from ")
    assert "x/255" in told


def test_numbers_255_times_too_small_are_told(classifier):
    (told,) = warnings(classifier, RIGHT / 255)
    assert "the bias of the first layer drowns it" in told


def test_repeated_samples_are_counted(classifier):
    (told,) = warnings(classifier, np.concatenate([RIGHT[:10], RIGHT[:10], RIGHT[:5]]))
    assert told.startswith("15 of 25 calibration samples repeat another")


def test_a_few_repeated_or_constant_samples_pass(classifier):
    assert warnings(classifier, np.concatenate([RIGHT, RIGHT[:2], np.zeros((1, 12), np.float32)])) == ()


def test_constant_samples_are_told(classifier):
    levels = np.linspace(0, 1, 10, dtype=np.float32)[:, None] * np.ones(12, np.float32)
    (told,) = warnings(classifier, np.concatenate([levels, RIGHT]))
    assert told.startswith("10 of 50 calibration samples hold one number only, first sample 0")


def test_missing_classes_are_named_when_labels_are_given(classifier):
    labels = np.arange(40) % 3
    (told,) = warnings(classifier, {"x": RIGHT, "labels": labels})
    assert "1 of 4 classes (3)" in told
    assert warnings(classifier, {"x": RIGHT, "labels": np.arange(40) % 4}) == ()


@pytest.fixture(scope="module")
def logarithm():
    """y = √x and ln(√x)."""
    graph = Graph("main")
    x = graph.input("x", Type(np.dtype(np.float32), (1, 4)))
    root = graph.insert(Sqrt(), [x], [x.type], names=["root"], origin=("level/root",))
    made = graph.insert(Log(), [root.output], [x.type], names=["y"], origin=("level/ln",))
    graph.outputs.append(made.output)
    return content(graph)


def test_an_infinity_is_an_error_that_names_its_operation_and_sample(logarithm):
    samples = 1 + random.random((12, 4), np.float32)
    samples[7, 2] = 0
    with pytest.raises(SamplesError, match="an infinity in LOG") as caught:
        octavo.convert(logarithm, recipe="int8", samples=samples)
    assert caught.value.where == "sample 7"


def test_nan_is_told_with_the_first_operation_that_made_it(logarithm):
    """LiteRT's own ranges pass over NaN in the midst of a tensor."""
    samples = 1 + random.random((12, 4), np.float32)
    samples[5, 2] = -1
    told = [text for text in warnings(logarithm, samples) if "NaN" in text]
    assert len(told) == 1
    assert "1 calibration sample(s) give NaN, first sample 5 in SQRT" in told[0]


def test_an_input_that_never_varies_is_told():
    from octavo.ops.binary import Mul

    graph = Graph("main")
    inputs = [graph.input(name, Type(np.dtype(np.float32), (1, 4))) for name in ("x", "gain")]
    graph.outputs.append(graph.insert(Mul(), inputs, [inputs[0].type], names=["y"]).output)
    x = random.random((12, 4), np.float32)
    (told,) = warnings(content(graph), {"x": x, "gain": np.ones_like(x)})
    assert told.startswith("input 'gain' is the same in every calibration sample")


def test_samples_that_reach_much_farther_than_the_others_are_told(classifier):
    broken = RIGHT.copy()
    broken[[7, 20], 3] = 100
    told = next(each for each in warnings(classifier, broken) if "reach up to" in each)
    assert told.startswith("2 of 40 calibration samples reach up to 100 in input 'x'")
    assert "first sample 7" in told


@pytest.fixture(scope="module")
def colours():
    graph = Graph("main")
    x = graph.input("x", Type(np.dtype(np.float32), (1, 4, 4, 3)))
    graph.outputs.append(graph.insert(Relu(), [x], [x.type], names=["y"]).output)
    return content(graph)


@pytest.mark.parametrize(("order", "is_told"), [([0, 1, 2], False), ([2, 1, 0], True)])
def test_pictures_with_blue_first_are_told(colours, order, is_told):
    photographs = random.random((40, 4, 4, 3)).astype(np.float32) * np.float32([0.485, 0.456, 0.406])[order]
    assert any("blue, green, red" in each for each in warnings(colours, photographs)) == is_told
