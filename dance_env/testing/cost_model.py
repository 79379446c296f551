"""The checks that every cost model has to pass: run them on your own back end.

    from dance_env.testing.cost_model import check_cost_model
    check_cost_model(MyCostModel()).raise_if_failed()

They hold whatever the model is built on: shapes, units, that a batch equals its parts, that more silicon never
hurts a searched mapping, that nonsense is refused and NaN never comes out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import numpy as np

from dance_env.cost.model import ClockedCostModel, CostModel, LayerCost
from dance_env.space import DATAFLOWS, Hardware
from dance_env.testing.report import CheckFailed, Report, run_checks

LAYERS = np.array(
    [
        [32, 16, 8, 8, 1, 1, 1, 1],  # pointwise
        [16, 3, 16, 16, 3, 3, 1, 2],  # stem
        [24, 24, 8, 8, 3, 3, 24, 1],  # depthwise
        [10, 64, 1, 1, 1, 1, 1, 1],  # fully connected
    ],
    dtype=np.int64,
)
"""Layers that the checks use: rows as `dance_env.graph.LAYER_COLUMNS`."""
_ARRAYS = ((8, 8, 16), (16, 8, 16), (16, 16, 16), (16, 16, 32))
PJ_PER_MAC = (1e-3, 1e5)  # from far below a 5 nm adder to far above a word from DRAM for every operand
MM2_PER_PE = (1e-6, 10.0)


METHODS = ("evaluate_layers(rows, hardware)", "area_mm2(hardware)", "fingerprint()")
"""What a cost model must have."""


def check_cost_model(
    model: CostModel, *, checks: Iterable[str] | None = None, expected_failures: Mapping[str, str] | None = None
) -> Report:
    """Run the named checks on a cost model; they ask for some 250 costs of a layer on an accelerator.

    Args:
        model: The model.
        checks: Names of the checks to run; all of `CHECKS` by default.
        expected_failures: Checks that this model cannot pass, each with the reason. One that passes all the same is
            reported as a failure, so that the list stays true.

    Returns:
        The report; a failing check raises nothing, see `Report.raise_if_failed`. A model that lacks a method is
        reported as such, and no other check runs.

    Raises:
        ValueError: If a check does not exist.
    """
    name = f"cost model {model.__name__ if isinstance(model, type) else type(model).__name__}"
    methods = run_checks(model, CHECKS, name=name, only=["methods_are_there"])
    if not methods.passed:
        return methods
    return run_checks(model, CHECKS, name=name, only=checks, expected_failures=expected_failures)


def grid_hardware() -> Hardware:
    """The accelerators that the checks use: four arrays under each dataflow, H = 12."""
    sizes = np.repeat(np.array(_ARRAYS, dtype=np.int64), len(DATAFLOWS), axis=0)
    flows = np.tile(np.arange(len(DATAFLOWS)), len(_ARRAYS))
    return Hardware(pe_x=sizes[:, 0], pe_y=sizes[:, 1], rf_words=sizes[:, 2], dataflow=flows)


def methods_are_there(model: CostModel) -> None:
    """A cost model is an object with the methods evaluate_layers, area_mm2 and fingerprint."""
    if isinstance(model, type):
        raise CheckFailed(f"expected a cost model, got the class {model.__name__}; make one: {model.__name__}(...)")
    missing = [method for method in METHODS if not callable(getattr(model, method.partition("(")[0], None))]
    if missing:
        raise CheckFailed(
            f"it has no method {' and no method '.join(missing)}; `dance_env.cost.CostModel` describes each, and "
            "examples/custom_cost_model.py is a whole model"
        )


def costs_have_the_right_form(model: CostModel) -> None:
    """Seconds and joules are positive float64 (layers, accelerators); inf, both, where nothing can be mapped."""
    cost, hardware = model.evaluate_layers(LAYERS, grid_hardware()), grid_hardware()
    for name in ("latency_s", "energy_j"):
        leaf = getattr(cost, name)
        _require(isinstance(leaf, np.ndarray) and leaf.dtype == np.float64, f"{name} is no float64 array")
        _require(leaf.shape == (len(LAYERS), len(hardware)), f"{name} has shape {leaf.shape}")
        _require(not np.isnan(leaf).any(), f"{name} holds NaN")
        _require(bool((leaf > 0).all()), f"{name} holds {leaf.min()}")
    both = np.isinf(cost.latency_s) == np.isinf(cost.energy_j)
    _require(bool(both.all()), "a layer has no latency but an energy, or an energy but no latency")
    _require(bool(np.isfinite(cost.latency_s).any(axis=1).all()), "some ordinary layer cannot be mapped anywhere")


def units_are_plausible(model: CostModel) -> None:
    """No layer beats every PE working in every cycle; energy per MAC and area per PE are those of silicon."""
    cost, hardware = model.evaluate_layers(LAYERS, grid_hardware()), grid_hardware()
    k, c, p, q, r, s, groups, _ = LAYERS.T
    macs = (k * (c // groups) * p * q * r * s)[:, None].astype(np.float64)
    pes = (hardware.pe_x * hardware.pe_y)[None]
    if isinstance(model, ClockedCostModel):
        least = macs / pes / model.clock_hz
        faster = (cost.latency_s < least * (1 - 1e-9)).any()
        _require(not faster, "a layer is faster than all PEs at work all the time")
    mapped = np.isfinite(cost.energy_j)
    per_mac = (cost.energy_j / macs * 1e12)[mapped]
    low, high = PJ_PER_MAC
    _require(bool(((per_mac > low) & (per_mac < high)).all()), f"a MAC costs {per_mac.min():g} to {per_mac.max():g} pJ")
    area = model.area_mm2(hardware)
    _require(area.shape == (len(hardware),), f"area has shape {area.shape}")
    low, high = MM2_PER_PE
    per_pe = area / pes[0]
    _require(bool(((per_pe > low) & (per_pe < high)).all()), f"a PE takes {per_pe.min():g} to {per_pe.max():g} mm2")


def area_grows(model: CostModel) -> None:
    """More PEs and larger register files take more area, whatever the dataflow."""
    area = model.area_mm2(grid_hardware()).reshape(len(_ARRAYS), len(DATAFLOWS))
    _require(bool((np.diff(area, axis=0) > 0).all()), f"areas {area[:, 0]} mm2 of arrays {_ARRAYS} do not grow")


def larger_array_is_never_worse(model: CostModel) -> None:
    """What a small array can do, a larger one can: the energy-delay product never grows with columns or rows."""
    edp = _edp(model.evaluate_layers(LAYERS, grid_hardware())).reshape(len(LAYERS), len(_ARRAYS), len(DATAFLOWS))
    for i in range(2):
        worse = edp[:, i + 1] > edp[:, i] * (1 + 1e-9)
        _require(
            not worse.any(),
            f"{int(worse.sum())} layers cost more on {_ARRAYS[i + 1][:2]} than on {_ARRAYS[i][:2]} PEs",
        )


def more_work_never_costs_less(model: CostModel) -> None:
    """Twice the output channels have at least the energy-delay product of the layer."""
    twice = LAYERS.copy()
    depthwise = LAYERS[:, 6] > 1
    twice[:, 0] *= 2
    twice[depthwise, 1] *= 2
    twice[depthwise, 6] *= 2
    before, after = (_edp(model.evaluate_layers(rows, grid_hardware())) for rows in (LAYERS, twice))
    cheaper = after < before * (1 - 1e-9)
    _require(not cheaper.any(), f"{int(cheaper.sum())} (layer, accelerator) pairs get cheaper with twice the channels")


def batch_equals_single(model: CostModel) -> None:
    """A layer on an accelerator costs the same, to the bit, asked alone, in a batch, again, or in another order."""
    hardware = grid_hardware()
    batch = model.evaluate_layers(LAYERS, hardware)
    pairs = [(0, 0), (1, len(hardware) - 1), (2, 4), (3, 7)]
    for layer, accelerator in pairs:
        one = Hardware(**{n: getattr(hardware, n)[[accelerator]] for n in ("pe_x", "pe_y", "rf_words", "dataflow")})
        alone = model.evaluate_layers(LAYERS[[layer]], one)
        for name in ("latency_s", "energy_j"):
            a, b = getattr(alone, name)[0, 0], getattr(batch, name)[layer, accelerator]
            _require(a == b, f"{name} of layer {layer} is {a!r} alone and {b!r} in a batch")
    again = model.evaluate_layers(LAYERS[::-1].copy(), hardware)
    for name in ("latency_s", "energy_j"):
        same = np.array_equal(getattr(again, name)[::-1], getattr(batch, name))
        _require(same, f"{name} depends on the order of the layers, or on the call")


def nonsense_is_refused(model: CostModel) -> None:
    """Rows that are not layers raise TypeError, ValueError or OverflowError, and get no cost."""
    hardware = grid_hardware()
    nan = LAYERS[:1].astype(np.float64)
    nan[0, 2] = np.nan
    for what, rows in {
        "a dimension of 0": _with(2, 0),
        "a negative dimension": _with(0, -8),
        "a stride of 0": _with(7, 0),
        "groups that do not divide": _with(6, 7),
        "a layer too large to count": _with(0, 2**61),
        "NaN": nan,
        "seven columns": LAYERS[:1, :7],
    }.items():
        try:
            model.evaluate_layers(rows, hardware)
        except (TypeError, ValueError, OverflowError):
            continue
        raise CheckFailed(f"it costed a layer with {what}")


def fingerprint_is_stable(model: CostModel) -> None:
    """The fingerprint, under which results are kept, is a text that does not change between calls."""
    mark = model.fingerprint()
    _require(isinstance(mark, str) and len(mark) >= 8, f"its fingerprint is {mark!r}")
    model.evaluate_layers(LAYERS[:1], grid_hardware())
    _require(model.fingerprint() == mark, "its fingerprint changes with use")


CHECKS: dict[str, Callable[[CostModel], None]] = {
    check.__name__: check
    for check in (
        methods_are_there,
        costs_have_the_right_form,
        units_are_plausible,
        area_grows,
        larger_array_is_never_worse,
        more_work_never_costs_less,
        batch_equals_single,
        nonsense_is_refused,
        fingerprint_is_stable,
    )
}


def _require(holds: bool, otherwise: str) -> None:
    if not holds:
        raise CheckFailed(otherwise)


def _edp(cost: LayerCost) -> np.ndarray:
    return cost.latency_s * cost.energy_j


def _with(column: int, value: int) -> np.ndarray:
    rows = LAYERS[:1].copy()
    rows[0, column] = value
    return rows
