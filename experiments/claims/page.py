"""The written report: report.md, results.json and the pictures."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from experiments.claims.catalog import claim_names
from experiments.claims.claim import Cell, Claim, Finding, Table
from experiments.claims.pictures import draw, file_of
from experiments.claims.run import Outcome, code_digest, write_json
from experiments.claims.scale import Scale
from experiments.claims.work import Work
from solvers.contract.result import software_versions


def write_report(
    tested: Sequence[Outcome], *, scale: Scale, work: Work, command: Sequence[str], machine: dict[str, Any]
) -> Path:
    """Write everything into the work's folder.

    Args:
        tested: claims so far; the others are listed as not run.
        scale, work: as they were tested with.
        command: the command line.
        machine: what it ran on, for results.json and the page's end.

    Returns:
        Path of report.md.
    """
    for each in tested:
        if each.claim is None:
            continue
        for picture in each.claim.pictures:
            draw(picture, work.folder / file_of(each.claim, picture))
    about = {
        "scale": scale.name,
        "command": shlex.join(command),
        "software": software_versions(),
        "source": code_digest()[:12],
        "machine": machine,
    }
    claims = [
        {
            "name": each.name,
            "seconds": each.seconds,
            "failure": each.failure,
            "claim": None if each.claim is None else each.claim.to_json(),
        }
        for each in tested
    ]
    write_json(work.folder / "results.json", {**about, "claims": claims})
    page = work.folder / "report.md"
    page.write_text(page_text(tested, scale=scale, work=work, about=about), encoding="utf-8")
    return page


def page_text(tested: Sequence[Outcome], *, scale: Scale, work: Work, about: dict[str, Any]) -> str:
    """The report as Markdown."""
    lines = [
        f"# DANCE, claim by claim ({scale.name} scale)",
        "",
        f"Made with `{about['command']}`. A claim in several parts holds if none of them fails; what was asked of each "
        "part stands with it.",
        "",
        *_markdown(
            ("claim", "paper", "ours", "verdict", "command"),
            [_summary(each, scale, work) for each in tested]
            + [(name, "", "", "not run", "") for name in claim_names() if name not in {each.name for each in tested}],
        ),
    ]
    for each in tested:
        lines += ["", f"## {each.name}", ""]
        lines += _section(each.claim) if each.claim else [f"Testing it failed: {escape(each.failure)}"]
        lines += ["", f"`{work.command_of(each.name, scale.name)}` ({each.seconds:.0f} s)"]
    versions = ", ".join(f"{name} {version}" for name, version in about["software"].items())
    ran_on = ", ".join(f"{name} {escape(str(value))}" for name, value in about["machine"].items())
    return "\n".join([*lines, "", "---", "", f"{versions}; source {about['source']}; {ran_on}", ""])


def _summary(each: Outcome, scale: Scale, work: Work) -> tuple[Cell, ...]:
    command = work.command_of(each.name, scale.name)
    if each.claim is None:
        return (each.name, "", "", f"failed: {each.failure}", command)
    claim = each.claim
    return (claim.statement, claim.paper, claim.ours, f"{claim.verdict.value}. {claim.sentence}", command)


def _section(claim: Claim) -> list[str]:
    lines = [
        escape(claim.statement),
        "",
        f"- paper: {escape(claim.paper)}",
        f"- ours: {escape(claim.ours)}",
        f"- **{claim.verdict.value}**: {escape(claim.sentence)}",
    ]
    if claim.findings:
        lines += [
            "",
            *_markdown(("part", "paper", "ours", "verdict", "asked"), [_part(each) for each in claim.findings]),
        ]
    for table in claim.tables:
        lines += ["", f"{escape(table.title)}:", "", *_table(table)]
    for picture in claim.pictures:
        lines += ["", f"![{escape(picture.title)}]({file_of(claim, picture)})"]
    return lines


def _part(finding: Finding) -> tuple[Cell, ...]:
    return (finding.what, finding.paper, finding.ours, finding.verdict.value, finding.rule)


def _table(table: Table) -> list[str]:
    return _markdown(table.columns, table.rows)


def _markdown(columns: Sequence[str], rows: Sequence[tuple[Cell, ...]]) -> list[str]:
    numeric = [bool(rows) and all(_is_number(row[i]) for row in rows) for i in range(len(columns))]
    return [
        "| " + " | ".join(escape(column) for column in columns) + " |",
        "| " + " | ".join("---:" if right else "---" for right in numeric) + " |",
        *("| " + " | ".join(cell_text(cell) for cell in row) + " |" for row in rows),
    ]


def _is_number(cell: Cell) -> bool:
    return cell is None or isinstance(cell, int | float) or cell in ("inf", "-inf")  # as JSON keeps infinity


def cell_text(cell: Cell) -> str:
    """A cell as Markdown: four significant digits, thousands separated, nothing as a dash."""
    if cell is None or (isinstance(cell, float) and math.isnan(cell)):  # NaN, which JSON keeps as nothing
        return "–"
    if isinstance(cell, int) and not isinstance(cell, bool):
        return f"{cell:,}"
    if isinstance(cell, float):
        return f"{cell:.4g}"
    return escape(str(cell))


def escape(text: str) -> str:
    """Text that cannot break a table or slip in markup: no bars, tags, brackets, or line breaks of its own."""
    text = " ".join(text.split())
    for sign in ("\\", "|", "[", "]", "*"):
        text = text.replace(sign, "\\" + sign)
    return text.replace("<", "&lt;").replace(">", "&gt;")
