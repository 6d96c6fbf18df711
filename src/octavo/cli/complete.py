"""What the shell may complete a value to; files are the shell's own business."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import click
from click.shell_completion import CompletionItem

Completion = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def recipes(context: click.Context, parameter: click.Parameter, begun: str) -> list[CompletionItem]:
    """The precisions, and files."""
    from octavo.recipe import PRECISIONS

    return [*_among(PRECISIONS, begun), *files(context, parameter, begun)]


def targets(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """What a model can be made for."""
    from octavo.targets.known import TARGETS

    return _among(TARGETS, begun)


def metrics(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """The metrics that have names."""
    from octavo.judge.metrics import METRICS

    return _among(METRICS, begun)


def files(_: click.Context, __: click.Parameter, begun: str) -> list[CompletionItem]:
    """Files and folders."""
    return [CompletionItem(begun, type="file")]


def completion_of(declarations: Iterable[str], metavar: str) -> Completion | None:
    """What completes an option, as its name and what stands for its value tell."""
    named = {"--target": targets, "--metric": metrics}
    found = next((named[each] for each in declarations if each in named), None)
    return found or {"FILE": files, "MODEL": files, "NAME|FILE": recipes}.get(metavar)


def _among(names: Iterable[str], begun: str) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]
