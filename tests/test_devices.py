"""Rank correlations with recorded devices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.devices import DEVICES, correlations, device_times, main, table


def columns(count: int) -> dict[str, list[str]]:
    return {name: [str(1.0 + row) for row in range(count)] for name in DEVICES.values()}


def test_throughput_and_latency_become_times() -> None:
    times = device_times(columns(5))
    assert (np.diff(times["ZCU102 (FPGA), latency"]) > 0).all()
    assert (np.diff(times["A100 (GPU), throughput"]) < 0).all()


def test_correlations_leave_out_what_was_not_recorded() -> None:
    given = columns(6)
    given["latency_zcu102"][0] = ""
    found = correlations({"ours": np.array([9.0, 1, 2, 3, 4, 5])}, device_times(given))["ours"]
    assert found["ZCU102 (FPGA), latency"] == pytest.approx([1, 1])
    assert found["TPUv3, throughput"][0] < 0
    assert "| ZCU102 (FPGA), latency | 1.00 / 1.00 |" in table({"ours": found})


def test_a_device_that_is_faster_than_time_is_refused() -> None:
    given = columns(3)
    given["throughput_a100"][1] = "-2"
    with pytest.raises(ValueError, match=r"throughput_a100 must hold numbers above 0, got -2\.0"):
        device_times(given)


def test_a_table_that_is_none_is_an_exit_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n")
    assert main(["--table", str(file)]) == 2
    assert "devices: " in capsys.readouterr().err
    assert main(["--table", str(tmp_path / "nothing.csv")]) == 2
