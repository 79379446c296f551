"""The language models of HW-GPT-Bench (Sukthanker et al., 2024, github.com/automl/HW-GPT-Bench), in three sizes.

Each network is part of one trained supernet with a context of 1,024 tokens. A head has 64 features whatever the
embedding (the supernet's `head_size`), positions are rotary, and the scores of the tokens share the embedding's table.
"""

from __future__ import annotations

from functools import cache

from dance_env.graph.phase import Prefill
from dance_env.graph.transformer_space import TransformerSpace

_RATIOS = (2, 3, 4)


@cache
def gpt_s() -> TransformerSpace:
    """10 to 12 layers: 5.1e12 designs, 1.9e12 different networks."""
    return TransformerSpace("gpt-s", (192, 384, 768), (10, 11, 12), (4, 8, 12), _RATIOS, Prefill(512))


@cache
def gpt_m() -> TransformerSpace:
    """22 to 24 layers: 1.4e24 designs, 5.4e23 different networks."""
    return TransformerSpace("gpt-m", (256, 512, 1024), (22, 23, 24), (8, 12, 16), _RATIOS, Prefill(512))


@cache
def gpt_l() -> TransformerSpace:
    """34 to 36 layers: 4.1e35 designs, 1.5e35 different networks."""
    return TransformerSpace("gpt-l", (320, 640, 1280), (34, 35, 36), (8, 16, 20), _RATIOS, Prefill(512))
