"""Writes `docs/reference/operations.md`: which operations of TensorFlow are lowered, and why the others are not.

`python tools/write_operation_reference.py` after an operation was added; a test holds the page to the code. The
operations are those of the table that the reader has of TensorFlow's registry.
"""

from __future__ import annotations

from pathlib import Path

from octavo.lower.dataflow.walk import NAMES
from octavo.lower.item import BRANCHES, LOOKUPS, LOOPS, TABLES
from octavo.lower.tensor_array import ARRAYS
from octavo.lower.tensor_list import LISTS
from octavo.lower.threaded import HANDED_ON
from octavo.lower.twins import CALLS, HANDLES
from octavo.ops import registry
from octavo.ops.absent import why

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "reference" / "operations.md"
DEFINITIONS = ROOT / "src" / "octavo" / "read" / "saved_model" / "op_definitions.txt"
STRUCTURES = frozenset(
    {"Placeholder", *LISTS, *ARRAYS, *BRANCHES, *LOOPS, *LOOKUPS, *TABLES, *CALLS, *HANDLES, *HANDED_ON}
)
"""What the engine lowers itself: calls, branches, loops, variables, lists, tables."""
DATAFLOW = frozenset(NAMES - {"LoopCond", "RefLoopCond", "Ref_SwitchN"})
"""Control flow of TensorFlow 1, which becomes calls, branches and loops, as far as its form is known."""
TESTS = "it is of TensorFlow's own tests"
TEXT = """# Operations of TensorFlow

Octavo lowers {lowered} of the {all} operations that a model of {version} may hold to LiteRT's builtin operations; those of TensorFlow 1's
control flow in the forms that `tf.cond`, `tf.case` and `tf.while_loop` give them. Most of the others belong to training, input
pipelines, other machines or texts; each stands below with the reason, which is also what the error says. Checks and
summaries, of which no output of a model is made, do no harm.
What to do about it: [custom layers and ops](../how-to/custom-layers-and-ops.md).

## Lowered
{names}

## Not lowered
"""


def lowered() -> frozenset[str]:
    """The operations of TensorFlow that have a lowering."""
    return STRUCTURES | DATAFLOW | frozenset(registry().lowerings)


def page() -> str:
    """The page's text."""
    version, *lines = DEFINITIONS.read_text(encoding="utf-8").splitlines()
    every = [line.split("\t")[0] for line in lines]
    every = [op for op in every if why(op) != TESTS]
    known = [op for op in every if op in lowered()]
    by_reason: dict[str, list[str]] = {}
    for op in every:
        if op not in known:
            by_reason.setdefault(str(why(op)), []).append(op)
    rows = [f"| {reason} | {_names(by_reason[reason])} |\n" for reason in sorted(by_reason)]
    text = TEXT.format(lowered=len(known), all=len(every), version=version[2:].partition(":")[0], names=_names(known))
    return text + "\n| reason | operations |\n|---|---|\n" + "".join(rows)


def _names(ops: list[str]) -> str:
    return ", ".join(f"`{op}`" for op in ops)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
