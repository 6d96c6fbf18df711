"""`octavo plan`: what was decided for each operation, and what differs between two conversions."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from octavo.cli.command import Command, Group, option
from octavo.cli.schema import schema

if TYPE_CHECKING:
    from octavo.plan import Plan


@click.group(cls=Group)
def plan() -> None:
    """Show plans, and what differs between them.

    A plan is what `octavo convert … --save-plan` writes; a run (`--save-run`) has one in it, too.
    """


plan.add_command(schema)


@plan.command(cls=Command)
@click.argument("file", type=click.Path(path_type=Path))
@option("--tensors", section="What is shown", is_flag=True, help="The grids of tensors, too.")
def show(file: Path, *, tensors: bool, as_json: bool, quiet: bool) -> None:
    """Show the plan in FILE: each operation's precision, who decided, and why.

    Example:
      octavo plan show plan.json
    """
    from octavo.cli.terminal import show_json, show_tables
    from octavo.plan import Plan

    found = Plan.load(file)
    if as_json:
        show_json(found)
    elif not quiet:
        show_tables(found.tables())
        if tensors:
            _show_grids(found)


@plan.command(cls=Command)
@click.argument("before", type=click.Path(path_type=Path))
@click.argument("after", type=click.Path(path_type=Path))
def diff(before: Path, after: Path, *, as_json: bool, quiet: bool) -> None:
    """Show what the plan AFTER decides otherwise than the plan BEFORE.

    Ends with exit code 1 where they differ, as diff does.

    Example:
      octavo plan diff earlier.json plan.json
    """
    from octavo.cli.terminal import show_json, show_lines, show_table
    from octavo.plan import Plan, differences

    found = differences(Plan.load(before), Plan.load(after))
    if as_json:
        show_json(found)
    elif not quiet and found:
        show_table("", ("what", "where", "before", "after"), [(d.what, d.where, d.before, d.after) for d in found])
    elif not quiet:
        show_lines("the plans are the same")
    if found:
        raise click.exceptions.Exit(1)


def _show_grids(found: Plan) -> None:
    from octavo.cli.terminal import show_table

    rows = [
        (grid.value, grid.dtype, f"{grid.low:.6g} to {grid.high:.6g}", str(len(grid.scale)), grid.who, grid.why)
        for graph in found.graphs
        for grid in graph.grids
    ]
    show_table("Tensors", ("tensor", "dtype", "range", ">scales", "who", "why"), rows)
