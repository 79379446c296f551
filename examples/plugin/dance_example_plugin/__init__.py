"""A solver, a cost model and a task of one's own; each is imported when it is asked for by name."""
