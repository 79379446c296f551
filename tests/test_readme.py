"""README's figures come from the committed record, and its commands are those that CI runs."""

from __future__ import annotations

import re

import pytest

from experiments.readme import END, README, ROOT, START, result, updated


def test_the_table_is_the_records():
    text = README.read_text(encoding="utf-8")
    region = text[text.index(START) : text.index(END) + len(END)]
    assert region == result(), "run `python -m experiments.readme`"


def test_prose_holds_no_measured_figure():
    """A number in the prose would go stale unseen: what is left are counts, versions, names and dates."""
    text = README.read_text(encoding="utf-8")
    prose = text[: text.index(START)] + text[text.index(END) :]
    prose = re.sub(r"```.*?```|\]\([^)]*\)|`[^`]*`|arXiv \S+", "", prose, flags=re.DOTALL)
    figures = set(re.findall(r"\d+(?:[.,]\d+)*", prose))
    assert figures <= {"3.11", "2.13.0", "2.4", "91", "13,872", "10", "8", "45", "2.0", "2021"}, figures


def test_another_record_is_another_table():
    """The test of the table can fail: other figures give another region."""
    rows = result().splitlines()
    assert sum(row.startswith("| `") for row in rows) >= 7
    assert result() != result().replace("`dance`", "`danse`")


def test_marks_are_required():
    with pytest.raises(ValueError, match=r"README\.md must hold <!-- result -->"):
        updated("no marks", "region")
    assert updated(f"a\n{START}\nold\n{END}\nb", "new") == "a\nnew\nb"


def test_the_first_two_commands_set_up_and_run():
    commands = re.findall(r"```bash\n(.*?)\n```", README.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert commands[1].endswith(".venv/bin/python examples/compare.py")
    assert commands[2].endswith('-e ".[test,images]" && .venv/bin/python -m pytest -n 2')
    assert (ROOT / "examples" / "compare.py").exists()
