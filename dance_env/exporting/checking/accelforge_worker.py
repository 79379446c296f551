"""Costs exported layers with AccelForge: `dance_env.cost.backends.worker` runs this file as a script.

Nothing of dance_env is imported here: AccelForge needs Python 3.12, and may live in another environment than we do. The
request holds ``clock_hz`` and ``layers``, each with its files by their names. The answer holds ``layers``, each with
``cycles``, ``energy_pj`` and ``words`` by our names; or ``error``.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

TENSORS = {"W": "F", "I": "I", "O": "O"}
WAYS = {"rd": "read", "wr": "write"}
READS = {"GLB": "GLB_read", "RF": "RF_read"}
APART = {"RF": "ACC"}  # outputs of all PEs in a memory of their own, where the file has one


def price(request: dict[str, Any]) -> dict[str, Any]:
    """Cost each layer with the mapping in its file."""
    return {"layers": [_layer(each["mapping.yaml"], request["clock_hz"]) for each in request["layers"]]}


def _layer(text: str, clock_hz: float) -> dict[str, Any]:
    import accelforge

    Path("mapping.yaml").write_text(text, encoding="utf-8")
    try:
        spec = accelforge.Spec.from_yaml("mapping.yaml")
        spec.model.metrics = accelforge.Metrics.all_metrics()
        found = spec.evaluate_mapping().data.iloc[0]
    except Exception as error:  # whatever a tool raises is its answer
        return {"error": f"{type(error).__name__}: {error}"}
    words = {}
    for memory in ("DRAM", "GLB", "RF"):
        for tensor, theirs in TENSORS.items():
            for way, action in WAYS.items():
                holders = (READS.get(memory, memory),) if way == "rd" else (memory, APART.get(memory))
                counts = (found.get(f"layer<SEP>action<SEP>{each}<SEP>{theirs}<SEP>{action}", 0.0) for each in holders)
                words[f"{memory.lower()}_{tensor}_{way}"] = float(sum(counts))
    return {
        "cycles": float(found["Total<SEP>latency"]) * clock_hz,
        "energy_pj": float(found["Total<SEP>energy"]) * 1e12,
        "words": words,
    }
