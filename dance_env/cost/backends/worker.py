"""Answers one request with a tool's `price` function: JSON in, JSON out. Runs as a script, see `process`.

    python -P worker.py zigzag_worker.py

The file named on the command line defines `price(request) -> answer`. Nothing of dance_env is imported here or there:
any interpreter that has the tool can run them.
"""

from __future__ import annotations

import json
import os
import runpy
import sys


def main(worker: str) -> None:
    """Answer the request on standard input; whatever the tool itself prints goes to standard error."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    price = runpy.run_path(worker)["price"]
    answers.write(json.dumps(price(json.load(sys.stdin))))
    answers.close()


if __name__ == "__main__":
    main(sys.argv[1])
