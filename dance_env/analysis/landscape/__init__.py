"""The landscape of a problem: how hard it is to search, and whether network and accelerator belong together.

`measure` looks at every design where that is practical, and at random networks, each on every accelerator, where it is
not. The command `dance landscape TASK` prints what it finds.

- `measuring`: `measure` and what it finds (`Landscape`).
- `pricing`: the networks that are looked at, each on its best accelerator, and the reference objective.
- `descents`: steepest descents under single changes, from many starts at once.
"""

from dance_env.analysis.landscape.descents import Descents, Standing, descend
from dance_env.analysis.landscape.measuring import Landscape, measure
from dance_env.analysis.landscape.pricing import Reference

__all__ = ["Descents", "Landscape", "Reference", "Standing", "descend", "measure"]
