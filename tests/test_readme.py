"""README's figures come from the committed record, and its commands are those that CI runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from experiments.readme import END, README, ROOT, START, result, updated


def test_the_table_is_the_records():
    text = README.read_text(encoding="utf-8")
    region = text[text.index(START) : text.index(END) + len(END)]
    assert region == result(), "run `python -m experiments.readme`"


def test_every_figure_outside_the_table_is_in_a_record_or_a_count_of_the_code():
    """Numbers in README's prose that are measured would go stale unseen: there are none but these."""
    text = README.read_text(encoding="utf-8")
    prose = text[: text.index(START)] + text[text.index(END) :]
    prose = re.sub(r"```.*?```|\]\([^)]*\)|`[^`]*`", "", prose, flags=re.DOTALL)
    figures = set(re.findall(r"\d[\d,.]*\d|\d", prose))
    allowed = {"3.11", "2.13.0", "2.4", "91", "1", "13,872", "10", "8", "45", "2.0", "2021", "100", "-10"}
    assert figures <= allowed | {"10", "100"}, f"measured figures outside the table: {sorted(figures - allowed)}"


def test_a_changed_record_changes_the_table(tmp_path):
    for name in ("table.csv", "README.md"):
        source = ROOT / "docs" / "records" / "compare_default" / name
        (tmp_path / name).write_text(source.read_text(encoding="utf-8").replace("dance", "danse"), encoding="utf-8")
    with pytest.raises(ValueError, match="subpath"):  # outside of the repository there is nothing to link to
        result(tmp_path)


def test_marks_are_required():
    with pytest.raises(ValueError, match="README.md must hold <!-- result -->"):
        updated("no marks", "region")
    assert updated(f"a\n{START}\nold\n{END}\nb", "new") == "a\nnew\nb"


def test_the_first_two_commands_set_up_and_run():
    commands = re.findall(r"```bash\n(.*?)\n```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert commands[1].endswith(".venv/bin/python examples/compare.py")
    assert commands[2].endswith('-e ".[test,images]" && .venv/bin/python -m pytest -n 2')
    assert (Path(ROOT) / "examples" / "compare.py").exists()
