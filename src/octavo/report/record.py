"""The record of a run: everything that the report shows, as one JSON document.

Sizes are in bytes, times in milliseconds, SQNR in decibels; an SQNR of None means that nothing differs.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from octavo.errors import Invalid, UsageError, nearest_file
from octavo.plan import Plan

VERSION = 1
"""Rises with each change that an older reader could not read."""


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What all parts of a run have in common."""


class Provenance(Record, frozen=True, kw_only=True):
    """What led to the result: the source and its hash, the command, the versions, the machine.

    `sha256` is that of the file, or of all files of a directory in the order of their names; "" of a model in memory.
    `data` has the hashes of the samples by their path. `versions` has Octavo, Python and each library that takes part;
    `machine` is the processor, `cores` its count.
    """

    source: str
    sha256: str
    command: str
    made: str
    versions: dict[str, str]
    machine: str
    system: str
    cores: int
    data: dict[str, str] = {}


class File(Record, frozen=True, kw_only=True):
    """A `.tflite`: its bytes, its hash, the bytes of its constants by dtype."""

    size: int
    sha256: str
    constants: dict[str, int]


class Timing(Record, frozen=True, kw_only=True):
    """Milliseconds of one call over `runs` calls: the tenth, fiftieth and ninetieth percentile, and the least."""

    least: float
    p10: float
    median: float
    p90: float
    runs: int
    threads: int


class Estimate(Record, frozen=True, kw_only=True):
    """A value, and what encloses the true one with 95 % confidence."""

    value: float
    low: float
    high: float


class Scored(Record, frozen=True, kw_only=True):
    """A metric over labelled samples: the float model's, the quantized one's, and the difference on the same samples.

    `p` is the chance to see such a difference between equally good models; `better` and `worse` count samples. Values
    of the unit `share` are between 0 and 1.
    """

    metric: str
    samples: int
    before: Estimate
    after: Estimate
    change: Estimate
    p: float
    unit: str = ""
    higher_is_better: bool = True
    better: int | None = None
    worse: int | None = None


class OutputError(Record, frozen=True, kw_only=True):
    """How near an output comes: SQNR, share of equal greatest entries, greatest difference over greatest number."""

    name: str
    sqnr: float | None
    agreement: float
    relative_error: float


class Cause(Record, frozen=True, kw_only=True):
    """Why a layer is far from float, with its numbers, and what to do."""

    kind: str
    what: str
    cure: str


class LayerError(Record, frozen=True, kw_only=True):
    """How far a layer's result is from float.

    `sqnr` holds all errors made before it too; `own` only what this operation adds, where that was measured.
    """

    sqnr: float | None = None
    own: float | None = None
    cosine: float | None = None
    max_error: float | None = None
    causes: tuple[Cause, ...] = ()


class Layer(Record, frozen=True, kw_only=True):
    """One operation of the float model, and what became of it.

    `node` is the name of its first result. `origin` are the source operations that it computes, `rules` the rewrites
    that made it. `reads` are the numbers of the layers whose results it takes. `size` and `float_size` are the bytes of
    its constants. `error` is None where it was not measured.
    """

    number: int
    graph: str
    node: str
    op: str
    layer: str
    precision: str
    asked: str
    who: str
    why: str
    inputs: tuple[str, ...]
    output: str
    size: int
    float_size: int
    slow: str = ""
    off_target: str = ""
    origin: tuple[str, ...] = ()
    rules: tuple[str, ...] = ()
    reads: tuple[int, ...] = ()
    error: LayerError | None = None


class Histogram(Record, frozen=True, kw_only=True):
    """How the numbers of a tensor are spread over the range that was seen, and the range that its integers can hold.

    `counts` has equally wide bins from `seen_low` to `seen_high`; empty where only the range is known. `made_by` is
    the node, "" of an input of the model.
    """

    tensor: str
    graph: str
    made_by: str
    seen_low: float
    seen_high: float
    counts: tuple[int, ...]
    low: float
    high: float
    dtype: str
    scale: float
    zero_point: int


class WeightRange(Record, frozen=True, kw_only=True):
    """The least and greatest weight of each channel, or of each run of neighbouring channels where there are many.

    `read_by` is the node; `axis` the dimension of the channels, None where the tensor has one scale.
    """

    tensor: str
    graph: str
    read_by: str
    dtype: str
    shape: tuple[int, ...]
    axis: int | None
    channels: int
    lows: tuple[float, ...]
    highs: tuple[float, ...]


class RewriteGroup(Record, frozen=True, kw_only=True):
    """A rewrite of the optimizer, and the layers at which it was made."""

    rule: str
    equation: str
    layers: tuple[str, ...]


class MissGroup(Record, frozen=True, kw_only=True):
    """A rewrite that nearly matched, why it did not, and where."""

    rule: str
    reason: str
    layers: tuple[str, ...]


class Caution(Record, frozen=True, kw_only=True):
    """Something the user should know, and what to do about it."""

    text: str
    cure: str = ""


class Measured(Record, frozen=True, kw_only=True):
    """What was measured on samples, and on how many; scores only of labelled ones."""

    samples: int
    outputs: tuple[OutputError, ...] = ()
    timing: tuple[Timing, Timing] | None = None
    scores: tuple[Scored, ...] = ()


class Run(Record, frozen=True, kw_only=True):
    """A conversion and everything known about it. Pairs hold the float model first, then the quantized one."""

    name: str
    provenance: Provenance
    files: tuple[File, File]
    layers: tuple[Layer, ...]
    plan: Plan
    measured: Measured
    histograms: tuple[Histogram, ...] = ()
    weights: tuple[WeightRange, ...] = ()
    rewrites: tuple[RewriteGroup, ...] = ()
    misses: tuple[MissGroup, ...] = ()
    cautions: tuple[Caution, ...] = ()
    version: int = VERSION

    def to_json(self) -> str:
        """The record as JSON."""
        return msgspec.json.encode(self).decode()

    def to_html(self, *, against: Run | None = None) -> str:
        """The record as one self-contained page; with what differs from another run, if that is given."""
        from octavo.report.html import render

        return render(self, against=against)

    def _repr_html_(self) -> str:
        from octavo.report.html import framed

        return framed(self)

    @classmethod
    def load(cls, path: str | Path) -> Run:
        """Read what `to_json` gave.

        Raises:
            UsageError: the file cannot be opened.
            Invalid: the file is no run, or one of another version.
        """
        try:
            text = Path(path).read_bytes()
        except OSError as error:
            hint = "" if Path(path).exists() else nearest_file(Path(path))
            raise UsageError(f"the run cannot be read: {error.strerror}", where=str(path), hint=hint) from error
        try:
            version = msgspec.json.decode(text, type=_Version).version
            if version > VERSION:
                raise Invalid(f"a run of version {version}; this Octavo reads up to {VERSION}", where=str(path))
            return msgspec.json.decode(text, type=cls)
        except msgspec.DecodeError as error:
            hint = "octavo convert … --save-run run.json writes one"
            raise Invalid(f"not a run: {error}", where=str(path), hint=hint) from error


class _Version(msgspec.Struct):
    version: int = VERSION
