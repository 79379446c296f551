"""Solvers compared on tasks.

spec, typed_settings: what a contestant is; settings, sources: what is compared. plan: the grid of cells. compare: runs it,
by execution and work, in processes or on a cluster (rooms). records: what is found again. run, table: what comes out, one
row per run. spending: what each row of a trace had cost. reference: what objectives are measured from. listener: what is
reported meanwhile. trials, trial_files: what tuning came to. Rooms: statistics (what can be said of the runs), tuning
(settings chosen first), archive (manifest, reports from records, verification).
"""
