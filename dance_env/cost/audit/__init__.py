"""The cost model held against others: `audit` (reference points, read by `reference`), `agreement` (other tools)."""
