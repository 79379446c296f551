"""The cost model held against others.

- `audit`: reference points (`reference` reads them, `columns` their mappings), the command `dance audit`.
- `agreement`: do two models rank alike (`ranks`); `agreement_points`, `agreement_report`, `agreement_command`: the command
  `dance agreement`.
"""
