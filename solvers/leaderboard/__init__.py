"""The leaderboard of a class: run folders that others hand in, verified, ranked, and shown on one page.

Nothing that a submission says is trusted: designs are evaluated again, tasks are made by the names that the catalog or the
caller gives, and no code of a submission runs. docs/course.md says what a verified record proves and what not.

- `submission`: the folders, and what can be read of their records.
- `assignment`: the task, budget and seeds that count; what most submissions have, where the caller does not say.
- `judging`: which runs count, with the reason where one does not; the ranks.
- `answer`: the leaderboard as a table and as JSON; `page`: as one HTML file; `templates`: its markup.
"""

from solvers.leaderboard.assignment import Assignment
from solvers.leaderboard.judging import Entry, Leaderboard, Refused, leaderboard
from solvers.leaderboard.submission import Submission, read_submissions

__all__ = ["Assignment", "Entry", "Leaderboard", "Refused", "Submission", "leaderboard", "read_submissions"]
