"""report.html without a browser: what it holds, that nothing of others becomes markup, and that figures are the data's."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import itertools
import json
import math
import re

import numpy as np
import pytest
from report_pages import HOSTILE, Page, hostile_comparison, write_page

from solvers.comparison.reference import Reference
from solvers.comparison.spending import AXES
from solvers.comparison.statistics import StatisticsSettings, statistics_of
from solvers.comparison.table import long_table
from solvers.report.anytime import Measure, spreads
from solvers.report.html.chart import SIDE, charts
from solvers.report.html.layout import PLANE_LAYOUTS
from solvers.report.html.plane import _moved_apart
from solvers.report.html.scale import Scale, text
from solvers.report.summary import summarize


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("page")


@pytest.fixture(scope="module")
def comparison(folder):
    return hostile_comparison(folder)


@pytest.fixture(scope="module")
def source(comparison, folder):
    return write_page(comparison, folder).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(source):
    return Page(source).root


@pytest.fixture(scope="module")
def data(page):
    return json.loads(next(each.text for each in page.all("script") if each.attributes.get("id") == "data"))


def test_names_of_others_stay_text(page, data):
    assert page.all("img") == page.all("b") == page.all("i") == page.all("u") == []
    assert [script.attributes for script in page.all("script")] == [{"type": "application/json", "id": "data"}, {}]
    assert not [name for element in page.every() for name in element.attributes if name.startswith("on")]
    for label in HOSTILE[:3]:
        assert label in page.text
        assert label in [solver["name"] for solver in data["solvers"]]
    assert "{{ 7*7 }} & 'quoted' \\udcff \ufffd" in page.text
    for words in (
        "</title><b>task</b>",
        "<b>oh</b>",
        "Traceback </pre><script>x</script>",
        "<i>left out</i>",
        "<u>x</u>",
    ):
        assert words in page.text


def test_nothing_is_fetched_and_no_other_script_may_run(page, source):
    for element in page.every():
        for name in ("src", "href", "srcset", "action", "poster", "data", "xlink:href"):
            target = element.attributes.get(name)
            assert target is None or target.startswith("#") or target == "data:,", (element.name, target)
    assert "url(" not in re.sub(r"url\(#\w+\)", "", source)
    assert "@import" not in source
    policy = next(
        each.attributes["content"] for each in page.all("meta") if "Content-Security-Policy" in each.attributes.values()
    )
    script = page.all("script")[1].text
    assert "default-src 'none'" in policy
    assert base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() in policy


def test_a_screen_reader_finds_its_way(page):
    body = page.all("body")[0]
    assert body.children[0].attributes == {"class": "skip", "href": "#main"}
    assert page.all("html")[0].attributes["lang"] == "en"
    assert len(page.all("h1")) == len(page.all("main")) == len(page.all("nav")) == 1
    levels = [int(each.name[1]) for each in page.every() if re.fullmatch(r"h[1-6]", each.name)]
    assert all(after - before <= 1 for before, after in itertools.pairwise(levels))
    ids = [each.attributes["id"] for each in page.every() if "id" in each.attributes]
    assert len(ids) == len(set(ids))
    for element in page.every():
        target = element.attributes.get("href") or ""
        assert not target.startswith("#") or target[1:] in ids, target
        for name in (element.attributes.get("aria-labelledby") or "").split():
            assert name in ids
        if element.name == "svg":
            named = {"aria-label", "aria-hidden"} & set(element.attributes)
            assert named or "preserveaspectratio" in element.attributes, element.attributes  # a frame within a chart
    for table in page.all("table"):
        assert table.all("caption")[0].text
        heads = table.all("th")
        assert {each.attributes["scope"] for each in heads} == {"col", "row"}
        assert all(each.text.strip() for each in heads)
    for control in page.all("input"):
        assert any(control in label.every() for label in page.all("label"))


def test_every_point_says_what_it_is_and_one_is_a_stop_of_tab(page):
    pictures = [each for each in page.all("svg") if "points" in (each.attributes.get("class") or "")]
    assert len(pictures) == 8  # two tasks, two costs, two layouts
    for picture in pictures:
        points = [each for each in picture.all("g") if "data-point" in each.attributes]
        assert all(re.search(r"(seed|on the way).*: .*\d", each.attributes["aria-label"]) for each in points)
        assert [each.attributes["tabindex"] for each in points].count("0") == 1


def test_the_ranking_is_that_of_the_summary(comparison, page):
    rows = summarize(long_table(comparison))
    tables = [table for table in page.all("table") if table.all("caption")[0].text.startswith("Solvers as they rank")]
    assert len(tables) == 2
    shown = [row.all("th")[0].text for table in tables for row in table.all("tbody")[0].children]
    assert shown[:4] == [row.solver for row in rows[:4]]
    regret = [row.all("td")[0].text for row in tables[0].all("tbody")[0].children]
    assert regret[0].startswith(f"{rows[0]['regret_pct'].median:.2f}")
    assert regret[-1] == "–"  # the solver that failed


def test_the_design_under_a_point_is_the_one_that_was_evaluated(comparison, data):
    labels = [solver["name"] for solver in data["solvers"]]
    for task, of in zip(data["tasks"], comparison.tasks, strict=True):
        ends = [point for point in task["planes"][0] if point[1]]
        runs = [run for run in of.runs if run.result.status.complete]
        assert sum(len(seeds.split(", ")) for _, seeds, _ in ends) == len(runs) == 12
        for solver, seeds, number in ends:
            design = task["designs"][number]
            for seed in map(int, seeds.split(", ")):
                result = next(run.result for run in runs if run.label == labels[solver] and run.result.seed == seed)
                chosen = of.problem.space.decode(result.best_design[None])[0]
                assert design["metrics"][0] == f"{result.best_objective:.4f}"
                assert design["hardware"] == [str(chosen[name]) for name in ("pe_x", "pe_y", "rf_words", "dataflow")]
                blocks = [task["chips"][chip]["lines"][0] for chip in design["chips"]]
                assert blocks == [chosen[f"block{number}"] for number in (1, 2, 3, 4)]


def _height(path: str, x: float) -> float:
    """Where a step path is at x."""
    column, row = map(float, re.match(r"M([\d.]+) ([\d.]+)", path).groups())
    at = row
    for command, value in re.findall(r"([HV])([\d.]+)", path):
        if command == "V":
            row = float(value)
            if column <= x:
                at = row
        else:
            column = float(value)
    return at


def test_the_statistics_are_shown(comparison, page):
    statistics = statistics_of(comparison, settings=StatisticsSettings(resamples=50))
    tables = {table.all("caption")[0].text.split(",")[0]: table for table in reversed(page.all("table"))}
    ranks = statistics.tasks[0].standings
    rows = tables["Ranks"].all("tbody")[0].children
    assert [row.all("th")[0].text for row in rows][:4] == list(ranks.solvers)[:4]
    assert [row.all("td")[0].text for row in rows] == [f"{rank:.2f}" for rank in ranks.ranks.average]
    improvement = tables[
        "Probability of improvement: that a run of the row's solver is better than one of the column's"
    ]
    first = improvement.all("tbody")[0].children[0].all("td")
    assert first[0].text == "–"
    assert first[1].text.startswith(f"{ranks.improvement[0, 1]:.2f} [")
    assert "Over all tasks" in [heading.text for heading in page.all("h2")]


def test_the_curves_hold_every_step(comparison):
    of = comparison.tasks[0]
    results = {label: runs for label, runs in of.by_solver().items() if label != HOSTILE[3]}
    measure = Measure.of(of.reference)
    chart = charts(results, measure, axes=list(AXES), numbers={label: n for n, label in enumerate(results)})[0]
    spread = spreads(results, measure, "queries")[HOSTILE[0]]
    path = chart.lines[0].median
    x = Scale(1, 60)
    heights = [_height(path, round(SIDE * float(x.at(np.array(each))), 1)) for each in spread.x]
    assert np.all(np.diff(heights) >= 0)  # down, from the top
    steps = int((np.diff(spread.median) != 0).sum())
    assert path.count("V") == len(set(heights)) - 1 == steps > 3
    assert len(set(chart.ends["wide"])) == len(chart.lines)


def test_markers_of_equal_designs_are_moved_apart_and_others_are_not():
    layout = PLANE_LAYOUTS[1]
    places = np.array([[100.0, 100.0]] * 12 + [[250.0, 200.0], [300.0, 60.0], [303.0, 60.0]])
    moved = _moved_apart(places, layout)
    distance = np.linalg.norm(moved[:, None] - moved[None], axis=2) + 99 * np.eye(len(moved))
    assert distance.min() > 12.5
    assert moved[12].tolist() == [250.0, 200.0]
    assert np.linalg.norm(moved - places, axis=1).max() < 45


def test_a_logarithmic_axis_has_a_place_for_zero():
    scale = Scale(0.01, 100.0, with_zero=True)
    at = scale.at(np.array([0.0, 0.01, 1.0, 100.0, np.inf]))
    assert 0 < at[0] < at[1] < at[2] < at[3] == at[4] == 1.0
    assert [tick.text for tick in scale.ticks()] == ["0", "0.01", "0.1", "1", "10", "100"]
    assert [tick.text for tick in Scale(7.0, 11.0, logarithmic=False).ticks()] == ["7", "8", "9", "10", "11"]
    assert [text(value) for value in (0.02, 1000.0, 20_000.0, 3e6, 1e-5, 2.5e-6, 1.4e15)] == [
        "0.02", "1,000", "20k", "3M", "10⁻⁵", "2.5·10⁻⁶", "1.4·10¹⁵",
    ]  # fmt: skip


def test_the_page_is_there_where_nothing_was_found(comparison, tmp_path):
    runs = tuple(
        dataclasses.replace(run, result=dataclasses.replace(run.result, trace=run.result.trace[:0]))
        for run in comparison.tasks[0].runs
    )
    empty = dataclasses.replace(comparison.tasks[0], runs=runs, reference=Reference(math.inf, exact=True))
    page = write_page(dataclasses.replace(comparison, tasks=(empty,)), tmp_path)
    text = Page(page.read_text(encoding="utf-8")).root.text
    assert "No feasible design was found." in text
    assert "No solver found a feasible design in half of its runs." in text
    assert "no design meets every limit" in text
