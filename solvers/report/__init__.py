"""What a comparison shows.

`summary` (numbers), `table` (text, CSV), `statistics` (Markdown), `statistics_files` (CSV, JSON), `plots` (PNG), `page` (the
written report).
"""
