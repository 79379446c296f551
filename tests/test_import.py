"""What `import dance_env` costs and gives."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import warnings

import gymnasium
import numpy as np
import pytest
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import SubprocVecEnv

import dance_env

HEAVY = ("torch", "stable_baselines3", "matplotlib", "numba", "pymoo", "networkx", "scipy", "pandas")
PROGRAM = f"""
import json, sys, time
start = time.process_time()
import dance_env
seconds = time.process_time() - start
print(json.dumps([seconds, [name for name in {HEAVY!r} if name in sys.modules]]))
"""


def _import_in_a_fresh_process() -> tuple[float, list[str]]:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=500)
    seconds, loaded = json.loads(done.stdout)
    return seconds, loaded


def test_import_is_light_and_takes_less_than_half_a_second() -> None:
    for _ in range(20):  # the first may read files from a cold disk; on a busy machine others take the caches
        seconds, loaded = _import_in_a_fresh_process()
        assert loaded == []
        if seconds < 0.5:
            return
    pytest.fail(f"import dance_env took {seconds:.2f} s of the processor")


def test_every_public_name_is_there() -> None:
    for name in dance_env.__all__:
        assert getattr(dance_env, name) is not None
    assert set(dance_env.__all__) <= set(dir(dance_env))


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'make_problems'\. Did you mean 'make_problem'"):
        dance_env.make_problems  # noqa: B018
    with pytest.raises(AttributeError, match=r"no attribute '__path_hook__'$"):
        dance_env.__path_hook__  # noqa: B018


def test_the_names_that_users_guess_are_there() -> None:
    for name in (
        "Objective",
        "Constraint",
        "EDAP",
        "Linear",
        "NetworkSpace",
        "Technology",
        "CostTable",
        "TensorAccuracy",
    ):
        assert name in dance_env.__all__
    assert set(dance_env.__all__) == {*dance_env._HOMES, "__version__"}


def test_environments_are_registered_by_lazy_entry_points() -> None:
    spec = gymnasium.spec("dance_env/CoDesign-v0")
    assert isinstance(spec.entry_point, str)
    assert isinstance(spec.vector_entry_point, str)
    assert gymnasium.spec("dance_env/MultiObjectiveCoDesign-v0").reward_threshold is None


def test_a_second_import_does_not_warn_of_overriding() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        importlib.reload(dance_env)


def test_stable_baselines3_makes_the_environment_in_its_worker_processes() -> None:
    """By the id with our package before the colon. Takes seconds: a worker is a fresh process, and imports torch."""
    envs = make_vec_env("dance_env:dance_env/CoDesign-v0", vec_env_cls=SubprocVecEnv, env_kwargs={"task": "tiny"})
    assert envs.reset().shape == (1, *envs.observation_space.shape)  # type: ignore[misc]
    _, rewards, dones, infos = envs.step(np.zeros((1, 7), dtype=np.int64))
    assert rewards[0] == -infos[0]["objective"]
    assert dones[0]
    envs.close()


def test_gymnasium_finds_the_environment_without_an_import_of_ours() -> None:
    program = (
        "import gymnasium\n"
        "try: gymnasium.make('dance_env:dance_env/CoDesign-v0', task='no such task')\n"
        "except ValueError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=500)
    assert "no such task" in done.stdout
