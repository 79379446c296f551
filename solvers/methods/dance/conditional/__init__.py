"""`dance-conditional`, ours: one generator of designs for every lambda2 and deadline, trained once.

- `solver`: `DanceConditional` and its settings.
- `conditions`: what a design is asked for: factors on lambda2 and on the deadline.
- `generator`: the network from conditions to probabilities of all choices.
- `training`: descent on the relaxed objective over sampled conditions.
- `candidates`: networks that the generator proposes, their accelerators, and which of them are evaluated first.
"""

from solvers.methods.dance.conditional.solver import DanceConditional

__all__ = ["DanceConditional"]
