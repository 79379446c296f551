"""The tool of external_cost_model.py: prices one layer on one accelerator. It could be any program in any language.

A worker reads one JSON object from standard input, and writes one to standard output: "cycles" and "energy_pj", or
"unmappable" with the reason. Whatever it writes to standard error is kept as the reason of a failure.
"""

import json
import sys


def price(layer, accelerator):
    """A systolic array with one word a cycle for each column, and no overlap of loading and computing."""
    groups = layer["groups"]
    rows, columns = layer["C"] // groups * layer["R"] * layer["S"], layer["K"] // groups
    if layer["groups"] > 1 and rows == 1:
        return {"unmappable": "this array needs more than one product for each output"}
    folds = -(-rows // accelerator["pe_y"]) * -(-columns // accelerator["pe_x"]) * groups
    pixels = layer["P"] * layer["Q"]
    cycles = folds * (pixels + accelerator["pe_x"] + accelerator["pe_y"])
    words = folds * pixels * (accelerator["pe_y"] + 2 * accelerator["pe_x"])
    return {"cycles": cycles, "energy_pj": 4.3 * rows * columns * groups * pixels + 7.4 * words}


request = json.load(sys.stdin)
json.dump(price(request["layer"], request["accelerator"]), sys.stdout)
