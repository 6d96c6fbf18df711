"""`tf.lite.experimental.authoring`: whether a function can be converted, told as soon as it is called."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from octavo.lite.converter import TFLiteConverter
from octavo.lite.names import ConverterError, TargetSpec


class CompatibilityError(Exception):
    """The function cannot be converted as it is."""


class compatible:  # noqa: N801  # TensorFlow's name
    """A decorator of a `tf.function`: its first call tries to convert it, and logs what is in the way."""

    def __init__(
        self,
        target: Any = None,
        converter_target_spec: Any = None,
        converter_allow_custom_ops: Any = None,
        raise_exception: bool = False,  # noqa: FBT001, FBT002  # TensorFlow's signature
    ) -> None:
        """Take the function, or the settings of a decorator that takes it next."""
        self._target = target
        self._spec = converter_target_spec or TargetSpec()
        self._allow = converter_allow_custom_ops or False
        self._raises = raise_exception
        self._log: list[str] = []
        self._is_checked = False
        if target is not None:
            functools.update_wrapper(self, target)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call the function, checked the first time; or take it, if there is none yet.

        Raises:
            CompatibilityError: the function cannot be converted, and `raise_exception` asks for an error.
        """
        if self._target is None:
            return compatible(args[0], self._spec, self._allow, self._raises)
        if not self._is_checked:
            self._is_checked = True
            self._check(self._target.get_concrete_function, args, kwargs)
        return self._target(*args, **kwargs)

    def get_concrete_function(self, *args: Any, **kwargs: Any) -> Any:
        """The concrete function for these arguments, checked.

        Raises:
            CompatibilityError: as a call.
        """
        self._is_checked = True
        return self._check(self._target.get_concrete_function, args, kwargs)

    def get_compatibility_log(self) -> list[str]:
        """What is in the way, one text for each problem; empty when nothing is.

        Raises:
            RuntimeError: the function was not called yet.
        """
        if not self._is_checked:
            raise RuntimeError("target compatibility isn't verified yet")
        return self._log

    def _check(self, traced: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        function = traced(*args, **kwargs)
        converter = TFLiteConverter.from_concrete_functions([function], self._target)
        converter.target_spec = self._spec
        converter.allow_custom_ops = self._allow
        try:
            converter.convert()
        except ConverterError as error:
            self._log = [f"COMPATIBILITY ERROR: {each}" for each in error.errors or [error]]
            if self._raises:
                raise CompatibilityError(f"CompatibilityException at {self._target!r}\n{error}") from error
            for line in self._log:
                print(line)  # noqa: T201  # as TensorFlow does
        return function
