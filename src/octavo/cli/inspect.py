"""`octavo inspect`: what is in a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, option

if TYPE_CHECKING:
    from octavo.report.inspection import Inspection

WHAT = "What to look at"


@click.command(cls=Command)
@click.argument("model", type=click.Path())
@option("--why", section="What is shown", is_flag=True, help="What the optimizer did, and nearly did, and why not.")
@option("--tree", section="What is shown", is_flag=True, help="The layers as a tree, with the sizes of their weights.")
@option("--target", section="What is shown", metavar="NAME", help="The operations that would leave it: gpu, "
        "nnapi, tflm, edgetpu, ethos-u, hexagon.")  # fmt: skip
@option("--input-node", section=WHAT, multiple=True, metavar="NAME", help="A node that goes into a frozen graph (.pb), "
        "in place of its placeholders; may be repeated.")  # fmt: skip
@option("--output-node", section=WHAT, multiple=True, metavar="NAME", help="A node that comes out of a frozen graph, "
        "in place of those that nobody reads; may be repeated.")  # fmt: skip
def inspect(  # noqa: PLR0913  # one for each option
    model: str,
    *,
    why: bool,
    tree: bool,
    target: str | None,
    input_node: tuple[str, ...],
    output_node: tuple[str, ...],
    as_json: bool,
    quiet: bool,
) -> None:
    """Show what is in MODEL: signatures, operations, shapes, precisions and sizes.

    MODEL is anything that `octavo convert` takes, which is shown as it will be converted, or any .tflite, as it stands.

    Examples:
      octavo inspect my_model
      octavo inspect my_model --why
      octavo inspect my.tflite --tree
      octavo inspect my.tflite --json
    """
    import octavo
    from octavo.cli.progress import ProgressBar
    from octavo.cli.terminal import show_json

    if target is not None:
        _show_departures(model, target, as_json=as_json, quiet=quiet)
        return
    with ProgressBar("reading", quiet=quiet):
        seen = octavo.inspect(model, why=why, inputs=input_node or None, outputs=output_node or None)
    if as_json:
        show_json(seen)
    elif not quiet:
        _show(seen, tree=tree)
        if why:
            _show_rewrites(seen)


def _show(seen: Inspection, *, tree: bool) -> None:
    from octavo.cli.terminal import show_lines, show_tables, show_wrapped
    from octavo.cli.tree import tree_of

    if not tree:
        show_tables(seen.tables())
        return
    show_tables(seen.signature_tables())
    for graph in seen.graphs:
        show_lines(f"Graph {graph.name!r}" if len(seen.graphs) > 1 else "Operations")
        for line in tree_of(graph):
            show_wrapped(*line)
        show_lines("")
    show_tables(seen.total_tables())


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
