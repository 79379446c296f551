"""What a comparison leaves on disk, and how it is read again; docs/records.md is the reference.

manifest: what was compared, with what, and what it cost in all. folder: the records of a run folder. problems: the problem
that a record is of. merging: a comparison from run folders, nothing run. verifying: every recorded design evaluated again.
best_known: the best design of each problem, with where it comes from.
"""
