"""How fast designs are judged: `Problem.evaluate` and the vector environment, beside Gymnasium's own CartPole.

    python benchmarks/throughput.py [--task macro-cifar10/balanced] [--num-envs 4096] [--seconds 2]

Every row is the median over many repetitions of one batched call, in this process, after a warm-up. The yardstick is
CartPole as Gymnasium's native vector environment (`vectorization_mode="vector_entry_point"`), stepped in the same run.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import gymnasium
import numpy as np

import dance_env

_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
_PREPARED = 16


@dataclass(frozen=True)
class Args:
    """What to measure.

    Attributes:
        task: name of the task.
        num_envs: rows of each batched call.
        seconds: time for each row of the table.
    """

    task: str
    num_envs: int
    seconds: float


def rate(call: Callable[[int], object], rows: int, *, seconds: float) -> float:
    """Rows per second: the median over repeated calls; `call` is given the number of the repetition."""
    for number in range(3):
        call(number)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while time.perf_counter() < until or len(times) < 5:
        start = time.perf_counter()
        call(len(times))
        times.append(time.perf_counter() - start)
    return rows / statistics.median(times)


def evaluate_rate(args: Args) -> float:
    """Designs per second through `Problem.evaluate`."""
    problem = dance_env.make_problem(args.task)
    rng = np.random.default_rng(0)
    batches = [problem.space.sample(rng, args.num_envs) for _ in range(_PREPARED)]
    return rate(lambda number: problem.evaluate(batches[number % _PREPARED]), args.num_envs, seconds=args.seconds)


def step_rate(env: gymnasium.vector.VectorEnv, *, seconds: float) -> float:
    """Environment steps per second; the actions are drawn beforehand."""
    env.reset(seed=0)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(_PREPARED)]
    return rate(lambda number: env.step(actions[number % _PREPARED]), env.num_envs, seconds=seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--task", default="macro-cifar10/balanced", choices=dance_env.task_names(needs_supernet=False))
    parser.add_argument("--num-envs", type=int, default=4096)
    parser.add_argument("--seconds", type=float, default=2.0)
    args = Args(**vars(parser.parse_args()))

    threads = ", ".join(f"{name}={os.environ.get(name, 'unset')}" for name in _THREAD_VARIABLES)
    print(f"Python {platform.python_version()}, NumPy {np.__version__}, Gymnasium {gymnasium.__version__}")
    print(f"{os.cpu_count()} cores seen; one process; {threads}")
    print(f"task {args.task}, batches of {args.num_envs}\n")

    rows = {}
    for style in dance_env.EPISODE_NAMES:
        env = gymnasium.make_vec(
            "dance_env/CoDesign-v0",
            num_envs=args.num_envs,
            vectorization_mode="vector_entry_point",
            task=args.task,
            episode=style,
        )
        note = "one design a step" if style != "sequential" else f"one design every {env.episode.horizon} steps"
        rows[f"step, {style} ({note})"] = step_rate(env, seconds=args.seconds)
    evaluate = evaluate_rate(args)
    cartpole = step_rate(
        gymnasium.make_vec("CartPole-v1", num_envs=args.num_envs, vectorization_mode="vector_entry_point"),
        seconds=args.seconds,
    )
    print(f"{'':<52}{'per second':>14}{'x CartPole':>12}")
    print(f"{'problem.evaluate':<52}{evaluate:>14,.0f}{evaluate / cartpole:>12.2f}")
    for name, value in rows.items():
        print(f"{name:<52}{value:>14,.0f}{value / cartpole:>12.2f}")
    print(f"{'step, CartPole-v1 (Gymnasium, native vector env)':<52}{cartpole:>14,.0f}{1:>12.2f}")


if __name__ == "__main__":
    main()
