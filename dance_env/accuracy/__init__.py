"""The accuracy room: how well a network classifies.

`AccuracyModel` is the contract; `TensorAccuracy` holds one number per network of an enumerable space.
"""

from dance_env.accuracy.model import AccuracyModel, RelaxableAccuracy
from dance_env.accuracy.tensor import TensorAccuracy

__all__ = ["AccuracyModel", "RelaxableAccuracy", "TensorAccuracy"]
