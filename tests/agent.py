"""A scripted agent for tests: samples designs with the seed that it is given, and misbehaves as it is told."""

import json
import os
import random
import subprocess
import sys
import time

MODE = sys.argv[1] if len(sys.argv) > 1 else "good"
BATCH = int(sys.argv[2]) if len(sys.argv) > 2 else 8


def say(message):
    sys.stdout.write((message if isinstance(message, str) else json.dumps(message)) + "\n")
    sys.stdout.flush()


def hear():
    line = sys.stdin.readline()
    if not line:
        sys.exit(0)
    return json.loads(line)


def main():
    if MODE == "exits":
        sys.stderr.write("cannot open the model\n")
        sys.exit(3)
    if MODE == "forever-line":
        while True:
            sys.stdout.write("x" * 65536)
    task = hear()
    options = [each["options"] for each in task["choices"]]
    rng = random.Random(task["seed"])
    asked = 0

    def designs(count=BATCH):
        return [[rng.randrange(len(each)) for each in options] for _ in range(count)]

    def named(design):
        return {each["name"]: each["options"][option] for each, option in zip(task["choices"], design, strict=True)}

    while True:
        asked += 1
        if MODE == "names":
            say({"type": "evaluate", "designs": [named(each) for each in designs()]})
        elif MODE == "stops" and asked == 2:
            say({"type": "stop"})
            return
        elif MODE == "sleeps" and asked == 2:
            child = subprocess.Popen(["sleep", "600"])
            with open(sys.argv[3], "w") as file:
                file.write(f"{os.getpid()} {child.pid} ")
            time.sleep(600)
        elif MODE == "crashes" and asked == 2:
            raise RuntimeError("out of ideas")
        elif MODE == "mixed":
            mistakes = [
                "hello",
                '{"type": "evaluate", "designs": [[NaN]]}',
                "[" * 100000,
                {"type": "evaluate"},
                {"type": "evaluate", "designs": []},
                {"type": "evaluate", "designs": [[0]]},
                {"type": "evaluate", "designs": [[10**30, *[0] * (len(options) - 1)]]},
                {"type": "evaluate", "designs": [[True, *[0] * (len(options) - 1)]]},
                {"type": "evaluate", "designs": [named(designs(1)[0]) | {task["choices"][0]["name"]: "mb9"}]},
                {"type": "evaluate", "designs": designs(1) * (task["most_designs"] + 1)},
                "x" * (17 << 20),
            ]
            for mistake in mistakes:
                say("\n")
                say(mistake)
                assert hear()["type"] == "error"
                say({"type": "evaluate", "designs": designs(1)})
                assert hear()["type"] == "evaluations"
            say({"type": "stop"})
            return
        elif MODE == "nonsense":
            say("I think that the first block should be wider.")
        else:
            say({"type": "evaluate", "designs": designs()})
        if hear()["type"] == "stop":
            return


main()
