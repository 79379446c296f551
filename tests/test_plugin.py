"""The example plug-in, a distribution of its own: installed, found by its entry points, and used by name."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from caches import with_compiled_code
from filelock import FileLock

from dance_env import make_problem
from dance_env.tasks import is_made_by_user, plug_ins

ROOT = Path(__file__).resolve().parents[1]
PLUGIN = ROOT / "examples" / "plugin"

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def dance(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """The command line in an interpreter that has the plug-in; it is installed once for all workers of pytest."""
    pytest.importorskip("setuptools", reason="installs a distribution: needs setuptools 77 or later")
    base = tmp_path_factory.getbasetemp()
    site = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "plug-in-site"
    with FileLock(f"{site}.lock"):
        if not site.exists():
            source = shutil.copytree(PLUGIN, site.with_name("plug-in-source"))
            pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "install", "--quiet", "--no-index"]
            offline = ["--no-deps", "--no-build-isolation", "--no-compile", "--target", str(site), str(source)]
            subprocess.run([*pip, *offline], check=True, capture_output=True, timeout=500)
    cache = with_compiled_code(site.with_name("plug-in-cache"))
    paths = os.pathsep.join([str(site), str(ROOT)])

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "solvers.cli", *arguments]
        environment = os.environ | {"PYTHONPATH": paths, "DANCE_CACHE_DIR": str(cache)}
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=base, env=environment)

    return run


def answer(done: subprocess.CompletedProcess[str]) -> dict:
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def test_all_three_are_listed(dance: Run) -> None:
    task = next(row for row in answer(dance("tasks", "--json")) if row["name"] == "keyword-spotting")
    assert "dance-env-example-plugin" in task["objective"]
    solver = next(row for row in answer(dance("solvers", "--json")) if row["name"] == "coordinate-descent")
    assert solver["summary"].startswith("One choice after another")
    assert "keyword-spotting" in dance("tasks").stdout


def test_the_task_is_solved_by_the_solver_under_the_cost_model(dance: Run) -> None:
    found = answer(
        dance("solve", "keyword-spotting", "coordinate-descent", "--setting", "options=4", "--budget", "150", "--json")
    )
    assert found["feasible"]
    assert found["settings"] == {"options": 4}
    assert found["reference"]["kind"] == "exact optimum"
    assert 0 <= found["run"]["regret_pct"] < 25
    best = answer(dance("choose", "keyword-spotting", "--json"))
    assert best["objective"] == pytest.approx(found["reference"]["objective"])
    assert answer(dance("tasks", "keyword-spotting", "--json"))["designs"] == best["designs_compared"] == 24_576


def test_they_keep_their_contracts(dance: Run) -> None:
    cost_model = answer(dance("check", "--cost-model", "roofline", "--json"))
    assert cost_model["passed"]
    solver = answer(dance("check", "coordinate-descent", "--budget", "16", "--json"))
    assert solver["passed"]
    assert len(solver["checks"]) > 10


def test_readme_and_docs_name_what_is_there() -> None:
    project = (PLUGIN / "pyproject.toml").read_text(encoding="utf-8")
    offered = dict(re.findall(r'entry-points\."(dance_env\.\w+)"\]\n([\w-]+) = ', project))
    assert set(offered) == {"dance_env.solvers", "dance_env.cost_models", "dance_env.tasks"}
    readme = (PLUGIN / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "plug_in.md").read_text(encoding="utf-8")
    for group, name in offered.items():
        assert f"| `{group}` | `{name}` |" in readme
        assert group in page


@pytest.mark.parametrize("name", ["tiny", "tiny/edap", "odd:name", "odd@name"])
def test_a_name_that_is_taken_or_has_a_meaning_is_left_out(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    offered = EntryPoint(name, "somewhere:make", plug_ins.ENTRY_POINT_GROUP)
    monkeypatch.setattr(plug_ins, "entry_points", lambda group: [offered])
    with pytest.warns(UserWarning, match="it is left out"):
        assert plug_ins.plug_in_tasks() == {}


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("no_such_module:make", "cannot be made: ModuleNotFoundError"),
        ("os:abort_no_such", "cannot be made: AttributeError"),
        ("os:getcwd", "gives str, not a dance_env.Problem"),
    ],
)
def test_a_broken_plug_in_is_named(monkeypatch: pytest.MonkeyPatch, value: str, message: str) -> None:
    offered = EntryPoint("mine", value, plug_ins.ENTRY_POINT_GROUP)
    monkeypatch.setattr(plug_ins, "entry_points", lambda group: [offered])
    assert is_made_by_user("mine")
    assert not is_made_by_user("tiny")
    with pytest.raises(ValueError, match=rf"the task 'mine' of a plug-in \({value}\) {message}"):
        make_problem("mine")
