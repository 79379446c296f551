"""Self-checks of the exercises: `check("1.1", answer)` says "right", "not yet", or what is wrong.

No solution is stored here: what is right is computed from the answer or from the library when a check runs.

- `exercise`: what a check is, and how an answer becomes a verdict.
- `lesson_1` ... `lesson_5`: the checks of each lesson, loaded when one of them is asked for.
"""

from checks.exercise import Verdict, check, judge

__all__ = ["Verdict", "check", "judge"]
