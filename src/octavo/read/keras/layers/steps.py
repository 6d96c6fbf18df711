"""A cell, step after step: in a loop of the model, or unrolled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from octavo.ir.op import NotLoweredError
from octavo.read.keras.emitter import Emitter, Operand, Size, Tensor, Variables
from octavo.read.keras.layers.cells import Cell, States


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """What a run begins with: the projected sequence and the mask [steps, batch, 1], both with the steps first.

    `before` is the output before the first step; it counts where a mask hides steps, unless outputs are a state of the
    cell in such steps too.
    """

    sequence: Tensor
    batch: Size
    seen: Tensor | None
    states: States
    before: Tensor | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """How a sequence is gone through.

    `whole`: the outputs of all steps count, not the last alone. `zeros`: the output of a masked step is 0, not that of
    the step before. Outputs are in the order in which they are computed, or `in_time` of the sequence.
    """

    emit: Emitter
    cell: Cell
    whole: bool
    zeros: bool
    backwards: bool
    in_time: bool

    def unrolled(self, start: Start) -> tuple[Tensor, States]:
        """The outputs [steps, batch, …] or the last one, and the last states."""
        emit, length = self.emit, start.sequence.shape[0]
        if not isinstance(length, int):
            raise NotLoweredError("only a sequence of known length can be unrolled")
        order = range(length)[:: -1 if self.backwards else 1]
        rows = emit.many("Unpack", start.sequence, num=length, axis=0)
        seen = [None] * length if start.seen is None else emit.many("Unpack", start.seen, num=length, axis=0)
        output, states, outputs = start.before, start.states, list[Tensor]()
        for at in order:
            output, states = self._step(rows[at], seen[at], output if start.before else None, states)
            outputs.append(output)
        if not self.whole:
            return outputs[-1], states
        outputs = outputs[:: -1 if self.backwards and self.in_time else 1]
        return emit("Pack", *outputs, axis=0, N=length), states

    def looped(self, start: Start) -> tuple[Tensor, States]:
        """The same by a loop, whose body holds the weights.

        What a turn only reads (the sequence, the mask, the number of steps) it hands on as it is, and LiteRT does not
        copy it.
        """
        emit, steps = self.emit, self.emit.size(start.sequence, 0)
        optional = {"seen": start.seen, "before": start.before, "steps": steps if isinstance(steps, Tensor) else None}
        if self.whole:
            optional["outputs"] = emit.zeros([steps, start.batch, *self.cell.shapes[self.cell.output]])
        after = emit.loop(
            {
                "done": np.int32(0),
                "sequence": start.sequence,
                **{f"state_{at}": state for at, state in enumerate(start.states)},
                **{name: tensor for name, tensor in optional.items() if tensor is not None},
            },
            goes_on=lambda now: emit("Less", now["done"], now.get("steps", steps)),
            turn=lambda now: self._turn(now, steps),
        )
        states = [after[f"state_{at}"] for at in range(len(start.states))]
        last = after.get("before", states[self.cell.output])
        return after["outputs"] if self.whole else last, states

    def _turn(self, now: Variables, steps: Size) -> dict[str, Tensor]:
        """The variables that one step changes."""
        emit, done = self.emit, now["done"]
        place = emit("Sub", emit("Sub", now.get("steps", steps), 1), done) if self.backwards else done
        row, seen = (
            emit("GatherV2", now[name], place, np.int32(0)) if name in now else None for name in ("sequence", "seen")
        )
        states = [now[f"state_{at}"] for at in range(len(self.cell.shapes))]
        assert row is not None
        output, states = self._step(row, seen, now.get("before"), states)
        changed = {"done": emit("AddV2", done, 1), **{f"state_{at}": state for at, state in enumerate(states)}}
        if "before" in now:
            changed["before"] = output
        if self.whole:
            at = emit("Pack", place if self.in_time else done, *[0] * (output.rank), axis=0, N=output.rank + 1)
            block = emit("ExpandDims", output, np.int32(0))
            changed["outputs"] = emit("XlaDynamicUpdateSlice", now["outputs"], block, at)
        return changed

    def _step(
        self, row: Tensor, seen: Tensor | None, before: Tensor | None, states: States
    ) -> tuple[Tensor, list[Tensor]]:
        """The output and the states; where the step is not `seen` [batch, 1], the states are those before it."""
        made = self.cell.step(row, states)
        if seen is None:
            return made[self.cell.output], made
        kept = [self._where(seen, new, old) for new, old in zip(made, states, strict=True)]
        if before is None:
            return kept[self.cell.output], kept
        return self._where(seen, made[self.cell.output], np.float32(0) if self.zeros else before), kept

    def _where(self, seen: Tensor, new: Tensor, old: Operand) -> Tensor:
        while seen.rank < new.rank:
            seen = self.emit("ExpandDims", seen, np.int32(-1))
        return self.emit("SelectV2", seen, new, old)
