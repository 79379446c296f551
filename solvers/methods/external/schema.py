"""The messages of the protocol as a JSON schema."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any


def schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) that every message follows, in either direction."""
    return json.loads(files("solvers.methods.external").joinpath("protocol.schema.json").read_text(encoding="utf-8"))
