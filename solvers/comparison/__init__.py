"""Solvers compared on tasks.

spec: what is compared; settings, plan: the grid of cells; compare: runs it; records: what is found again; run, table: what
comes out, one row per run; reference: what objectives are measured from.
"""
