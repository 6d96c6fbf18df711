"""TensorFlow's branches and loops.

What is known before the model runs is decided then: a branch whose condition is known is taken, a loop of as many turns
as are to be unrolled is written out. The rest becomes IF and WHILE with graphs of their own.
"""

from octavo.lower.control_flow.branch import lower_branch
from octavo.lower.control_flow.loop import lower_loop

__all__ = ["lower_branch", "lower_loop"]
