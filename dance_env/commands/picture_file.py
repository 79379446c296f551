"""The file of a picture, as it is written on a command line."""

from __future__ import annotations

import argparse
from pathlib import Path

PICTURES = (".png", ".svg", ".pdf")


def picture_file(text: str) -> Path:
    """Return the path of a picture; a wrong ending is told before any work.

    Raises:
        ArgumentTypeError: If the ending is none of `PICTURES`.
    """
    path = Path(text)
    if path.suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"a picture ends with one of {', '.join(PICTURES)}, not {text!r}")
    return path
