"""Frozen graphs: what goes in and out, binary and text, and what is said of files that are none."""

import os
from pathlib import Path

import numpy as np
import pytest

from octavo.errors import Unreadable, UsageError
from octavo.ir.interpret import interpret
from octavo.lower.engine import lower
from octavo.read.graph_def import read_graph_def
from octavo.read.open import read

DATA = Path(os.environ.get("OCTAVO_DATA", Path(__file__).parents[3] / "shared" / "data"))
FROZEN = DATA / "models/kws_hello_edge/frozen_pb"
TEXT = """
# a comment
node {
  name: "image"
  op: "Placeholder"
  attr {
    key: "dtype"
    value {
      type: DT_FLOAT
    }
  }
  attr {
    key: "shape"
    value {
      shape { dim { size: -1 } dim { size: 2 } }
    }
  }
}
node {
  name: "unused"
  op: "Placeholder"
  attr {
    key: "dtype"
    value {
      type: DT_BOOL
    }
  }
}
node {
  name: "weights"
  op: "Const"
  attr {
    key: "dtype"
    value {
      type: DT_FLOAT
    }
  }
  attr {
    key: "value"
    value {
      tensor {
        dtype: DT_FLOAT
        tensor_shape {
          dim {
            size: 2
          }
        }
        float_val: 3
      }
    }
  }
}
node {
  name: "scaled"
  op: "Mul"
  input: "image"
  input: "weights"
  device: "/device:CPU:0"
  attr {
    key: "T"
    value {
      type: DT_FLOAT
    }
  }
}
node {
  name: "scores"
  op: "Relu"
  input: "scaled"
  attr {
    key: "T"
    value {
      type: DT_FLOAT
    }
  }
}
versions {
  producer: 22
}
"""


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "graph.pbtxt"
    path.write_text(TEXT, "utf-8")
    return path


def names(model):
    (signature,) = model.signatures
    return [port.name for port in signature.inputs], [port.name for port in signature.outputs]


def test_placeholders_that_are_needed_go_in_and_what_nobody_reads_comes_out(text):
    assert names(read_graph_def(text)) == (["image"], ["scores"])


def test_text_computes_what_it_says(text):
    graph = lower(read(text)).main
    numbers = interpret(graph, {"image:0": np.array([[1, -2]], np.float32)})
    np.testing.assert_array_equal(numbers[graph.outputs[0]], [[3, 0]])


def test_a_model_can_be_cut_anywhere(text):
    model = read_graph_def(text, inputs=["scaled"], outputs=["scores", "scaled:0"])
    assert names(model) == (["scaled"], ["scores", "scaled"])
    graph = lower(model, shapes={"scaled": [1, 2]}).main
    assert len(graph) == 1


@pytest.mark.parametrize("given", [{"inputs": ["imag"]}, {"outputs": ["score"]}])
def test_a_wrong_name_is_answered_with_the_nearest(text, given):
    with pytest.raises(UsageError, match="did you mean"):
        read_graph_def(text, **given)


@pytest.mark.parametrize("content", [b"", b"\0\1\2", b"not a graph"])
@pytest.mark.parametrize("suffix", [".pb", ".pbtxt"])
def test_a_file_that_is_no_graph_says_so(tmp_path, content, suffix):
    path = tmp_path / f"graph{suffix}"
    path.write_bytes(content)
    with pytest.raises(Unreadable):
        read(path)


def test_a_truncated_graph_is_unreadable(tmp_path):
    source = FROZEN / "DNN_S.pb"
    if not source.exists():
        pytest.skip(f"no trained models at {DATA} (set OCTAVO_DATA)")
    path = tmp_path / "cut.pb"
    path.write_bytes(source.read_bytes()[:-1000])
    with pytest.raises(Unreadable, match="GraphDef"):
        read(path)


@pytest.mark.parametrize(
    ("file", "name", "shape"),
    [
        ("kws_hello_edge/frozen_pb/CNN_S.pb", "Reshape", (2, 490)),
        ("kws_hello_edge/frozen_pb/DNN_S.pb", "Reshape", (2, 250)),
        ("kws_hello_edge/frozen_pb/DS_CNN_S.pb", "Reshape", (2, 490)),
        ("super_resolution/frozen_pb/ESPCN_x2.pb", "IteratorGetNext", (1, 12, 10, 1)),
    ],
)
def test_published_graphs_compute_what_tensorflow_computes(file, name, shape):
    path = DATA / "models" / file
    if not path.exists():
        pytest.skip(f"no trained models at {DATA} (set OCTAVO_DATA)")
    model = read_graph_def(path, inputs=[name])
    output = model.signatures[0].outputs[0].name
    graph = lower(model, shapes={name: shape}).main
    sample = np.random.default_rng(0).random(shape, np.float32)
    got = interpret(graph, {f"{name}:0": sample})[graph.outputs[0]]
    expected = _tensorflow(path, name, output, sample)
    # float32 sums in another order
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


def _tensorflow(path, name, output, sample):
    tf = pytest.importorskip("tensorflow").compat.v1
    definition = tf.GraphDef.FromString(path.read_bytes())
    with tf.Graph().as_default(), tf.Session() as session:
        given = tf.placeholder(tf.float32, sample.shape)
        (result,) = tf.import_graph_def(definition, {f"{name}:0": given}, [f"{output}:0"])
        return session.run(result, {given: sample})
