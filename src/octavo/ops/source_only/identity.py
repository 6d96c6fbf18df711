"""Operations that hand on what they get."""

from __future__ import annotations

from octavo.ir.build import Builder, Source
from octavo.ir.graph import Value
from octavo.ir.op import lowers


@lowers(
    "tf.Identity",
    "tf.RefIdentity",
    "tf.StopGradient",
    "tf.PreventGradient",
    "tf.Snapshot",
    "tf.CheckNumerics",
    "tf.CheckNumericsV2",
    "tf.DebugIdentity",
    "tf.DebugIdentityV2",
    "tf.EnsureShape",
    "tf.PlaceholderWithDefault",
    "tf.ReadVariableOp",
    "tf.OptimizationBarrier",
    "tf.LoopCond",
    "tf.GuaranteeConst",
    "tf.Copy",
    "tf.CopyHost",
    "tf.DeepCopy",
    "tf.XlaSharding",
)
def first_input(source: Source, build: Builder) -> Value:  # noqa: ARG001  # nothing is built
    """The first input. What a variable is read from is its content already."""
    return source.inputs[0]


@lowers("tf.IdentityN", "tf.XlaOptimizationBarrier")
def all_inputs(source: Source, build: Builder) -> tuple[Value, ...]:  # noqa: ARG001  # nothing is built
    """Every input."""
    return source.inputs
