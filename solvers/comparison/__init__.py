"""Solvers compared: `compare` (the grid of runs), `cell` (one run), `workers` (processes), `console` (the terminal)."""
