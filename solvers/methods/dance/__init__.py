"""DANCE (arXiv 2009.06237): gradient search for a network through a learned evaluator of its accelerator.

- `dance`: `Dance`, the paper's method in one file.
- `front`: `DanceFront`, the same search over a range of lambda2, for a Pareto front.
- `evaluator/`: the evaluator's two networks, their training sets, training and cache.
- `refined/`: `DanceRefined` and `DanceExact`, with refinements of ours.
- `conditional/`: `DanceConditional`, ours: one generator for every lambda2 and deadline.
- `images/`: the search on images, which trains a supernet.
"""
