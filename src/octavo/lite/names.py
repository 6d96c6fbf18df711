"""The small things that a converter is set up with: optimizations, operator sets, dtypes, the target, the samples.

Other spellings are taken wherever ours are: TensorFlow's own enumerations and dtypes, numpy's dtypes, plain strings.
"""

from __future__ import annotations

import logging
import sys
import warnings
from collections.abc import Callable, Iterable
from enum import Enum
from typing import Any, Self

from octavo.dtype import DType


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


def warn(note: str) -> None:
    """Warn with an `OctavoWarning` that names the user's line: the innermost that is not Octavo's own."""
    level, frame = 1, sys._getframe()  # noqa: SLF001  # as `warnings` itself does
    while frame.f_back is not None and str(frame.f_globals.get("__name__", "")).partition(".")[0] == "octavo":
        level, frame = level + 1, frame.f_back
    warnings.warn(note, OctavoWarning, stacklevel=level)


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

    @classmethod
    def among(cls, given: Any) -> frozenset[Optimize]:
        """The members meant; deprecated ones are logged, as in TensorFlow.

        Raises:
            ValueError: there is no such member.
        """
        found = super().among(given)
        for each in sorted(found & {cls.OPTIMIZE_FOR_SIZE, cls.OPTIMIZE_FOR_LATENCY}, key=str):
            logging.getLogger("octavo.lite").warning(
                "Optimize.%s is deprecated, please use optimizations=[Optimize.DEFAULT] instead.", each.name
            )
        return found


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
