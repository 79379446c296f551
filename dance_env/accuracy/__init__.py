"""The accuracy room: how well a network classifies.

- `model`: `AccuracyModel`, the contract; `RelaxableAccuracy`, with expectations under probabilities; `SampledAccuracy`,
  with a supernet to train and so a gradient on sampled networks (`TrainedLater`: nothing is trained yet);
  `TimedAccuracy`, with the GPU-hours of each training; `NoisyAccuracy`, with the spread between trainings;
  `RepeatableAccuracy`, with further trainings of each network;
  `FidelityAccuracy`, with several training schedules; `DrawnAccuracy`, whose answers are drawn around others.
- `one_training`: `OneTraining`, the accuracy of one training of each network, reproducibly drawn.
- `imperfect`: `ImperfectAccuracy`, whose gradients are those of a supernet that ranks networks imperfectly.
- `tensor`: `TensorAccuracy`, one number per network of an enumerable space.
- `accuracy_table`: `read_accuracy_table()`, such numbers from a file of yours; `table_file`: CSV, JSON, Parquet.
- `factors`: `FactorAccuracy`, a sum of small tables, for spaces that cannot be enumerated.
- `accel_nasbench`: `load_accel_nasbench()`, fitted to ImageNet trainings (`fit_accel_nasbench` made it).
- `hw_gpt_bench`: perplexities of language models as such a sum, which ships (`fit_hw_gpt_bench` made them).
- `surrogate`: `load_surrogate()`, NAS-Bench-Macro as fitted weights that ship with the package (`fit` made them).
- `nas_bench_macro`: `load_table()`, the measured table itself, where a user has it or downloads it.
- `supernet/` (torch, never imported from here): accuracy by training.
"""

from dance_env.accuracy.accuracy_table import AccuracyTable, read_accuracy_table
from dance_env.accuracy.factors import FactorAccuracy
from dance_env.accuracy.model import (
    AccuracyModel,
    DrawnAccuracy,
    FactoredAccuracy,
    FidelityAccuracy,
    NamedError,
    NoisyAccuracy,
    RelaxableAccuracy,
    RepeatableAccuracy,
    SampledAccuracy,
    TimedAccuracy,
    TrainedLater,
)
from dance_env.accuracy.nas_bench_macro import load_table
from dance_env.accuracy.one_training import OneTraining
from dance_env.accuracy.surrogate import load_surrogate
from dance_env.accuracy.tensor import TensorAccuracy

__all__ = [
    "AccuracyModel",
    "AccuracyTable",
    "DrawnAccuracy",
    "FactorAccuracy",
    "FactoredAccuracy",
    "FidelityAccuracy",
    "NamedError",
    "NoisyAccuracy",
    "OneTraining",
    "RelaxableAccuracy",
    "RepeatableAccuracy",
    "SampledAccuracy",
    "TensorAccuracy",
    "TimedAccuracy",
    "TrainedLater",
    "load_surrogate",
    "load_table",
    "read_accuracy_table",
]
