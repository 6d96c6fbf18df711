"""Samples of every shape that users bring, hostile ones among them."""

import numpy as np
import pytest

from octavo.errors import SamplesError
from octavo.ir.dim import symbol
from octavo.samples import Input, read_samples

IMAGE = (Input("image", np.dtype(np.float32), (symbol("batch"), 4, 4, 1)),)
PAIR = (
    Input("ids", np.dtype(np.int32), (1, symbol("length"))),
    Input("scale", np.dtype(np.float32), (symbol("batch"),)),
)
ONE = np.zeros((4, 4, 1), np.float32)
FEW = np.arange(48, dtype=np.float32).reshape(3, 4, 4, 1)


def failure(samples, inputs=IMAGE):
    with pytest.raises(SamplesError) as caught:
        list(read_samples(samples, inputs))
    assert "\n" not in caught.value.message
    assert caught.value.code == 2
    return caught.value


def saved(path, **arrays):
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("samples", [
    list(FEW), tuple(FEW), [row[None] for row in FEW], [[row] for row in FEW], [{"image": row} for row in FEW],
    lambda: iter(FEW), {"image": FEW}, FEW, [("serving_default", {"image": row}) for row in FEW],
    [row.tolist() for row in FEW], iter(FEW),
], ids=["list", "tuple", "batches", "lists", "dicts", "function", "mapping", "array", "TensorFlow's",
        "nested lists", "iterator"])  # fmt: skip
def test_every_form_gives_the_same_samples(samples):
    rows = [sample["image"] for sample in read_samples(samples, IMAGE)]
    assert [row.shape for row in rows] == [(1, 4, 4, 1)] * 3
    assert np.array_equal(np.concatenate(rows), FEW)


def test_files_and_folders_give_the_same_samples(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for number, row in enumerate(FEW):
        np.save(folder / f"{number}.npy", row)
    np.save(tmp_path / "few.npy", FEW)
    saved(tmp_path / "few.npz", image=FEW, labels=np.arange(3))
    for path in (folder, tmp_path / "few.npy", tmp_path / "few.npz", str(tmp_path / "few.npz")):
        rows = [sample["image"] for sample in read_samples(path, IMAGE)]
        assert np.array_equal(np.concatenate(rows), FEW)


def test_labels_are_no_input_unless_the_model_says_so(tmp_path):
    path = saved(tmp_path / "few.npz", image=FEW, labels=np.arange(3))
    assert read_samples(path, IMAGE).labels.tolist() == [0, 1, 2]
    labels = (*IMAGE, Input("labels", np.dtype(np.int64), (symbol("batch"),)))
    assert read_samples(path, labels).labels is None


def test_a_mapping_of_the_callers_is_left_as_it_was():
    mapping = {"image": FEW, "labels": np.arange(3)}
    read_samples(mapping, IMAGE)
    assert list(mapping) == ["image", "labels"]


def test_samples_iterate_as_often_as_asked():
    samples = read_samples(list(FEW), IMAGE)
    assert len(list(samples)) == len(list(samples)) == samples.count == 3


def test_an_iterator_that_has_run_says_so_the_second_time():
    samples = read_samples(iter(FEW), IMAGE)
    list(samples)
    with pytest.raises(SamplesError) as caught:
        list(samples)
    assert "a generator runs once" in caught.value.hint


@pytest.mark.parametrize("samples", [[], list, iter([])])
def test_no_samples_are_an_error(samples):
    assert failure(samples).message == "there are no samples"


@pytest.mark.parametrize("samples", [np.zeros((0, 4, 4, 1), np.float32), {"image": np.zeros((0, 4, 4, 1))}])
def test_an_array_of_no_samples_is_an_error(samples):
    assert "no samples" in failure(samples).message


def test_a_mapping_of_nothing_is_an_error():
    failure({})


def test_a_file_of_nothing_is_an_error(tmp_path):
    failure(saved(tmp_path / "empty.npz"))


def test_a_file_of_labels_alone_is_an_error(tmp_path):
    assert "'image' is missing" in failure(saved(tmp_path / "labels.npz", labels=np.arange(3))).message


def test_an_empty_dimension_is_an_error():
    inputs = (Input("ids", np.dtype(np.float32), (1, symbol("length"))),)
    assert "empty" in failure([np.zeros((1, 0), np.float32)], inputs).message


@pytest.mark.parametrize(("value", "says"), [(np.nan, "NaN"), (np.inf, "an infinity"), (-np.inf, "an infinity")])
def test_what_is_not_finite_names_its_sample_and_input(value, says):
    bad = FEW.copy()
    bad[1, 2, 3, 0] = value
    error = failure(bad)
    assert error.message == f"the sample holds {says}"
    assert "sample 1" in error.where
    assert "'image'" in error.where


def test_a_float64_too_large_for_float32_is_an_infinity():
    assert "an infinity" in failure([np.full((4, 4, 1), 1e300)]).message


@pytest.mark.parametrize("shape", [(4, 4), (5, 4, 1), (1, 4, 4, 3), (2, 1, 4, 4, 1), ()])
def test_a_wrong_shape_tells_both(shape):
    error = failure([np.zeros(shape, np.float32)])
    assert "['any', 4, 4, 1]" in error.message
    assert str(list(shape)) in error.message


def test_a_wrong_shape_in_the_middle_names_its_sample():
    assert "sample 1" in failure([ONE, ONE[:2], ONE]).where


def test_floats_for_integers_are_refused_rather_than_cut():
    error = failure([{"ids": np.array([[1.5]]), "scale": np.ones(1)}], PAIR)
    assert "int32" in error.message
    assert "astype('int32')" in error.hint


def test_integers_for_floats_are_converted():
    (sample,) = read_samples([np.ones((4, 4, 1), np.uint8)], IMAGE)
    assert sample["image"].dtype == np.float32


def test_text_is_refused():
    assert "float32" in failure([np.array(["a"])]).message


def test_ragged_lists_are_refused():
    failure([[[1.0, 2.0], [3.0]]])


def test_objects_are_refused():
    failure([object()])


def test_none_is_refused():
    failure([None])


def test_an_unknown_name_brings_the_nearest_to_mind():
    error = failure([{"imag": ONE}])
    assert "no input 'imag'" in error.message
    assert error.hint == "did you mean 'image'?"


def test_a_wrong_name_is_an_error_for_the_only_array_of_the_only_input_too(tmp_path):
    for samples in ({"imagee": FEW}, saved(tmp_path / "few.npz", imagee=FEW)):
        error = failure(samples)
        assert error.message == "the model has no input 'imagee'"
        assert error.hint == "did you mean 'image'?"


def test_an_array_without_a_name_is_the_only_input(tmp_path):
    np.savez(tmp_path / "few.npz", FEW)
    rows = [sample["image"] for sample in read_samples(tmp_path / "few.npz", IMAGE)]
    assert np.array_equal(np.concatenate(rows), FEW)


def test_a_missing_name_is_told():
    assert "'scale' is missing" in failure([{"ids": np.ones((1, 3), np.int32)}], PAIR).message


def test_a_sample_of_too_few_parts_is_told():
    assert "takes 2 inputs" in failure([[np.ones((1, 3), np.int32)]], PAIR).message


def test_arrays_of_different_lengths_are_told(tmp_path):
    path = saved(tmp_path / "x.npz", ids=np.ones((2, 3), np.int32), scale=np.ones(3))
    error = failure(path, PAIR)
    assert "ids: 2, scale: 3" in error.message
    assert error.where == str(path)


def test_labels_of_another_length_are_told():
    assert "labels: 2" in failure({"image": FEW, "labels": np.arange(2)}).message


def test_a_missing_file_brings_its_nearest_sibling_to_mind(tmp_path):
    saved(tmp_path / "calibration.npz", image=FEW)
    assert "calibration.npz" in failure(tmp_path / "calibratoin.npz").hint


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 broken", b"\x93NUMPY", b"text"])
@pytest.mark.parametrize("name", ["x.npz", "x.npy"])
def test_a_damaged_file_is_named(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    assert failure(tmp_path / name).where == str(tmp_path / name)


def test_a_truncated_archive_is_named(tmp_path):
    path = saved(tmp_path / "x.npz", image=FEW)
    path.write_bytes(path.read_bytes()[:-40])
    assert str(path) in failure(path).where


def test_an_archive_damaged_in_the_middle_is_named(tmp_path):
    path = saved(tmp_path / "x.npz", image=FEW)
    content = bytearray(path.read_bytes())
    content[150:170] = b"\xff" * 20
    path.write_bytes(content)
    assert str(path) in failure(path).where


def test_pickles_are_never_opened(tmp_path):
    np.save(tmp_path / "x.npy", np.array([{}], object), allow_pickle=True)
    failure(tmp_path / "x.npy")


def test_a_folder_without_arrays_is_named(tmp_path):
    assert failure(tmp_path).where == str(tmp_path)


def test_a_number_holds_no_samples():
    assert "int" in failure(3).message


def test_a_function_of_the_callers_that_fails_is_heard():
    def broken():
        yield ONE
        raise RuntimeError("the disk is gone")

    with pytest.raises(RuntimeError, match="the disk is gone"):
        list(read_samples(broken, IMAGE))


def test_stored_integers_of_a_quantized_input_are_taken_as_they_are():
    stored = (Input("image", np.dtype(np.float32), (symbol("batch"), 4, 4, 1), np.dtype(np.int8)),)
    (sample,) = read_samples([np.full((4, 4, 1), -128, np.int8)], stored)
    assert sample["image"].dtype == np.int8


class Tensor:
    """An array in the clothes of another library."""

    def __init__(self, array):
        self._array = array

    @property
    def shape(self):
        return self._array.shape

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self._array, dtype)


class Loader:
    """Batches as PyTorch's loader makes them: lists of inputs and labels."""

    def __iter__(self):
        for start in range(0, len(FEW), 2):
            yield [Tensor(FEW[start : start + 2]), Tensor(np.arange(len(FEW))[start : start + 2])]


def test_batches_of_a_loader_are_inputs_and_labels():
    batches = [sample["image"] for sample in read_samples(Loader(), IMAGE)]
    np.testing.assert_array_equal(np.concatenate(batches), FEW)


def test_a_list_of_two_equal_arrays_is_one_array():
    (sample,) = read_samples([[Tensor(ONE), Tensor(ONE)]], IMAGE)
    assert sample["image"].shape == (2, 4, 4, 1)


class Split:
    """A split of a data set: it has rows, and is no array."""

    def __iter__(self):
        return iter([{"image": ONE}])


def test_a_dictionary_of_splits_says_to_pass_one():
    error = failure({"train": Split(), "test": Split()})
    assert error.message == "'train' is a Split, no array"
    assert "samples['train']" in error.hint


def test_pictures_of_another_size_lead_to_what_resizes_them():
    pillow = pytest.importorskip("PIL.Image")
    assert "octavo.Images" in failure([pillow.new("RGB", (9, 7))]).hint
