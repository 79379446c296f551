"""What a comparison shows: `summary` (numbers), `table` (text, CSV), `plots` (PNG), `page` (the written report)."""
