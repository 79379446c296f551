"""Training of weights: what the search and the final training share.

- `weights`: settings, one step of SGD, one evaluation
- `drive`: runs a training stage to its end, with checkpoints, so that being killed costs time and nothing else
- `distributed`: several processes that train together
- `final`: one network trained from scratch and tested; `ScratchAccuracy`, the accuracy model made of that
"""
