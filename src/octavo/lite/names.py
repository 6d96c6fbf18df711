"""The small things that a converter is set up with: optimizations, operator sets, dtypes, the target, the samples.

Other spellings are taken wherever ours are: TensorFlow's own enumerations and dtypes, numpy's dtypes, plain strings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Self

SIZES = {
    **dict.fromkeys(("bool", "int4", "int8", "uint4", "uint8"), 1),
    **dict.fromkeys(("bfloat16", "float16", "int16", "uint16"), 2),
    **dict.fromkeys(("float32", "int32", "uint32"), 4),
    **dict.fromkeys(("complex64", "float64", "int64", "uint64"), 8),
    "complex128": 16,
}
"""The bytes that one number takes in memory, by the name of its dtype."""


class ConverterError(Exception):
    """The model cannot be converted; the cause is an `octavo.OctavoError` with a place and a hint.

    `errors` lists what is in the way: of a model with operations that cannot be converted, one entry for each.
    """

    def __init__(self, message: str, errors: Iterable[Any] = ()) -> None:
        """Hold the message and the separate errors."""
        super().__init__(message)
        self.errors = list(errors)


class OctavoWarning(UserWarning):
    """The converter does something other than its settings suggest; the text says what, and how to get it."""


class _Named(Enum):
    """An enumeration whose members are known by their names."""

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def among(cls, given: Any) -> frozenset[Self]:
        """The members meant by one spelling, or by several in any collection: ours, TensorFlow's, or strings.

        Raises:
            ValueError: there is no such member.
        """
        return frozenset(cls._of(each) for each in several(given))

    @classmethod
    def _of(cls, given: Any) -> Self:
        name = str(getattr(given, "name", given))
        if name not in cls.__members__:
            raise ValueError(f"{name!r} is no {cls.__name__}: expected one of {', '.join(cls.__members__)}")
        return cls[name]


class Optimize(_Named):
    """What to optimize for. All but `EXPERIMENTAL_SPARSITY` mean the same: quantize."""

    DEFAULT = "DEFAULT"
    OPTIMIZE_FOR_SIZE = "OPTIMIZE_FOR_SIZE"
    OPTIMIZE_FOR_LATENCY = "OPTIMIZE_FOR_LATENCY"
    EXPERIMENTAL_SPARSITY = "EXPERIMENTAL_SPARSITY"


class OpsSet(_Named):
    """The operators that the result may consist of."""

    TFLITE_BUILTINS = "TFLITE_BUILTINS"
    SELECT_TF_OPS = "SELECT_TF_OPS"
    TFLITE_BUILTINS_INT8 = "TFLITE_BUILTINS_INT8"
    EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8 = (
        "EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8"
    )
    EXPERIMENTAL_STABLEHLO_OPS = "EXPERIMENTAL_STABLEHLO_OPS"

    @classmethod
    def get_options(cls) -> list[str]:
        """The names of all sets."""
        return [str(each) for each in cls]


@dataclass(frozen=True, slots=True, eq=False)
class DType:
    """A dtype by name. It equals every other spelling of itself: `tf.int8`, `numpy.int8`, `"int8"`."""

    name: str

    @property
    def size(self) -> int:
        """The bytes that one number takes."""
        return SIZES[self.name]

    @property
    def as_numpy_dtype(self) -> type[Any]:
        """The scalar type of numpy, or of ml_dtypes where numpy has none."""
        import ml_dtypes
        import numpy as np

        found: type[Any] = np.dtype(getattr(ml_dtypes, self.name, self.name)).type
        return found

    @classmethod
    def of(cls, given: Any) -> DType:
        """The dtype that a spelling means.

        Raises:
            ValueError: it means none.
        """
        name = name_of(given)
        if name not in SIZES:
            raise ValueError(f"{given!r} is no dtype that a model can have: expected one of {', '.join(sorted(SIZES))}")
        return cls(name)

    def __eq__(self, other: object) -> bool:
        return name_of(other) == self.name

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"tf.{self.name}"


float16, float32, float64, bfloat16 = (DType(name) for name in ("float16", "float32", "float64", "bfloat16"))
int8, int16, int32, int64 = (DType(name) for name in ("int8", "int16", "int32", "int64"))
uint8, uint16, uint32, uint64 = (DType(name) for name in ("uint8", "uint16", "uint32", "uint64"))


def name_of(dtype: Any) -> str:
    """The name in any spelling of a dtype; for anything else a text that names no dtype."""
    if isinstance(dtype, str):
        return dtype
    name = getattr(dtype, "name", None) or getattr(dtype, "__name__", None)
    return str(name or dtype)


def several(given: Any) -> tuple[Any, ...]:
    """The members of a collection; of a single thing, or of None, a collection of one or none."""
    if given is None:
        return ()
    alone = isinstance(given, str | Enum | type | DType) or not isinstance(given, Iterable)
    return (given,) if alone else tuple(given)


class RepresentativeDataset:
    """Samples to learn activation ranges from.

    `input_gen` is a function that returns a generator of the inputs of one call each: a list in the order of the
    inputs, a dict by name, or a pair of a signature's key and a dict.
    """

    def __init__(self, input_gen: Callable[[], Iterable[Any]]) -> None:
        """Hold the function."""
        self.input_gen = input_gen


class TargetSpec:
    """What the result is to run on: the operators and the dtypes that it may use, in any collections."""

    def __init__(
        self,
        supported_ops: Any = None,
        supported_types: Any = None,
        experimental_select_user_tf_ops: Any = None,
        experimental_supported_backends: Any = None,
    ) -> None:
        """Default to LiteRT's operators in every dtype."""
        self.supported_ops: Any = {OpsSet.TFLITE_BUILTINS} if supported_ops is None else supported_ops
        self.supported_types: Any = set() if supported_types is None else supported_types
        self.experimental_select_user_tf_ops: Any = (
            set() if experimental_select_user_tf_ops is None else experimental_select_user_tf_ops
        )
        self.experimental_supported_backends: Any = experimental_supported_backends
        self._experimental_custom_op_registerers: list[Any] = []
        self._experimental_supported_accumulation_type: Any = None
