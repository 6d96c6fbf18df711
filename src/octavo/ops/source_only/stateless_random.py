"""Random numbers that a known seed decides: constants, the same that TensorFlow draws.

Source: Philox 4×32-10 (Salmon et al., Parallel random numbers: as easy as 1, 2, 3), as `stateless_random_ops.cc`
and `random_distributions.h` of TensorFlow use it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from octavo.ir.build import Builder, Source
from octavo.ir.dim import is_static
from octavo.ir.graph import Value
from octavo.ir.op import NotLoweredError, lowers
from octavo.ir.source import Array
from octavo.ops.shape import known_dims

PHILOX = 1
_MULTIPLIERS = np.array([0xD2511F53, 0xCD9E8D57], np.uint64)
_BUMPS = np.array([0x9E3779B9, 0xBB67AE85], np.uint32)
_SCRAMBLING_KEY = np.array([0x3EC8F720, 0x02461E29], np.uint32)
_LEAST = np.float32(1e-7)
_TRUNCATED, _APART = 2.0, 256
"""From how many deviations on normal numbers are drawn again, and how many counters each four may use up."""


@lowers("tf.StatelessRandomGetAlg")
def algorithm(source: Source, build: Builder) -> Value:  # noqa: ARG001  # it depends on the device alone
    """What TensorFlow chooses on a CPU."""
    return build.const(np.int32(PHILOX))


@lowers("tf.StatelessRandomGetKeyCounter")
def key_and_counter(source: Source, build: Builder) -> tuple[Value, ...]:
    """The seed, stirred."""
    key, counter = stirred(source.const(0, "seed"))
    return build.const(key.view(np.uint64)), build.const(counter.view(np.uint64))


@lowers("tf.StatelessRandomGetKeyCounterAlg")
def key_counter_algorithm(source: Source, build: Builder) -> tuple[Value, ...]:
    """The seed, stirred, and the algorithm."""
    return (*key_and_counter(source, build), build.const(np.int32(PHILOX)))


@lowers("tf.StatelessRandomUniformV2", "tf.StatelessRandomUniform")
def uniform(source: Source, build: Builder) -> Value:
    """Numbers from 0 to below 1."""
    return _drawn(source, build, to_float)


@lowers("tf.StatelessRandomNormalV2", "tf.StatelessRandomNormal")
def normal(source: Source, build: Builder) -> Value:
    """A normal distribution, by Box and Muller."""
    return _drawn(source, build, to_normal)


@lowers("tf.StatelessRandomUniformIntV2", "tf.StatelessRandomUniformInt")
def uniform_integers(source: Source, build: Builder) -> Value:
    """Whole numbers from one below another."""
    low, high = (source.const(at, "bound") for at in (-2, -1))
    if low.dtype != np.int32:
        raise NotLoweredError(f"random whole numbers of {low.dtype.name}")
    span = np.uint32(high.astype(np.int64) - low)
    return _drawn(source, build, lambda bits: (low + (bits % span).astype(np.int64)).astype(np.int32))


@lowers("tf.StatelessRandomUniformFullIntV2", "tf.StatelessRandomUniformFullInt")
def uniform_bits(source: Source, build: Builder) -> Value:
    """Whole numbers of which each bit is drawn."""
    dtype = source.dtype("dtype")
    if dtype.itemsize != 4:
        raise NotLoweredError(f"random whole numbers of {dtype.name}")
    return _drawn(source, build, lambda bits: bits.view(dtype))


@lowers("tf.StatelessTruncatedNormalV2", "tf.StatelessTruncatedNormal")
def truncated_normal(source: Source, build: Builder) -> Value:
    """Normal numbers, drawn again where they lie two deviations away or more: each four from counters of their own."""
    return _constant(source, build, _truncated)


def _truncated(size: int, counter: Array, key: Array) -> Array:
    groups = -(-size // 4)
    starts = np.broadcast_to(counter, (groups, 4)).copy()
    starts[:, 0] += np.arange(groups, dtype=np.uint32) * np.uint32(_APART)
    numbers = np.zeros((groups, 0), np.float32)
    inside = np.zeros((groups, 0), bool)
    while not (inside.sum(1) >= 4).all():
        more = to_normal(philox(starts, key).ravel()).reshape(groups, 4)
        numbers, inside = np.concatenate([numbers, more], 1), np.concatenate([inside, np.abs(more) < _TRUNCATED], 1)
        starts[:, 0] += np.uint32(1)
    first = np.argsort(~inside, axis=1, kind="stable")[:, :4]
    return np.take_along_axis(numbers, first, axis=1).ravel()[:size]


def stirred(seed: Array) -> tuple[Array, Array]:
    """The key (two words) and the counter (four words) for a seed of two numbers."""
    words = np.ascontiguousarray(seed.astype(np.int64)).view(np.uint32)
    (mixed,) = philox(words[None], _SCRAMBLING_KEY)
    return mixed[:2].copy(), np.concatenate([np.zeros(2, np.uint32), mixed[2:]])


def philox(counters: Array, key: Array) -> Array:
    """[n, 4] words for [n, 4] counters: ten rounds."""
    state, key = counters.astype(np.uint64), key.astype(np.uint32)
    low = np.uint64(0xFFFFFFFF)
    for _ in range(10):
        products = state[:, ::2] * _MULTIPLIERS
        high, rest = products >> np.uint64(32), products & low
        state = np.stack(
            [high[:, 1] ^ state[:, 1] ^ key[0], rest[:, 1], high[:, 0] ^ state[:, 3] ^ key[1], rest[:, 0]], 1
        )
        key = key + _BUMPS
    return state.astype(np.uint32)


def to_float(bits: Array) -> Array:
    """Numbers from 0 to below 1, of 23 bits each."""
    result: Array = ((bits & np.uint32(0x7FFFFF)) | np.uint32(127 << 23)).view(np.float32) - np.float32(1)
    return result


def to_normal(bits: Array) -> Array:
    """Two normal numbers of each two uniform ones."""
    distance, turn = to_float(bits[::2].copy()), to_float(bits[1::2].copy())
    radius = np.sqrt(-2 * np.log(np.maximum(distance, _LEAST)))
    angle = np.float32(2 * np.pi) * turn
    return np.stack([np.sin(angle) * radius, np.cos(angle) * radius], 1).ravel().astype(np.float32)


def _drawn(source: Source, build: Builder, function: Callable[[Array], Array]) -> Value:
    """A constant of what a function makes of random words, one for each number."""

    def numbers(size: int, counter: Array, key: Array) -> Array:
        counters = np.broadcast_to(counter, (-(-size // 4), 4)).copy()
        counters[:, 0] += np.arange(len(counters), dtype=np.uint32)
        return function(philox(counters, key).ravel())[:size]

    return _constant(source, build, numbers)


def _constant(source: Source, build: Builder, numbers: Callable[[int, Array, Array], Array]) -> Value:
    """A constant of the shape that the source asks for; `numbers` gives so many for a counter and a key.

    Raises:
        NotLoweredError: the shape or the seed is known only at run time, or the dtype is another than drawn.
    """
    dims = known_dims(source.inputs[0], "the shape of the random numbers")
    if not is_static(dims):
        raise NotLoweredError(
            "how many random numbers a seed decides must be known before the model runs; layers that augment data are "
            "for training: convert the .keras file, of which they are left out, or export the model without them"
        )
    wanted = source.node.attrs.get("dtype", np.dtype(np.int32))
    if wanted.itemsize != 4:
        raise NotLoweredError(f"random numbers of {wanted.name}")
    if "V2" in source.node.op:
        key = source.const(1, "key").astype(np.uint64).view(np.uint32)
        counter = source.const(2, "counter").astype(np.uint64).view(np.uint32)
        if int(source.const(3, "algorithm").item()) not in (PHILOX, 3):
            raise NotLoweredError("the generator is not Philox")
    else:
        key, counter = stirred(source.const(1, "seed"))
    shape = [int(dim) for dim in dims]
    return build.const(numbers(int(np.prod(shape)), counter, key[:2]).reshape(shape))
