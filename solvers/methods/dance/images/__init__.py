"""DANCE on real images: search on sampled paths with a price on hardware, derive, train from scratch, test.

- `catalog` (tasks and hardware terms by name), `task` (what is searched), `settings` (how; presets), `hardware` (what
  the search pays)
- `search`, `final` (the two training stages), `drive` (runs a stage, with checkpoints), `run` (the whole)
- `sweep` (many runs), `warm_up` (the start that they share)
- `folder` (what is kept), `plots`, `show` (progress on the terminal)
"""
