"""Accuracy from real images: data sets, the over-parameterised network, and the accuracy model it becomes (torch).

Never imported by default. Rooms inside:

- images: `sources`, `mnist`, `hugging_face` (where they come from), `image_data` (splits, batches), `augment`,
  `catalog` (by name)
- `network` (the over-parameterised network), `gates` (sampled paths and their gradients), `grow` (a quick start),
  `training` (steps, settings), `distributed` (several processes)
- `accuracy` (`SupernetAccuracy`), `weights_file` (a trained supernet on disk), `checkpoint` (files of any training)
- randomness: `streams` (every draw has a name, so a resumed run needs no generator state)
"""
