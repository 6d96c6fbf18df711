"""Variables that a model assigns while it runs: never a wrong number without a word."""

import numpy as np
import pytest

import octavo
from octavo.errors import Unsupported
from octavo.runtime import Runtime

tf = pytest.importorskip("tensorflow")
ONE = tf.TensorSpec([3], tf.float32, name="x")


class Counting(tf.Module):
    """Adds up what it is given."""

    def __init__(self):
        super().__init__()
        self.total = tf.Variable(np.zeros(3, np.float32), name="total")
        self.factor = tf.Variable(np.full(3, 2, np.float32), name="factor")

    @tf.function(input_signature=[ONE])
    def sum_with(self, x):
        self.total.assign_add(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def sum_before(self, x):
        before = self.total * self.factor + x
        self.total.assign_add(x)
        return before

    @tf.function(input_signature=[ONE])
    def sum_in_a_branch(self, x):
        if tf.reduce_sum(x) > 0:
            self.total.assign(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def sum_in_a_function(self, x):
        self.sum_with(x)
        return self.total * self.factor

    @tf.function(input_signature=[ONE])
    def others_are_assigned(self, x):
        self.total.assign_add(x)
        return x * self.factor


def saved(tmp_path, name):
    module = Counting()
    function = getattr(module, name)
    tf.saved_model.save(module, str(tmp_path / "model"), signatures={"serving_default": function})
    return tmp_path / "model"


@pytest.mark.parametrize("name", ["sum_with", "sum_in_a_branch", "sum_in_a_function"])
def test_what_is_read_after_it_was_assigned_is_refused(tmp_path, name):
    with pytest.raises(Unsupported, match="assigned while the model runs"):
        octavo.convert(saved(tmp_path, name))


@pytest.mark.parametrize("name", ["sum_before", "others_are_assigned"])
def test_what_is_read_before_it_is_assigned_has_its_saved_value_and_the_user_is_told(tmp_path, name):
    model = saved(tmp_path, name)
    result = octavo.convert(model)
    assert any("total: assigned while the model runs" in warning for warning in result.warnings)
    x = np.array([1, 2, 3], np.float32)
    wanted = tf.saved_model.load(str(model)).signatures["serving_default"](x=x)["output_0"].numpy()
    np.testing.assert_array_equal(Runtime(result.content).run({"x": x})["output_0"], wanted)
