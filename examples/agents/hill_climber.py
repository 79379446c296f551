"""An agent in plain Python: hill climbing with restarts, over JSON lines. It imports nothing of this library.

Compare it:  dance compare tiny --budget 200 --solver random "cmd:python examples/agents/hill_climber.py"
"""

import json
import random
import sys


def ask(designs):
    """Send designs, and return their evaluations; end where the platform says so."""
    print(json.dumps({"type": "evaluate", "designs": designs}), flush=True)
    answer = json.loads(sys.stdin.readline())
    if answer["type"] != "evaluations":  # "stop": the budget is spent; "error": a mistake in this program
        print(answer, file=sys.stderr)
        sys.exit(0 if answer["type"] == "stop" else 1)
    if answer["left"] == 0:
        sys.exit(0)
    return answer["evaluations"]


def rank(evaluation):
    """Less is better: feasible first, then the objective; null stands for infinity."""
    return tuple(float("inf") if evaluation[name] is None else evaluation[name] for name in ("violation", "objective"))


def main():
    """Climb from random designs until the platform says stop."""
    task = json.loads(sys.stdin.readline())
    counts = [len(choice["options"]) for choice in task["choices"]]
    rng = random.Random(task["seed"])
    while True:
        here = ask([[rng.randrange(count) for count in counts]])[0]
        while True:
            around = []
            for _ in range(8):
                design = list(here["design"])
                column = rng.randrange(len(counts))
                design[column] = rng.randrange(counts[column])
                around.append(design)
            best = min(ask(around), key=rank)
            if rank(best) >= rank(here):
                break
            here = best


main()
