"""The cost model held against others.

- `audit`: reference points (`reference` reads them, `columns` their mappings).
- `agreement`: do two models rank alike (`ranks`); `disagreement`: where they part; `agreement_points`, `agreement_report`.
- `command`: `dance audit`.
"""
