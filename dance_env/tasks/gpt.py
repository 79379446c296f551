"""The tasks `gpt-s/...`, `gpt-m/...`, `gpt-l/...`: language models that read a prompt and write an answer."""

from __future__ import annotations

from dance_env.accuracy.hw_gpt_bench import Perceptron, load_factors
from dance_env.graph import Decode, Phase, Prefill
from dance_env.objective import EDAP, Constraint, Linear, Objective, WorstCase
from dance_env.tasks.family import Family, Loaded, Sources, Task, Variant

PROMPT = 512
"""Tokens that are read, and entries of the cache while tokens are written."""


def _answer(tokens: int) -> dict[str, tuple[Phase, float]]:
    """A prompt that is read once, and an answer of so many tokens."""
    return {"prefill": (Prefill(PROMPT), 1.0), "decode": (Decode(PROMPT), float(tokens))}


SHORT, LONG = _answer(8), _answer(64)
"""At the proved optima reading takes 0.5 to 0.7 of the time of a short answer, and 0.11 to 0.15 of that of a long one."""

# The other way to use an accelerator: in steps, a chunk of a prompt or a token, each to be done soon. 32 tokens take about
# as long as one: middling networks take 1.5 to 2.2 times as long for the chunk with 64 PEs, 0.84 to 0.98 times with 256.
STEPS: dict[str, tuple[Phase, float]] = {"chunk": (Prefill(32), 1.0), "decode": (Decode(PROMPT), 1.0)}

# Over random networks of gpt-s, each on the accelerator that is best for it, the medians for a short answer are
# 0.026 J s mm2, 0.16 s, 0.16 J and 1.0 mm2. The weights make latency, energy and area worth 3, 1.6 and 2 points of perplexity.
_SHORT_COST = Linear(latency_s=20.0, energy_j=10.0, area_mm2=2.0)
# For a long answer they are 0.53 J and 0.64 mm2: 5.3 and 2.6 points.
_LONG_COST = Linear(energy_j=10.0, area_mm2=4.0)

VARIANTS: dict[str, Variant] = {
    "edap": Variant(Objective(EDAP(reference_js_mm2=0.025), weight=1.0), phases=SHORT),
    "linear": Variant(Objective(_SHORT_COST, weight=1.0), phases=SHORT),
    "first-token-limited": Variant(
        Objective(_LONG_COST, weight=0.5, constraints=(Constraint("prefill.latency_s", 0.06),)), phases=LONG
    ),
    "token-limited": Variant(
        Objective(_SHORT_COST, weight=0.5, constraints=(Constraint("decode.latency_s", 0.007),)), phases=SHORT
    ),
    "interactive": Variant(
        Objective(
            _LONG_COST,
            weight=0.5,
            constraints=(Constraint("prefill.latency_s", 0.08), Constraint("decode.latency_s", 0.007)),
        ),
        phases=LONG,
    ),
    "energy-limited": Variant(
        Objective(
            Linear(latency_s=20.0, area_mm2=4.0), weight=0.5, constraints=(Constraint("decode.energy_j", 0.007),)
        ),
        phases=SHORT,
    ),
    "worst-case": Variant(
        Objective(WorstCase(Linear(latency_s=500.0, energy_j=200.0, area_mm2=1.0)), weight=1.0), phases=STEPS
    ),
}
"""Of gpt-s."""


# Medians as above, for a short answer: 0.28 J s mm2 for gpt-m, 1.3 for gpt-l.
def _larger(reference_js_mm2: float) -> dict[str, Variant]:
    return {"edap": Variant(Objective(EDAP(reference_js_mm2=reference_js_mm2), weight=1.0), phases=SHORT)}


def _load(task: Task, sources: Sources) -> Loaded:
    if sources.accuracy_table is not None:
        return Loaded(Perceptron.load(sources.accuracy_table, task.network), ("HW-GPT-Bench's perceptron",))
    return Loaded(load_factors(task.network).accuracy)


GPT = Family(
    variants={"gpt-s": VARIANTS, "gpt-m": _larger(0.25), "gpt-l": _larger(1.25)},
    default="edap",
    load=_load,
    source="factors that ship, fitted to HW-GPT-Bench (or accuracy_table=..., its perceptron)",
    takes=("accuracy_table",),
)
