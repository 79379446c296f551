"""The claims room: what the DANCE paper says, claim by claim, against what is measured here.

- `claim` (what a tested claim is: figures, verdict, tables, pictures), `scale` (how much is spent: laptop, gpu, paper),
  `catalog` (the claims by name)
- one file per claim: `evaluator_accuracy`, `feature_forwarding`, `joint_beats_separate`, `joint_gain`, `search_cost`,
  `accelerators_by_objective`, `joint_on_images`; each a function `measure(scale, work) -> Claim`
- what they share: `work` (folder and progress), `problems`, `runs` (solver runs, kept on disk), `evaluator_quality`,
  `exact_ends` (enumerated or proved), `fronts` (error against cost, joint and separate), `recorded_cost` and `compared_cost`
  (search costs from records)
- `run` (runs what is not on record yet), `page` and `pictures` (the report)

`experiments/reproduce_dance.py` is the script.
"""
