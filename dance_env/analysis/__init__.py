"""What is known of a problem as a whole: its optimum, its Pareto front, how its halves depend on each other.

- `exact`: the exact optimum and Pareto front by enumeration; `choose`: the exact best design under limits (a command).
- `coupling`: how much network and accelerator depend on each other.
"""
