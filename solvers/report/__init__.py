"""What a comparison shows.

- `page`: the written report; everything in one folder. `html`: the page for a browser (a room).
- `summary`: the figures of each solver; `table`: on the terminal, as Markdown, as CSV; `latex`, `parquet`; `bill`: what it cost;
  `statistics` (Markdown), `statistics_files` (CSV, JSON).
- `anytime`: the best design so far, as numbers; `curves`, `plane`: figures; `figure`: what they share; `palette`: styles.
"""
