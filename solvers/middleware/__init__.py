"""Middleware: a solver around any solver, which changes how its questions are answered or billed. `NAME:SETTING=VALUE(SOLVER)`.

wrapper: what all of them are. cache: the accuracy model is asked once about each network. deduplicate: a repeat is never
paid. retry: a failing back end is asked again. average: each design is evaluated several times, and the solver told the
mean. time_limit: the search ends after so many seconds.
"""
