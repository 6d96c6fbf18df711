"""Lookup tables and texts, in SavedModels and Keras files, held against TensorFlow."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

tf = pytest.importorskip("tensorflow")
keras = pytest.importorskip("keras")

import octavo  # noqa: E402
from octavo.errors import Invalid, Unreadable, Unsupported  # noqa: E402
from octavo.read.tflite import read_tflite  # noqa: E402
from octavo.runtime import Runtime  # noqa: E402
from octavo.write.tflite import to_bytes  # noqa: E402

L = keras.layers
WORDS = ["cat", "dog", "fish"]
TEXTS = np.array([b"dog", b"cow", b"", b"fish", "Ähre".encode(), b"cat", b"[UNK]"], object)
NUMBERS = np.array([5, 7, 0, -1, 3, 2**62, -(2**62), 700_000, 6], np.int64)
MANY = np.unique(np.random.default_rng(0).integers(-(2**60), 2**60, 500))


def table(keys: Any, values: Any, default: Any, **kinds: Any) -> Any:
    filling = tf.lookup.KeyValueTensorInitializer(tf.constant(keys, **kinds), tf.constant(values))
    return tf.lookup.StaticHashTable(filling, default)


def mutable(keys: Any, values: Any, default: Any) -> Any:
    made = tf.lookup.experimental.MutableHashTable(tf.int64, tf.as_dtype(np.array(values).dtype), default)
    made.insert(tf.constant(keys, tf.int64), tf.constant(values))
    return made


def dense(keys: Any, values: Any, default: Any) -> Any:
    made = tf.lookup.experimental.DenseHashTable(tf.string, tf.int64, default, "<empty>", "<deleted>")
    made.insert(tf.constant(keys), tf.constant(values, tf.int64))
    return made


TABLES: dict[str, tuple[Callable[[], Any], np.ndarray]] = {
    "texts to numbers": (lambda: table(WORDS, np.arange(3), -1), TEXTS),
    "texts to int32": (lambda: table(WORDS, np.arange(3, dtype=np.int32), -1), TEXTS),
    "texts to reals": (lambda: table(WORDS, np.float32([0.5, 2, -1]), 9.0), TEXTS),
    "texts to texts": (lambda: table(WORDS, ["Katze", "Hund", "Fisch"], "?"), TEXTS),
    "numbers side by side to texts": (lambda: table([5, 6, 7], WORDS, "?", dtype=tf.int64), NUMBERS),
    "numbers side by side to numbers": (lambda: table([5, 6, 7], np.int64([8, 1, 3]), -1, dtype=tf.int64), NUMBERS),
    "few numbers far apart": (lambda: table([2, 700_000, -5], np.int64([8, 1, 3]), -1, dtype=tf.int64), NUMBERS),
    "many numbers far apart": (
        lambda: table(MANY, np.arange(len(MANY)), -1),
        np.concatenate([MANY[[0, 1, 250, -2, -1]], MANY[[0, 100, -1]] + 1, MANY[[0, 7]] - 1, NUMBERS]),
    ),
    "the ends of int64": (
        lambda: table([2**63 - 1, -(2**63)], np.int64([1, 2]), -1, dtype=tf.int64),
        np.array([2**63 - 1, -(2**63), 0, 1, 2**63 - 2], np.int64),
    ),
    "int32": (
        lambda: table([1, 3], np.int32([8, 9]), -1, dtype=tf.int32), np.array([0, 1, 2, 3, 4, 2**31 - 1], np.int32),
    ),
    "numbers that were inserted": (lambda: mutable([5, 7], np.float32([0.5, 1.5]), -1.0), NUMBERS),
    "rows of numbers": (lambda: mutable([5, 7], np.float32([[1, 2], [3, 4]]), [0.0, 9.0]), NUMBERS),
    "nothing was inserted": (lambda: mutable(np.zeros(0, np.int64), np.zeros(0, np.float32), -1.0), NUMBERS),
    "texts that were inserted": (lambda: dense(WORDS, [1, 2, 3], -1), TEXTS),
}  # fmt: skip


def saved(make: Callable[[], Any], keys: np.ndarray, path: Path) -> tuple[Any, Any]:
    """A SavedModel of the look-up of any number of keys in the table, and of its size; what it gives for `keys`."""
    module = tf.Module()
    module.table = make()
    spec = tf.TensorSpec([None], tf.string if keys.dtype == object else keys.dtype, name="keys")
    look = tf.function(lambda keys: {"y": module.table.lookup(keys), "n": module.table.size()}, input_signature=[spec])
    tf.saved_model.save(module, str(path), signatures=look)
    return {name: tensor.numpy() for name, tensor in look(tf.constant(keys)).items()}, look


@pytest.mark.parametrize("name", TABLES)
def test_a_table_gives_what_tensorflow_looks_up(name: str, tmp_path: Path) -> None:
    make, keys = TABLES[name]
    wanted, _ = saved(make, keys, tmp_path / "saved")
    content = octavo.convert(tmp_path / "saved", recipe="float32").content
    for form in (content, to_bytes(read_tflite(content))):
        got = Runtime(form).run({"keys": keys})
        assert got["y"].dtype == wanted["y"].dtype
        np.testing.assert_array_equal(got["y"], wanted["y"])
        assert got["n"] == wanted["n"]


def test_only_texts_need_tables_of_the_runtime(tmp_path: Path) -> None:
    for name, count in (("texts to reals", 1), ("many numbers far apart", 0), ("numbers side by side to texts", 0)):
        saved(*TABLES[name], tmp_path / name)
        model = read_tflite(octavo.convert(tmp_path / name, recipe="float32").content)
        assert [node.op.code for graph in model.graphs for node in graph].count("CALL_ONCE") == count


def test_a_table_is_filled_from_a_file_of_the_model(tmp_path: Path) -> None:
    (tmp_path / "words.tsv").write_text("cat\t4\r\ndog\t7\nfish\t-2\n")
    place = tf.lookup.TextFileIndex

    def columns(key: Any, value: Any, kinds: tuple[Any, Any], default: Any) -> Callable[[], Any]:
        filling = str(tmp_path / "words.tsv"), kinds[0], key, kinds[1], value
        return lambda: tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(*filling), default)

    forms = {
        "columns": (columns(0, 1, (tf.string, tf.int64), -1), TEXTS),
        "numbers": (columns(place.LINE_NUMBER, 0, (tf.int64, tf.string), "?"), NUMBERS),
        "lines": (
            columns(place.WHOLE_LINE, place.LINE_NUMBER, (tf.string, tf.int64), -1),
            np.array([b"dog\t7"], object),
        ),
    }
    for name, (make, keys) in forms.items():
        wanted, _ = saved(make, keys, tmp_path / name)
        got = Runtime(octavo.convert(tmp_path / name, recipe="float32").content).run({"keys": keys})
        np.testing.assert_array_equal(got["y"], wanted["y"])
    (tmp_path / "lines/assets/words.tsv").unlink()
    with pytest.raises(Unreadable, match="a file that fills a lookup table is missing"):
        octavo.convert(tmp_path / "lines")


def test_an_asset_outside_of_the_model_is_refused(tmp_path: Path) -> None:
    from octavo.read.saved_model.protos import message
    from octavo.read.saved_model.reader import read_saved_model

    saved(*TABLES["texts to numbers"], tmp_path)
    model = message("SavedModel").FromString((tmp_path / "saved_model.pb").read_bytes())
    asset = model.meta_graphs[0].asset_file_def.add(filename="../../secret")
    asset.tensor_info.name = "Const:0"
    (tmp_path / "saved_model.pb").write_bytes(model.SerializeToString())
    with pytest.raises(Invalid, match="no name of a file"):
        read_saved_model(tmp_path)


def test_tables_of_tensorflow_1_are_filled_by_its_initializers(tmp_path: Path) -> None:
    v1 = tf.compat.v1
    (tmp_path / "words.txt").write_text("\n".join(WORDS))
    with tf.Graph().as_default(), v1.Session() as session:
        x = v1.placeholder(tf.string, [None], "x")
        first = v1.tables_initializer
        index = tf.lookup.TextFileIndex
        filling = str(tmp_path / "words.txt"), tf.string, index.WHOLE_LINE, tf.int64, index.LINE_NUMBER
        places = tf.lookup.StaticHashTable(tf.lookup.TextFileInitializer(*filling), -1).lookup(x)
        tripled = tf.lookup.KeyValueTensorInitializer(tf.range(4), tf.range(4) * 3)
        y = tf.lookup.StaticHashTable(tripled, -1).lookup(tf.cast(places, tf.int32))
        session.run(first())
        wanted = session.run(y, {x: TEXTS})
        builder = v1.saved_model.Builder(str(tmp_path / "saved"))
        signature = v1.saved_model.predict_signature_def({"x": x}, {"y": y})
        assets = v1.get_collection(v1.GraphKeys.ASSET_FILEPATHS)
        builder.add_meta_graph_and_variables(
            session, ["serve"], {"serving_default": signature}, main_op=first(), assets_collection=assets
        )
        builder.save()
    (tmp_path / "words.txt").unlink()
    got = Runtime(octavo.convert(tmp_path / "saved", recipe="float32").content).run({"x": TEXTS})
    np.testing.assert_array_equal(got["y"], wanted)


LAYERS: dict[str, tuple[Callable[[], Any], int, str]] = {
    "StringLookup": (lambda: L.StringLookup(vocabulary=WORDS), 4, "string"),
    "StringLookup_mask": (lambda: L.StringLookup(vocabulary=WORDS, mask_token=""), 4, "string"),
    "StringLookup_special": (lambda: L.StringLookup(vocabulary=["", "[UNK]", *WORDS], mask_token=""), 4, "string"),
    "StringLookup_invert": (lambda: L.StringLookup(vocabulary=WORDS, invert=True), 4, "int64"),
    "StringLookup_count": (lambda: L.StringLookup(vocabulary=WORDS, output_mode="count"), 4, "string"),
    "StringLookup_multi_hot": (
        lambda: L.StringLookup(vocabulary=WORDS, output_mode="multi_hot", max_tokens=6, pad_to_max_tokens=True),
        4,
        "string",
    ),
    "StringLookup_one_hot": (lambda: L.StringLookup(vocabulary=WORDS, output_mode="one_hot"), 1, "string"),
    "StringLookup_tf_idf": (
        lambda: L.StringLookup(vocabulary=WORDS, idf_weights=[0.5, 2.0, 1.0], output_mode="tf_idf"), 4, "string",
    ),
    "IntegerLookup": (lambda: L.IntegerLookup(vocabulary=[3, 4, 5, 7]), 4, "int64"),
    "IntegerLookup_unknown": (lambda: L.IntegerLookup(vocabulary=[3, 4, 5], num_oov_indices=3), 4, "int64"),
    "IntegerLookup_mask": (lambda: L.IntegerLookup(vocabulary=[2, 700_000, 5], mask_token=0), 4, "int64"),
    "IntegerLookup_invert": (lambda: L.IntegerLookup(vocabulary=[4, 99, 7], invert=True), 4, "int64"),
    "TextVectorization": (
        lambda: L.TextVectorization(vocabulary=WORDS, standardize=None, split=None, output_sequence_length=3),
        4,
        "string",
    ),
    "Embedding": (lambda: lambda x: L.Embedding(4, 3)(L.StringLookup(vocabulary=WORDS)(x)), 4, "string"),
}  # fmt: skip


def keras_model(name: str) -> tuple[Any, np.ndarray]:
    make, width, dtype = LAYERS[name]
    keras.utils.set_random_seed(1)
    given = keras.Input((width,), name="x", dtype=dtype)
    drawn = np.random.default_rng(0).choice(TEXTS if dtype == "string" else NUMBERS, (9, width))
    return keras.Model(given, make()(given)), drawn


@pytest.mark.parametrize("name", LAYERS)
def test_a_layer_with_a_vocabulary_computes_the_same_from_every_file(name: str, tmp_path: Path) -> None:
    model, x = keras_model(name)
    model.export(tmp_path / "saved", verbose=False)
    (wanted,) = tf.saved_model.load(tmp_path / "saved").signatures["serving_default"](x=tf.constant(x)).values()
    model.save(tmp_path / "model.keras")
    model.save(tmp_path / "model.h5")
    for form in (tmp_path / "saved", tmp_path / "model.keras", tmp_path / "model.h5", model):
        (got,) = Runtime(octavo.convert(form, recipe="float32").content).run({"x": x}).values()
        assert (got.dtype, got.shape) == (np.asarray(wanted).dtype, wanted.shape)
        np.testing.assert_array_equal(got, np.asarray(wanted))


def test_a_vocabulary_that_was_learnt_is_read_from_the_archive(tmp_path: Path) -> None:
    words, numbers = L.StringLookup(mask_token=""), L.IntegerLookup()
    words.adapt(np.array([["b", "a"], ["a", "c"]]))
    numbers.adapt(np.array([[5, 900_000, 5]]))
    texts, counts = keras.Input((2,), name="x", dtype="string"), keras.Input((2,), name="n", dtype="int64")
    model = keras.Model([texts, counts], [words(texts), numbers(counts)])
    model.save(tmp_path / "model.keras")
    model.save(tmp_path / "model.h5")
    given = {"x": np.array([[b"a", b"c"], [b"", b"q"]], object), "n": np.array([[5, 900_000], [7, -1]], np.int64)}
    for form in (tmp_path / "model.keras", model):
        got = Runtime(octavo.convert(form, recipe="float32").content).run(given)
        np.testing.assert_array_equal(got["output_0"], words(given["x"]))
        np.testing.assert_array_equal(got["output_1"], numbers(given["n"]))
    with pytest.raises(Unsupported, match="its vocabulary is not in the file"):
        octavo.convert(tmp_path / "model.h5")


@pytest.mark.parametrize(
    ("layer", "dtype", "said"),
    [
        (lambda: L.TextVectorization(vocabulary=WORDS), "string", "do this before the model"),
        (lambda: L.StringLookup(vocabulary=WORDS, num_oov_indices=2), "string", "before the model"),
        (lambda: L.Hashing(7), "string", "compute the numbers before the model"),
        (lambda: L.Hashing(7), "int64", "before the model"),
    ],
)
def test_what_litert_cannot_do_with_texts_is_said_with_what_to_do(layer, dtype, said, tmp_path) -> None:
    given = keras.Input((1,), name="x", dtype=dtype)
    model = keras.Model(given, layer()(given))
    model.export(tmp_path / "saved", verbose=False)
    model.save(tmp_path / "model.keras")
    for form in (tmp_path / "saved", tmp_path / "model.keras"):
        with pytest.raises(Unsupported, match=said):
            octavo.convert(form)
