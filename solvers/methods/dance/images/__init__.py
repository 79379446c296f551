"""DANCE on images: shared weights and the network choice are trained in turns, and the choice pays for hardware.

Read in this order:

- `solver`: `DanceImages`, the solver on the common contract
- `search`: the loss and its two kinds of step; `gates` (sampled paths and their gradients), `hardware` (what the choice
  pays), `grow` (a quick start), `warm_up` (a start that several runs share)
- `settings`: of search and final training, with a preset for each image task
- `training/`: weight steps, checkpoints, several processes, and training from scratch
- `folder` (what a run keeps), `plots`, `sweep` (many runs), `supernet_training` (what `dance supernet` trains)
"""
