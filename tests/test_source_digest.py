"""The digest of code: it changes with every module that takes part, and with no other."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from importlib import metadata
from pathlib import Path

import pytest

from dance_env import source_digest as digests
from dance_env.source_digest import code_digest, digested_modules, forget, source_digest

FILES = {
    "plug/__init__.py": '"""A package that only imports names."""\nfrom plug.solver import Mine\n__all__ = ["Mine"]\n',
    "plug/solver.py": "import numpy\nfrom plug.rules import step\nclass Mine:\n    go = step\n",
    "plug/rules/__init__.py": "from .near import step\nfrom .far import leap\n",
    "plug/rules/near.py": "def step():\n    from ..deep import OFFSET\n    return OFFSET\n",
    "plug/rules/far.py": "def leap(): ...\n",
    "plug/deep.py": "from plug import constants as c\nOFFSET = c.ZERO\n",
    "plug/constants.py": "import plug.solver\nZERO = 0\n",  # a circle
    "plug/other.py": "NOT_IMPORTED = 1\n",
    "active/__init__.py": "import active.patch\nMODE = active.patch.MODE\n",
    "active/patch.py": "MODE = 1\n",
    "active/core.py": "",
    "single.py": "import beside\nimport random\n",
    "beside.py": "VALUE = 1\n",
    "lazy/__init__.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lazy.home import Name\n"
    "def __getattr__(name): ...\n",
    "lazy/home.py": "Name = 1\n",
    "lazy/away.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lazy import Name\n",
    "user.py": "from lazy import Name\n",
    "whole.py": "import lazy\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)
    forget()
    yield tmp_path
    forget()
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in {Path(each).parts[0].removesuffix(".py") for each in FILES}:
            del sys.modules[name]


@pytest.fixture
def changed_by(folder: Path) -> Callable[[str, str], bool]:
    """Whether an edit of a file changes the digest of a module."""

    def edit(file: str, module: str) -> bool:
        forget()
        before = source_digest(module)
        path = folder / file
        path.write_text(path.read_text() + "\nEDITED = True\n")
        forget()
        return source_digest(module) != before

    return edit


@pytest.mark.parametrize(
    "file", ["plug/solver.py", "plug/rules/near.py", "plug/deep.py", "plug/constants.py"], ids=lambda file: file
)
def test_an_edit_of_any_module_that_takes_part_changes_the_digest(
    file: str, changed_by: Callable[[str, str], bool]
) -> None:
    assert changed_by(file, "plug.solver")


@pytest.mark.parametrize("file", ["plug/other.py", "plug/rules/far.py"])
def test_an_edit_of_another_module_does_not(file: str, changed_by: Callable[[str, str], bool]) -> None:
    assert not changed_by(file, "plug.solver")


def test_a_package_that_runs_code_counts_with_all_that_it_imports(changed_by: Callable[[str, str], bool]) -> None:
    assert changed_by("active/patch.py", "active.core")
    assert changed_by("active/__init__.py", "active.core")


def test_the_modules_beside_a_single_file_count(changed_by: Callable[[str, str], bool]) -> None:
    assert changed_by("beside.py", "single")
    assert digested_modules("single") == ("beside", "single")  # the standard library does not count


def test_names_that_a_package_loads_at_first_use_count(changed_by: Callable[[str, str], bool]) -> None:
    assert changed_by("lazy/home.py", "user")
    assert changed_by("lazy/home.py", "whole")
    assert not changed_by("lazy/home.py", "lazy.away")  # imported for types alone


def test_other_packages_count_by_version(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_digest("plug.solver")
    monkeypatch.setattr(digests.metadata, "version", lambda package: "9.9")
    forget()
    assert source_digest("plug.solver") != before
    assert "numpy" in digested_modules("plug.solver")


def test_a_package_that_is_named_unlike_its_distribution_counts_by_the_version_of_that() -> None:
    held = metadata.packages_distributions()
    unlike = [name for name in held if name.isidentifier() and name not in held[name]]
    assert unlike
    for name in unlike[:20]:
        assert digests._distributions(name) == sorted(set(held[name])), name
    assert digests._distributions("no_such_package") == []


def test_versions_can_be_left_out_for_what_is_shipped(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = source_digest("plug.solver", versions=False)
    monkeypatch.setattr(digests.metadata, "version", lambda package: "9.9")
    forget()
    assert source_digest("plug.solver", versions=False) == before


def test_the_code_of_values_is_that_of_their_classes(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = importlib.import_module("plug.solver").Mine
    assert code_digest(mine()) == code_digest(mine) == source_digest("plug.solver")
    assert code_digest(mine(), forget) == source_digest("plug.solver", "dance_env.source_digest")
    monkeypatch.setattr(mine, "__module__", "made_in_a_notebook")
    assert code_digest(mine()) is None


def test_installed_neighbors_are_other_packages(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    installed = folder / "site-packages"
    installed.mkdir()
    shutil.copy(folder / "single.py", installed / "alone.py")
    shutil.copy(folder / "beside.py", installed / "beside.py")
    monkeypatch.syspath_prepend(str(installed))
    digests._installation_folders.cache_clear()
    try:
        assert digested_modules("alone") == ("alone", "beside")
        assert digests._found(("alone",))["beside"] == b"no version"
    finally:
        digests._installation_folders.cache_clear()


def test_a_file_is_read_once_so_that_the_digest_is_of_the_code_that_runs(folder: Path) -> None:
    before = source_digest("plug.solver")
    (folder / "plug" / "deep.py").write_text("OFFSET = 1\n")
    assert source_digest("plug.solver") == before


def test_the_folder_does_not_matter_nor_whether_the_module_is_loaded(folder: Path, tmp_path: Path) -> None:
    code = "from dance_env.source_digest import source_digest; print(source_digest('plug.solver'))"
    copy = tmp_path / "copy"
    shutil.copytree(folder / "plug", copy / "plug")
    importlib.import_module("plug.solver")
    found = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(copy)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    assert found == source_digest("plug.solver") == source_digest(sys.modules["plug.solver"])


def test_a_file_that_does_not_parse_counts_by_its_text(folder: Path) -> None:
    (folder / "beside.py").write_text("def (:\n")
    assert digested_modules("single") == ("beside", "single")


@pytest.mark.parametrize("name", ["math", "not_there", "not_there.inner"])
def test_a_module_without_source_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"module '{name}' has no source file.*write it to a .py file"):
        source_digest(name)


def test_all_that_the_cost_figures_depend_on_counts() -> None:
    modules = digested_modules("dance_env.cost.analytical")
    for name in ("technology", "search.search_data", "compiled", "mapping.nest_kernel", "search.pairs_kernel"):
        assert f"dance_env.cost.{name}" in modules
    assert {"numba", "numpy", "dance_env.graph.layer"} <= set(modules)
    assert not {"dance_env.drawing.graph", "dance_env.cost.audit.audit", "dance_env.tasks.catalog"} & set(modules)
