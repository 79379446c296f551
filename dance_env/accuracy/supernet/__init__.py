"""Accuracy from real images: data sets, the over-parameterized network, and the accuracy models made of them (torch).

Never imported by default. This room holds no training code: `trainable` says what can be trained, and a solver trains it
(`solvers.methods.dance.images`).

- images: `sources`, `mnist`, `hugging_face` (where they come from), `image_data` (splits, batches), `augment`,
  `catalog` (by name)
- `network` (the over-parameterized network, its paths and their gate gradients)
- `trainable` (networks and images that belong together), `accuracy` (`SupernetAccuracy`: a trained supernet judges),
  `untrained` (`UntrainedSupernet`: nothing is trained yet)
- files: `weights_file` (a trained supernet), `checkpoint` (tensors and a state, written whole)
- randomness: `streams` (every draw has a name, so a resumed run needs no generator state)
"""
