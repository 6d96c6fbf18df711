"""Judging: metrics against their definitions, intervals that hold what they promise, tests that tell chance apart."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import octavo
from octavo.errors import SamplesError, UsageError
from octavo.ir.graph import Graph, Model, Signature
from octavo.ir.type import Type
from octavo.judge.certainty import difference, interval, sign_test, wilson
from octavo.judge.fidelity import Nearness
from octavo.judge.metrics import METRICS, metric
from octavo.ops.activation import Tanh
from octavo.write.tflite import to_bytes

random = np.random.default_rng(0)


def softmax(logits):
    powers = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return powers / powers.sum(axis=-1, keepdims=True)


LABELS = random.integers(0, 4, 300)
SCORES = softmax(random.standard_normal((300, 4)) + 1.5 * np.eye(4)[LABELS]).astype(np.float32)


def counts(said, true, klass):
    return [np.sum((said == klass) & (true == klass)), np.sum((said == klass) != (true == klass))]


def test_accuracy_takes_class_numbers_or_one_hot_labels():
    expected = (SCORES.argmax(1) == LABELS).mean()
    assert metric("accuracy")(SCORES, LABELS) == pytest.approx(expected)
    assert metric("accuracy")(SCORES, np.eye(4)[LABELS]) == pytest.approx(expected)
    assert metric("error_rate")(SCORES, LABELS) == pytest.approx(1 - expected)
    assert metric("accuracy")(SCORES[:, None, None], LABELS) == pytest.approx(expected)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)])
def test_one_output_is_a_class_above_a_half(shape):
    scores, labels = np.array([0.2, 0.7, 0.6, 0.4]), np.array([0, 1, 0, 0])
    assert metric("accuracy")(scores.reshape(shape), labels) == 0.75
    assert metric("accuracy")(scores.reshape(-1, 1), labels.reshape(shape)) == 0.75


def test_top_k_counts_the_label_among_the_greatest():
    for count in (2, 3):
        best = np.argsort(-SCORES, axis=1)[:, :count]
        assert metric(f"top{count}")(SCORES, LABELS) == pytest.approx(
            np.mean([y in b for y, b in zip(LABELS, best, strict=True)])
        )
    assert metric("top5")(SCORES, LABELS) == 1


def test_f1_is_its_definition():
    said = SCORES.argmax(1)
    each = [2 * tp / (2 * tp + off) for tp, off in (counts(said, LABELS, k) for k in range(4))]
    assert metric("f1_macro")(SCORES, LABELS) == pytest.approx(np.mean(each))
    assert metric("f1_micro")(SCORES, LABELS) == pytest.approx((said == LABELS).mean())


def test_f1_of_several_labels_counts_every_decision():
    outputs, labels = np.array([[0.9, 0.2, 0.8], [0.1, 0.6, 0.4]]), np.array([[1, 0, 0], [0, 1, 1]])
    assert metric("f1_multilabel")(outputs, labels) == pytest.approx(2 * 2 / (2 * 2 + 1 + 1))


def test_auc_is_the_share_of_pairs_in_order():
    labels = LABELS % 2
    scores = np.round(SCORES[:, 1] + SCORES[:, 3], 1)  # rounded: with ties
    pairs = itertools.product(scores[labels == 1], scores[labels == 0])
    expected = np.mean([(a > b) + (a == b) / 2 for a, b in pairs])
    assert metric("auc")(scores, labels) == pytest.approx(expected)
    assert metric("auc")(np.stack([1 - scores, scores], 1), labels) == pytest.approx(expected)
    one_against_rest = [metric("auc")(SCORES[:, k], k == LABELS) for k in range(4)]
    assert metric("auc")(SCORES, LABELS) == pytest.approx(np.mean(one_against_rest))


def test_auc_of_one_class_alone_is_refused():
    with pytest.raises(SamplesError, match="one class"):
        metric("auc")(SCORES[:, 0], np.ones(300))


def test_mean_iou_leaves_out_void_positions_and_absent_classes():
    truth = np.array([[[0, 1], [1, 255]]])
    said = np.eye(5)[np.array([[[0, 1], [0, 2]]])]
    # class 0: 1 of 2, class 1: 1 of 2; class 2 stands only where nothing counts
    assert metric("mean_iou")(said, truth) == pytest.approx(0.5)


def test_accuracy_of_a_segmentation_counts_positions():
    truth = np.array([[[0, 1], [1, 2]]])
    assert metric("accuracy")(np.eye(3)[np.array([[[0, 1], [0, 2]]])], truth) == 0.75


def test_ctc_error_rate_counts_edits_of_decoded_sequences():
    frames = np.array([[0, 0, 3, 0, 1, 1], [2, 3, 3, 3, 3, 3]])  # 3 is the blank: "0 0 1" and "2"
    labels = np.array([[0, 1, -1], [2, 2, 1]])  # one to leave out; two to put in
    assert metric("ctc_error_rate")(np.eye(4)[frames], labels) == pytest.approx(3 / 5)


def test_regression_metrics_are_their_definitions():
    true = random.standard_normal((50, 1))
    said = true + 0.3 * random.standard_normal((50, 1))
    error = said - true
    assert metric("mae")(said, true) == pytest.approx(np.abs(error).mean())
    assert metric("rmse")(said, true) == pytest.approx(np.sqrt((error**2).mean()))
    assert metric("r2")(said, true) == pytest.approx(1 - (error**2).sum() / ((true - true.mean()) ** 2).sum())
    assert metric("correlation")(said, true) == pytest.approx(np.corrcoef(said[:, 0], true[:, 0])[0, 1])
    assert metric("psnr")(said, true) == pytest.approx(np.mean(-10 * np.log10((error**2).mean(axis=1))))


def test_psnr_of_bytes_has_their_peak():
    labels = np.full((1, 4), 100, np.uint8)
    assert metric("psnr")(np.full((1, 4), 101.0), labels) == pytest.approx(20 * math.log10(255))


@pytest.mark.parametrize("name", METRICS)
def test_weights_count_samples_as_copies_of_them_would(name):
    """What the bootstrap rests on."""
    outputs, labels = SCORES[:40], LABELS[:40]
    if name in ("psnr", "mae", "rmse", "r2", "correlation", "f1_multilabel"):
        labels = np.eye(4)[labels]
    if name == "ctc_error_rate":
        outputs, labels = softmax(random.standard_normal((40, 9, 4))), random.integers(0, 3, (40, 5))
    chosen = metric(name)
    rows = chosen.rows(outputs, labels)
    weights = np.random.default_rng(1).integers(0, 3, (2, 40)).astype(float)
    expected = [chosen.of(rows[np.repeat(np.arange(40), line.astype(int))]) for line in weights]
    np.testing.assert_allclose(chosen.value(rows, weights), expected, rtol=1e-9)


def test_a_function_of_ones_own_is_a_metric_with_an_interval():
    def margin(outputs, labels):
        return float((outputs[np.arange(len(labels)), labels] - outputs.mean(axis=1)).mean())

    chosen = metric(margin)
    rows = chosen.rows(SCORES, LABELS)
    low, high, how = interval(chosen, rows)
    assert chosen.name == "margin"
    assert chosen.of(rows) == pytest.approx(margin(SCORES, LABELS))
    assert low < chosen.of(rows) < high
    assert how == "bootstrap"


def test_labels_of_another_shape_say_what_the_metric_takes():
    with pytest.raises(SamplesError, match="class numbers"):
        metric("accuracy")(SCORES, np.zeros((300, 7)))


def test_wilsons_interval_is_the_published_one():
    # Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 gives 0.2553 to 0.3662
    np.testing.assert_allclose(wilson(81 / 263, 263), (0.2553, 0.3662), atol=5e-5)


def test_nineteen_of_twenty_bootstrap_intervals_hold_the_true_value():
    held = 0
    for seed in range(100):
        true = np.random.default_rng(seed).standard_normal((60, 1))
        chosen = metric("mae")
        low, high, _ = interval(chosen, chosen.rows(true, np.zeros((60, 1))))
        held += low < math.sqrt(2 / math.pi) < high
    assert 88 <= held <= 99  # 95 expected; percentiles of 60 samples are a little narrow, and 100 trials vary by 2


def test_the_sign_test_is_exact():
    assert sign_test(0, 6) == pytest.approx(2 / 64)
    assert sign_test(1, 5) == pytest.approx(2 * 7 / 64)
    assert sign_test(3, 3) == 1
    assert sign_test(0, 0) == 1
    assert sign_test(40000, 41000) == pytest.approx(
        math.erfc(1000 / math.sqrt(2 * 81000)), rel=0.02
    )  # the normal limit


@given(st.integers(0, 60), st.integers(0, 60))
def test_the_sign_test_treats_both_models_alike(better, worse):
    assert sign_test(better, worse) == sign_test(worse, better)
    assert 0 < sign_test(better, worse) <= 1


def flipped(outputs, places):
    changed = outputs.copy()
    changed[places] = -changed[places]
    return changed


@pytest.mark.parametrize(
    ("name", "test"),
    [("accuracy", "McNemar"), ("error_rate", "McNemar"), ("f1_macro", "paired bootstrap"), ("mae", "sign test")],
)
def test_a_worse_model_is_told_from_an_equal_one(name, test):
    chosen = metric(name)
    labels = np.eye(4)[LABELS] if name == "mae" else LABELS
    right = np.flatnonzero(SCORES.argmax(1) == LABELS)
    first = chosen.rows(SCORES, labels)
    found = difference(chosen, first, chosen.rows(flipped(SCORES, right[:30]), labels))
    assert found.test == test
    assert found.is_certain
    assert (found.value < 0) == chosen.higher_is_better
    assert found.low < found.value < found.high
    assert not found.low < 0 < found.high
    same = difference(chosen, first, first)
    assert (same.value, same.p) == (0, 1)
    assert same.low <= 0 <= same.high


def test_two_changed_samples_may_be_chance():
    chosen = metric("accuracy")
    right = np.flatnonzero(SCORES.argmax(1) == LABELS)
    found = difference(chosen, chosen.rows(SCORES, LABELS), chosen.rows(flipped(SCORES, right[:2]), LABELS))
    assert (found.better, found.worse) == (0, 2)
    assert found.p == pytest.approx(0.5)
    assert not found.is_certain
    assert found.low < 0 < found.high


def test_divergence_is_zero_between_equals_and_kullbacks_between_others():
    p, q = np.array([[0.5, 0.5]]), np.array([[0.25, 0.75]])
    near = Nearness("y")
    near.add(p, q)
    assert near.fidelity().divergence == pytest.approx(0.5 * np.log(2) + 0.5 * np.log(0.5 / 0.75))
    one = Nearness("y")
    one.add(p[:, :1], q[:, :1])  # a sigmoid: the same two outcomes
    assert one.fidelity().divergence == pytest.approx(near.fidelity().divergence)
    equal = Nearness("y")
    equal.add(p, p)
    assert (equal.fidelity().divergence, equal.fidelity().sqnr, equal.fidelity().agreement) == (0, math.inf, 1)


def test_numbers_that_are_no_probabilities_have_no_divergence():
    near = Nearness("y")
    near.add(np.array([[3.0, -1.0]]), np.array([[2.9, -1.0]]))
    assert near.fidelity().divergence is None


@pytest.fixture(scope="module")
def tanh():
    """A model of two inputs' worth of nothing: y = tanh(x)."""
    graph = Graph("main")
    x = graph.input("x", Type(np.dtype(np.float32), (1, 2)))
    node = graph.insert(Tanh(), [x], [x.type], names=["y"])
    graph.outputs.append(node.output)
    return to_bytes(Model([graph], [Signature("serving_default", graph, ("x",), ("y",))]))


X = random.standard_normal((20, 2)).astype(np.float32)
Y = X.argmax(1)


def pairs():
    yield from zip(X, Y, strict=True)


@pytest.mark.parametrize(
    "samples",
    [
        {"x": X, "labels": Y},
        pairs,
        list(pairs()),
        [(x[None], [y]) for x, y in pairs()],
        [({"x": x}, y) for x, y in pairs()],
    ],
)
def test_labels_come_with_the_samples(tanh, samples):
    found = octavo.evaluate(tanh, samples, metric=["accuracy", "f1_macro"])
    assert found.samples == 20
    assert [judged.score.value for judged in found.judgements] == [1, 1]
    assert found.judgements[0].reference is None


def test_models_are_judged_without_labels_beside_their_reference(tanh):
    found = octavo.evaluate(tanh, X, reference=tanh)
    assert found.judgements == ()
    assert found.outputs[0].agreement == 1


def test_one_pass_serves_both_models_and_a_generator(tanh):
    runs = []

    def once():
        runs.append(1)
        yield from pairs()

    found = octavo.evaluate(tanh, once, reference=tanh)
    assert len(runs) == 1
    assert found.difference.p == 1


@pytest.mark.parametrize(("labels", "message"), [(Y[:-1], "19 labels"), ([*Y, 0], "21 labels")])
def test_labels_in_another_number_are_refused(tanh, labels, message):
    with pytest.raises(SamplesError, match=message):
        octavo.evaluate(tanh, X, labels=labels)


def test_a_metric_without_labels_says_where_to_put_them(tanh):
    with pytest.raises(SamplesError, match="labels") as caught:
        octavo.evaluate(tanh, X, metric="accuracy")
    assert ".npz" in caught.value.hint


def test_an_unknown_output_is_refused(tanh):
    with pytest.raises(UsageError, match="no output 'z'"):
        octavo.evaluate(tanh, X, labels=Y, output="z")


def test_without_a_metric_labels_that_are_real_numbers_are_judged_by_their_error(tanh):
    assert octavo.evaluate(tanh, X, labels=Y).score.metric == "accuracy"
    assert octavo.evaluate(tanh, X, labels=np.eye(2, dtype=np.float32)[Y]).score.metric == "accuracy"
    assert octavo.evaluate(tanh, X, labels=X / 3).score.metric == "rmse"
