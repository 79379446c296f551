"""What the gradient solvers share (`dance`, `dance-refined`, `dance-exact`, `edd`, `separate`).

- `descent`: Adam on architecture parameters, many searches in one batch; `plan`: how a round divides its budget.
- `hdx`: hard constraints by gradient manipulation.
- `evaluated`: the designs that a run has evaluated, none of them twice.
- `options`: option indices and one-hot probabilities; `threads`: torch's threads, capped for a while.
"""
