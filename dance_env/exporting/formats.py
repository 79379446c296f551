"""The formats that a design is exported to, by name."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any

from dance_env.exporting.design_file import DesignFile
from dance_env.exporting.files import Files
from dance_env.suggest import nearest

FORMATS = {
    "timeloop": "dance_env.exporting.timeloop.export:timeloop_files",
    "accelforge": "dance_env.exporting.accelforge.export:accelforge_files",
    "zigzag": "dance_env.exporting.zigzag.export:zigzag_files",
    "onnx": "dance_env.exporting.network.export:onnx_files",
    "torch": "dance_env.exporting.network.export:torch_files",
    "json": "dance_env.exporting.formats:json_files",
}
"""Each is loaded when it is asked for."""
_WITH_WEIGHTS = ("onnx", "torch")


def export_files(
    design: DesignFile, form: str, *, seed: int = 0, state: Mapping[str, Any] | None = None
) -> dict[str, str | bytes]:
    """Return the files of a design in one format, by their paths.

    Args:
        design: The design.
        form: One of `FORMATS`.
        seed: Draws random weights, for "onnx".
        state: Weights, for "onnx" and "torch", as `dance_env.graph.to_torch.build(graph).state_dict()` names them.

    Raises:
        ImportError: If a package of the format is missing.
        ValueError: If there is no such format, or the design cannot be written in it; with the reason.
    """
    if form not in FORMATS:
        raise ValueError(f"there is no format {form!r}. {nearest(form, FORMATS)}")
    module, _, name = FORMATS[form].partition(":")
    export: Callable[..., Files] = getattr(import_module(module), name)
    return dict(export(design, seed=seed, state=state) if form in _WITH_WEIGHTS else export(design))


def json_files(design: DesignFile) -> Files:
    """Return ``design.json``, which `DesignFile.read` reads."""
    return {"design.json": json.dumps(design.to_dict(), indent=1, allow_nan=False) + "\n"}
