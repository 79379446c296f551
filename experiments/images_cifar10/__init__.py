"""The paper's central claim on real images: joint against separate search on CIFAR-10, at a schedule for two cores.

`python -m experiments.images_cifar10 --images FOLDER` runs it (`__main__`).

- `plan`: what is run, in which order, at which schedule
- `work`: one search with the training of its network, one training of the ranking; each leaves a record
- `statistics`: paired differences of errors, EDAP ratios at equal error, rank correlations, with intervals
- `page`: the report and its plot
"""
