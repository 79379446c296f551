"""What exported Timeloop files cost, from the files alone: the loop nest is walked step by step (`simulated_nest`).

    python tests/timeloop_files.py    # writes tests/golden/timeloop/*.yaml again

Nothing of `dance_env` is used to evaluate them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml
from simulated_nest import walk

GOLDEN = Path(__file__).parent / "golden" / "timeloop"
DIMS = "CMGRSPQ"
PLACES = {("DRAM", "temporal"): 0, ("GLB", "temporal"): 1, ("inter_PE_column_spatial", "spatial"): 2,
          ("inter_PE_spatial", "spatial"): 3, ("RF", "temporal"): 4}  # fmt: skip
LEVELS = ("dram", "glb", "rf")


@dataclass(frozen=True)
class Found:
    """What was counted."""

    cycles: float
    energy_pj: float
    area_um2: float
    words: dict[str, float]


def evaluate(files: Mapping[str, str], layer: str) -> Found:
    """Return what one layer of an export costs, by its architecture, tables, problem and mapping."""
    hardware, energy, area = (yaml.safe_load(files[f"{name}.yaml"]) for name in ("arch", "ERT", "ART"))
    components = {part["name"].split("[")[0]: part for part in hardware["architecture"]["subtree"][0]["local"]}
    attributes = {name: part["attributes"] for name, part in components.items()}
    ert = {_short(t["name"]): {a["name"]: a["energy"] for a in t["actions"]} for t in energy["ERT"]["tables"]}
    art = {_short(t["name"]): t["area"] for t in area["ART"]["tables"]}
    instance = yaml.safe_load(files[f"{layer}/problem.yaml"])["problem"]["instance"]
    factors, orders = _nest(yaml.safe_load(files[f"{layer}/mapping.yaml"])["mapping"], components)
    for i, d in enumerate(DIMS):
        assert math.prod(row[i] for row in factors) == instance[d]
    assert math.prod(factors[2]) <= attributes["RF"]["meshX"]
    assert math.prod(factors[3]) <= attributes["RF"]["meshY"]
    words = _words(factors, instance, orders)
    pes = math.prod(factors[2]) * math.prod(factors[3])
    cycles = _cycles(words, math.prod(instance[d] for d in DIMS) // pes, attributes)
    total = _energy(words, cycles, pes, ert, attributes, macs=math.prod(instance[d] for d in DIMS))
    count = {name: part["attributes"]["meshX"] * part["attributes"]["meshY"] for name, part in components.items()}
    return Found(cycles, total, sum(each * count[name] for name, each in art.items()), words)


def _nest(directives: list[dict], components: Mapping[str, dict]) -> tuple[list[list[int]], dict[str, list[int]]]:
    factors, orders = [[1] * len(DIMS) for _ in range(5)], {}
    for each in directives:
        assert each["target"] in components
        if each["type"] == "bypass":
            held = {"Weights", "Inputs", "Outputs"}
            keeps = set() if each["target"].startswith("inter_") else held
            assert (set(each["keep"]), set(each["bypass"])) == (keeps, held - keeps)
            continue
        trips = {d: int(n) for d, n in re.findall(r"([A-Z])=(\d+)", each["factors"])}
        assert sorted(trips) == sorted(each["permutation"]) == sorted(DIMS)
        place = PLACES.get((each["target"], each["type"]))
        if place is None:
            assert set(trips.values()) == {1}
            continue
        factors[place] = [trips[d] for d in DIMS]
        orders[each["target"]] = [DIMS.index(d) for d in each["permutation"]]
        if each["type"] == "spatial":  # the first `split` dims of the permutation lie along X
            assert each["split"] == {2: len(DIMS), 3: 0}[place]
    return factors, orders


def _words(factors: list[list[int]], instance: Mapping[str, int], orders: Mapping[str, list[int]]) -> dict[str, float]:
    """Words read and written of each tensor, by level."""
    stride = instance["Hstride"]
    assert instance["Wstride"] == stride
    way = {tensor: walk(tensor, factors, stride, orders["GLB"], orders["DRAM"]) for tensor in "WIO"}
    macs, outputs = (math.prod(instance[d] for d in dims) for dims in (DIMS, "MGPQ"))
    pes = math.prod(factors[2]) * math.prod(factors[3])
    spread = math.prod(factors[2][DIMS.index(d)] * factors[3][DIMS.index(d)] for d in "MGPQ")
    found: dict[str, float] = {}
    for tensor in "WI":
        own = way[tensor]
        found |= {
            f"dram_{tensor}_rd": own["dram"], f"dram_{tensor}_wr": 0.0,
            f"glb_{tensor}_rd": own["glb"], f"glb_{tensor}_wr": own["dram"],
            f"rf_{tensor}_rd": pes * math.floor(macs // pes + own["passed"] + 0.5),
            f"rf_{tensor}_wr": pes * math.floor(own["fills"] + own["passed"]),
        }  # fmt: skip
    out, updates = way["O"]["dram"], way["O"]["glb"]
    first = outputs // spread * pes  # each PE that starts a partial sum does not read it
    return found | {
        "dram_O_rd": out - outputs, "dram_O_wr": out,
        "glb_O_rd": updates - outputs, "glb_O_wr": updates + out - outputs,
        "rf_O_rd": macs - first, "rf_O_wr": macs + updates / spread * pes - first,
    }  # fmt: skip


def _cycles(words: Mapping[str, float], compute: int, attributes: Mapping[str, dict]) -> float:
    ports = [
        (sum(words[f"glb_{t}_rd"] for t in "WIO"), attributes["GLB"].get("read_bandwidth", math.inf)),
        (sum(words[f"glb_{t}_wr"] for t in "WIO"), attributes["GLB"].get("write_bandwidth", math.inf)),
        (
            sum(words[f"dram_{t}_{w}"] for t in "WIO" for w in ("rd", "wr")),
            attributes["DRAM"].get("shared_bandwidth", math.inf),
        ),
    ]
    return max(compute, *(math.ceil(demand / rate) for demand, rate in ports))


def _energy(
    words: Mapping[str, float],
    cycles: float,
    pes: int,
    ert: Mapping[str, dict],
    attributes: Mapping[str, dict],
    *,
    macs: int,
) -> float:
    total = macs * ert["MAC"]["compute"] + cycles * (ert["GLB"]["leak"] + pes * ert["RF"]["leak"])
    row = {name: attributes[name]["width"] // attributes[name]["datawidth"] for name in ("DRAM", "GLB", "RF")}
    for tensor in "WIO":
        fills = words[f"dram_{tensor}_rd"]
        updates = words[f"glb_{tensor}_wr"] - fills
        total += words[f"rf_{tensor}_rd"] * ert["RF"]["read"] + words[f"rf_{tensor}_wr"] * ert["RF"]["write"]
        total += math.ceil(words[f"glb_{tensor}_rd"] / row["GLB"]) * ert["GLB"]["read"]
        total += math.ceil(fills / row["GLB"]) * ert["GLB"]["write"]
        total += math.ceil(updates / row["GLB"]) * ert["GLB"]["update"]
        total += math.ceil(fills / row["DRAM"]) * ert["DRAM"]["read"]
        total += math.ceil(words[f"dram_{tensor}_wr"] / row["DRAM"]) * ert["DRAM"]["update"]
    return total


def _short(name: str) -> str:
    return name.rpartition("[")[0].rpartition(".")[2]


if __name__ == "__main__":
    from test_export import kinds_design

    from dance_env.exporting.timeloop import timeloop_files

    written = timeloop_files(kinds_design())
    GOLDEN.mkdir(parents=True, exist_ok=True)
    for name, text in written.items():
        (GOLDEN / name.replace("/", ".")).write_text(text)
