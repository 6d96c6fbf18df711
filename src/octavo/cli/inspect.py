"""`octavo inspect`: what is in a model."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, option

if TYPE_CHECKING:
    from octavo.report.inspection import GraphView, Inspection, Tensor


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option("--why", section="What is shown", is_flag=True, help="What the optimizer did, and nearly did, and why not.")
@option("--tree", section="What is shown", is_flag=True, help="The layers as a tree, with the sizes of their weights.")
@option("--target", section="What is shown", metavar="NAME", help="The operations that would leave it: gpu, "
        "nnapi, tflm, edgetpu, ethos-u, hexagon.")  # fmt: skip
def inspect(  # one for each option
    model: str, *, why: bool, tree: bool, target: str | None, as_json: bool, quiet: bool
) -> None:
    """Show what is in MODEL: signatures, operations, shapes, precisions and sizes.

    MODEL is the directory of a SavedModel, which is shown as it will be converted, or any .tflite, as it stands.

    Examples:
      octavo inspect my_model
      octavo inspect my_model --why
      octavo inspect my_model.tflite --tree
      octavo inspect my_model.tflite --json
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json

    if target is not None:
        _show_departures(model, target, as_json=as_json, quiet=quiet)
        return
    with ProgressBar("reading", quiet=quiet):
        seen = octavo.inspect(model, why=why)
    if as_json:
        show_json(seen)
    elif not quiet:
        _show(seen, tree=tree)
        if why:
            _show_rewrites(seen)


def _show(seen: Inspection, *, tree: bool) -> None:
    from octavo.cli.terminal import bytes_of, show_lines, show_table
    from octavo.cli.tree import tree_of

    for signature in seen.signatures:
        rows = [
            (kind, tensor.name, str(tensor), _grid(tensor))
            for kind, tensors in (("input", signature.inputs), ("output", signature.outputs))
            for tensor in tensors
        ]
        show_table(f"Signature {signature.key!r}", ("", "name", "type", "grid"), rows)
    for graph in seen.graphs:
        title = f"Graph {graph.name!r}" if len(seen.graphs) > 1 else "Operations"
        if tree:
            show_lines(title, *tree_of(graph), "")
            continue
        show_table(title, (">", "operation", "precision", "reads", "makes", ">weights", "layer"), _rows(graph))
    if seen.shared:
        rows = [(s.name, s.type, bytes_of(s.size), ", ".join(dict.fromkeys(s.layers))) for s in seen.shared]
        show_table("Shared constants", ("name", "type", ">size", "read by"), rows)
    show_lines(*_totals(seen))


def _rows(graph: GraphView) -> Iterable[tuple[str, ...]]:
    from octavo.cli.terminal import bytes_of

    for number, operation in enumerate(graph.operations):
        weights = bytes_of(operation.weight_bytes) if operation.weight_bytes else ""
        reads, makes = (", ".join(map(str, tensors)) for tensors in (operation.inputs, operation.outputs))
        layer = operation.layer or ", ".join(tensor.name for tensor in operation.outputs)
        yield str(number), operation.op, operation.precision, reads, makes, weights, layer


def _totals(seen: Inspection) -> list[str]:
    from octavo.cli.terminal import bytes_of

    totals = seen.totals
    lines = [
        f"operations  {sum(totals.operations.values())}: {_counts(totals.operations)}",
        f"precision   {_counts(totals.precisions)}",
        f"parameters  {totals.parameters:,}",
        f"constants   {', '.join(f'{dtype} {bytes_of(count)}' for dtype, count in totals.constant_bytes.items())}",
        f"size        {bytes_of(totals.size)}",
    ]
    if seen.metadata:
        lines.append(f"metadata    {', '.join(f'{name} ({bytes_of(size)})' for name, size in seen.metadata.items())}")
    return lines + ([f"description {seen.description}"] if seen.description else [])


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} ×{count}" for name, count in counts.items())


def _grid(tensor: Tensor) -> str:
    return "" if tensor.scale is None else f"{tensor.scale:.6g} · (q − {tensor.zero_point})"


def _show_rewrites(seen: Inspection) -> None:
    from octavo.cli.terminal import show_lines, show_table

    if seen.rewrites:
        counted: dict[tuple[str, str], list[str]] = {}
        for rewrite in seen.rewrites:
            counted.setdefault((rewrite.rule, rewrite.equation), []).append(rewrite.layer)
        rows = [(rule, str(len(layers)), equation) for (rule, equation), layers in counted.items()]
        show_table("Rewrites", ("rule", ">times", "equation"), rows)
    if seen.missed:
        show_table("Near misses", ("rule", "layer", "why not"), [(m.rule, m.layer, m.reason) for m in seen.missed])
    else:
        show_lines("no rule of the optimizer nearly matched")


def _show_departures(model: str, target: str, *, as_json: bool, quiet: bool) -> None:
    import octavo
    from octavo.cli.terminal import show_json, show_lines, show_table

    found = octavo.off_target(model, target)
    if as_json:
        show_json(found)
    elif found and not quiet:
        rows = [(each.op, each.layer, each.why, each.cure) for each in found]
        show_table(f"Operations that would leave {target}", ("operation", "layer", "why", "cure"), rows)
    elif not quiet:
        show_lines(f"every operation runs on {target}")
