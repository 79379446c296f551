"""What is known of a problem as a whole: its optimum, its Pareto front, how its halves depend on each other.

- `exact`: the exact optimum, Pareto front and best design under limits, by enumeration.
- `optimum`: the proved optimum of spaces too large to enumerate, by bounds.
- `coupling`: how much network and accelerator depend on each other.
- `hardware`: the exact best accelerator of given networks.
- `explanation`: why a design costs what it costs.
"""
