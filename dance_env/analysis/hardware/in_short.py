"""An accelerator in a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def accelerator_in_short(options: Mapping[str, Any]) -> str:
    """Return an accelerator in short, such as "16 x 8, RF 12, OS"."""
    words = [f"{options['pe_x']} x {options['pe_y']}", f"RF {options['rf_words']}", str(options["dataflow"])]
    if "glb_words" in options:
        words.append(f"GLB {options['glb_words'] * 2 / 1024:g} KiB")
    if "dram_words_per_cycle" in options:
        words.append(f"DRAM {options['dram_words_per_cycle']:g} words/cycle")
    return ", ".join(words)
