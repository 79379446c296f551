"""The contract suite of cost models: ours passes, and each thing that a model can do wrong is found by its check."""

from __future__ import annotations

import dataclasses
import runpy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dance_env.cost import EDGE_LPDDR4, TIMELOOP_45NM, AnalyticalCostModel, LayerCost, Technology
from dance_env.space import Hardware
from dance_env.testing.cost_model import CHECKS, check_cost_model, grid_hardware
from dance_env.testing.report import CheckFailed, run_checks


@dataclass(frozen=True)
class Toy:
    """Half of the PEs always work, a MAC costs 10 pJ: nothing is modeled, and the whole contract is kept."""

    technology: Technology = TIMELOOP_45NM

    def fingerprint(self) -> str:
        return "toy-model"

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        if rows.dtype.kind not in "iu" or rows.ndim != 2 or rows.shape[1] != 8:
            raise TypeError("rows: expected (layers, 8) integers")
        k, c, p, q, r, s, groups, _ = rows.T
        if (rows < 1).any() or (k % groups).any() or (c % groups).any() or (k > 2**40).any():
            raise ValueError("rows: no layers")
        macs = (k * (c // groups) * p * q * r * s)[:, None].astype(np.float64)
        cycles = 2 * macs / (hardware.pe_x * hardware.pe_y)
        return LayerCost(cycles / self.technology.clock_hz, np.broadcast_to(macs * 1e-11, cycles.shape).copy())

    @property
    def clock_hz(self) -> float:
        return self.technology.clock_hz

    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        return self.technology.area_mm2(hardware.pe_x * hardware.pe_y, hardware.rf_words)


@dataclass(frozen=True)
class Forgetful(Toy):
    calls: list = field(default_factory=list)

    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        self.calls.append(1)
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(cost.latency_s * (1 + 1e-6 * len(self.calls)), cost.energy_j)


class WithNaN(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(np.where(rows[:, [0]] == 32, np.nan, cost.latency_s), cost.energy_j)


class HalfInfinite(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(np.where(hardware.pe_x[None] == 8, np.inf, cost.latency_s), cost.energy_j)


class InCycles(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(cost.latency_s, cost.energy_j * 1e12)


class TooFast(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(cost.latency_s / 4, cost.energy_j)


class WorseWhenLarge(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(cost.latency_s, cost.energy_j * hardware.pe_y[None] ** 2)


class CheaperWhenWide(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        cost = super().evaluate_layers(rows, hardware)
        return LayerCost(cost.latency_s, cost.energy_j / rows[:, [0]] ** 3 * 1e4)


class FreeArea(Toy):
    def area_mm2(self, hardware: Hardware) -> np.ndarray:
        return np.ones(len(hardware))


class WithoutFingerprint(Toy):
    fingerprint = None


class Trusting(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        return super().evaluate_layers(np.maximum(np.nan_to_num(rows), 1).astype(np.int64), hardware)


@dataclass(frozen=True)
class Counting(Toy):
    calls: list = field(default_factory=list)

    def fingerprint(self) -> str:
        self.calls.append(1)
        return f"toy-model-{len(self.calls)}"


class Broken(Toy):
    def evaluate_layers(self, rows: np.ndarray, hardware: Hardware) -> LayerCost:
        raise RuntimeError("no such file")


def test_our_model_keeps_the_contract() -> None:
    check_cost_model(AnalyticalCostModel()).raise_if_failed()


def test_the_smallest_model_keeps_the_contract() -> None:
    report = check_cost_model(Toy())
    assert report.passed
    assert str(report).splitlines() == ["contract of cost model Toy:", *(f"ok    {name}" for name in CHECKS)]


@pytest.mark.parametrize(
    ("model", "check"),
    [
        (WithNaN(), "costs_have_the_right_form"),
        (HalfInfinite(), "costs_have_the_right_form"),
        (InCycles(), "units_are_plausible"),
        (TooFast(), "units_are_plausible"),
        (FreeArea(), "area_grows"),
        (WorseWhenLarge(), "larger_array_is_never_worse"),
        (CheaperWhenWide(), "more_work_never_costs_less"),
        (Forgetful(), "batch_equals_single"),
        (Broken(), "more_work_never_costs_less"),
        (Trusting(), "nonsense_is_refused"),
        (Counting(), "fingerprint_is_stable"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_finds(model: Any, check: str) -> None:
    report = check_cost_model(model, checks=[check])
    assert not report.passed
    assert f"FAIL  {check}: " in str(report)
    with pytest.raises(CheckFailed, match=check):
        report.raise_if_failed()


def test_one_error_is_shown_once_with_its_line() -> None:
    text = str(check_cost_model(Broken()))
    assert text.count("it raised RuntimeError: no such file (test_cost_contract.py, line ") == 1
    assert "FAIL  units_are_plausible: as costs_have_the_right_form" in text


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (object(), r"it has no method evaluate_layers\(rows, hardware\) and no method area_mm2\(hardware\) and no"),
        (WithoutFingerprint(), r"it has no method fingerprint\(\); `dance_env\.cost\.CostModel` describes each"),
        (Toy, r"expected a cost model, got the class Toy; make one: Toy\(\.\.\.\)"),
    ],
    ids=["nothing", "no fingerprint", "class"],
)
def test_says_which_methods_are_missing(model: Any, message: str) -> None:
    report = check_cost_model(model, checks=["area_grows"])
    assert len(report.outcomes) == 1
    with pytest.raises(CheckFailed, match=message):
        report.raise_if_failed()


def test_failures_can_be_declared() -> None:
    declared = {"area_grows": "area is an input of this tool"}
    report = check_cost_model(FreeArea(), expected_failures=declared)
    assert report.passed
    assert "known area_grows: area is an input of this tool" in str(report)
    # A declared failure that passes is none.
    assert "declared to fail, but passes" in str(check_cost_model(Toy(), expected_failures=declared))


def test_unknown_checks_are_refused() -> None:
    with pytest.raises(ValueError, match=r"there is no check 'area_grow'\. Did you mean 'area_grows'"):
        check_cost_model(Toy(), checks=["area_grow"])
    with pytest.raises(ValueError, match="there is no check"):
        check_cost_model(Toy(), expected_failures={"nothing": ""})


def test_checks_can_be_watched_and_called_with_a_limit() -> None:
    """What a suite needs that ends checks which take too long, and shows each as it ends."""

    def positive(value: int) -> None:
        """The value is positive."""
        if value <= 0:
            raise CheckFailed(f"it is {value}")

    def call(check: Any, value: int) -> None:
        check(value - 1)

    seen: list[str] = []
    report = run_checks(
        1, {"positive": positive}, name="a number", call=call, on_outcome=lambda outcome: seen.append(str(outcome))
    )
    assert str(report) == ("contract of a number:\nFAIL  positive: it is 0\n      the contract: The value is positive.")
    assert seen == [str(report).partition("\n")[2]]


def test_an_error_whose_text_cannot_be_shown_is_reported() -> None:
    class Unprintable(Exception):
        def __str__(self) -> str:
            raise TypeError("no text")

    def fails(value: int) -> None:
        raise Unprintable

    report = run_checks(1, {"fails": fails}, name="a number")
    assert "it raised Unprintable: (its message cannot be shown) (test_cost_contract.py, line" in str(report)


def test_of_a_long_message_the_beginning_is_reported() -> None:
    def fails(value: int) -> None:
        raise ValueError("first line\n" + "0.123 " * 5000)

    told = run_checks(1, {"fails": fails}, name="a number").outcomes[0].failure
    assert told.startswith("it raised ValueError: first line\n0.123 ")
    assert "... (30,011 characters) (test_cost_contract.py, line" in told
    assert len(told) < 1100


def test_checks_need_no_particular_technology() -> None:
    slow = dataclasses.replace(TIMELOOP_45NM, clock_hz=1e6)
    assert check_cost_model(Toy(slow)).passed
    assert len(grid_hardware()) == 12


def test_the_example_model_keeps_the_contract_and_bounds_ours(capsys):
    example = runpy.run_path(str(Path(__file__).resolve().parents[1] / "examples" / "custom_cost_model.py"))
    example["main"]()
    printed = capsys.readouterr().out
    assert "FAIL" not in printed
    assert printed.count("tiny/balanced") == 2
    row = np.array([[64, 32, 16, 16, 3, 3, 1, 1]])
    accelerator = Hardware.one(16, 16, rf_words=16, dataflow="WS")
    bound = example["Roofline"]().evaluate_layers(row, accelerator)
    ours = AnalyticalCostModel(technology=EDGE_LPDDR4).evaluate_layers(row, accelerator)
    assert bound.latency_s[0, 0] <= ours.latency_s[0, 0]
    assert bound.energy_j[0, 0] <= ours.energy_j[0, 0]


def test_the_docs_list_every_check_with_its_contract() -> None:
    page = (Path(__file__).parents[1] / "docs/own_cost_model.md").read_text(encoding="utf-8")
    for outcome in check_cost_model(AnalyticalCostModel()).outcomes:
        assert f"| `{outcome.check}` | {outcome.about} |" in page
