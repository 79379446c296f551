"""Rendering: both modes show the design at hand, evaluate nothing, and leave matplotlib's global state alone."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from factored_problems import factored_problem

from dance_env.cost import Cost
from dance_env.drawing.canvas import Canvas
from dance_env.drawing.design import Scene
from dance_env.drawing.design.tables import block_latencies, metric_ranges, utilization
from dance_env.drawing.operators import empty_options, looks, operator_look, space_looks
from dance_env.drawing.pe_array import draw_pe_array
from dance_env.envs import EPISODE_NAMES, CoDesignEnv, CoDesignVectorEnv
from dance_env.graph import Layer, LayerSpace, macro_cifar10, operator
from dance_env.graph.operators import MBConv
from dance_env.objective import Constraint
from dance_env.objective.quantities import quantity
from dance_env.problem import Evaluation
from dance_env.space import FREE
from dance_env.testing import synthetic_problem

STYLES = pytest.mark.parametrize("episode", EPISODE_NAMES)
LIMITED = synthetic_problem(1, constraints=(Constraint("latency_s", 0.004), Constraint("area_mm2", 1.5)))


def finish(env: CoDesignEnv) -> None:
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(env.episode.horizon):
        env.step(env.action_space.sample())


# --------------------------------------------------------------------------------------------------------- both modes
@STYLES
def test_a_dashboard_is_an_image_that_changes_with_the_design(episode: str) -> None:
    env = CoDesignEnv(problem=LIMITED, episode=episode, render_mode="rgb_array")
    env.reset(seed=0)
    frames = [env.render()]
    finish(env)
    frames.append(env.render())
    for frame in frames:
        assert (frame.shape, frame.dtype) == ((560, 1000, 3), np.uint8)
        assert len(np.unique(frame.reshape(-1, 3), axis=0)) > 50
    assert not np.array_equal(*frames)
    np.testing.assert_array_equal(frames[1], env.render())
    assert not np.shares_memory(frames[1], env.render())


@STYLES
def test_a_card_shows_design_costs_objective_and_limits(episode: str) -> None:
    env = CoDesignEnv(problem=LIMITED, episode=episode, render_mode="ansi")
    env.reset(seed=0)
    card = env.render()
    assert "not evaluated yet" in card
    assert ("?" in card) == (episode != "refine")
    finish(env)
    card = env.render()
    lines = card.splitlines()
    assert {len(line) for line in lines} == {80}
    horizon = env.episode.horizon
    assert lines[0].endswith(f" {episode}, step {horizon} of {horizon} ─╮")
    _, _, _, _, info = _last(env)
    named = env.space.decode(info["design"][None])[0]
    assert f"{named['pe_x']} × {named['pe_y']} PEs, {named['rf_words']} words" in card
    assert f"objective    {info['objective']:.4f} points = {info['error_pct']:.4f} error" in card
    assert quantity("latency_s", info["latency_s"]) in card
    assert ("feasible" in card) == (info["violation"] == 0)
    assert "latency ≤ 4 ms" in card


def _last(env: CoDesignEnv) -> Any:
    """The last step of the same seeded episode, played again."""
    env.reset(seed=0)
    env.action_space.seed(0)
    for _ in range(env.episode.horizon):
        step = env.step(env.action_space.sample())
    return step


def test_a_vector_env_shows_each_environments_last_design_after_the_autoreset() -> None:
    env = CoDesignVectorEnv(LIMITED, num_envs=3, render_mode="ansi")
    env.reset(seed=0)
    assert all("not evaluated yet" in card for card in env.render() or ())
    env.action_space.seed(0)
    infos = env.step(env.action_space.sample())[4]
    cards = env.render()
    assert cards is not None
    for card, objective in zip(cards, infos["final_info"]["objective"], strict=True):
        assert f"objective    {objective:.4f} points" in card


@STYLES
def test_after_a_reset_the_new_episode_is_shown(episode: str) -> None:
    """Of the former episode nothing is left on the card, whether it ended (and was reset by itself) or not."""
    for steps in (1, None):
        env = CoDesignVectorEnv(LIMITED, num_envs=2, episode=episode, render_mode="ansi")
        env.reset(seed=0)
        env.action_space.seed(0)
        for _ in range(env.episode.horizon if steps is None else steps):
            env.step(env.action_space.sample())
        env.reset(seed=1)
        for card in env.render() or ():
            assert "not evaluated yet" in card
            assert f"step 0 of {env.episode.horizon}" in card


def test_rendering_never_evaluates() -> None:
    class Counting:
        """A problem without tables, as a solver's metered handle; notes its evaluations."""

        name, space, objective = LIMITED.name, LIMITED.space, LIMITED.objective
        network_space, accelerator_space, costs = LIMITED.network_space, LIMITED.accelerator_space, object()
        asked = 0

        def evaluate(self, designs: np.ndarray) -> Evaluation:
            Counting.asked += 1
            return LIMITED.evaluate(designs)

    for mode in ("rgb_array", "ansi"):
        env = CoDesignEnv(problem=Counting(), render_mode=mode)  # type: ignore[arg-type]
        finish(env)
        before = Counting.asked
        assert env.render() is not None
        assert Counting.asked == before


def test_without_a_render_mode_render_warns_and_returns_nothing() -> None:
    env = CoDesignEnv(problem=LIMITED)
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode='rgb_array' or 'ansi'"):
        assert env.render() is None


def test_the_dashboard_does_not_load_pyplot() -> None:
    program = (
        "import sys\n"
        "from dance_env.envs import CoDesignEnv\n"
        "from dance_env.testing import synthetic_problem\n"
        "env = CoDesignEnv(problem=synthetic_problem(0), render_mode='rgb_array')\n"
        "env.reset(seed=0); env.step(env.action_space.sample())\n"
        "assert 'matplotlib' not in sys.modules\n"
        "assert env.render().shape == (560, 1000, 3)\n"
        "assert 'matplotlib.pyplot' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=500)


@pytest.mark.parametrize("mode", ["rgb_array", "ansi"])
def test_a_design_without_a_mapping_and_an_odd_name_are_shown(mode: str) -> None:
    problem = replace(synthetic_problem(0, unmappable=80), name="$_{\\frac" + "x" * 200)
    designs = problem.space.unrank(np.arange(problem.space.size))
    unmappable = designs[np.isinf(problem.evaluate(designs).objective)][0]
    env = CoDesignEnv(problem=problem, render_mode=mode)
    env.reset(seed=0)
    env.step(unmappable)
    frame = env.render()
    if mode == "ansi":
        assert "latency inf s" in frame
        assert {len(line) for line in frame.splitlines()} == {80}
    else:
        assert frame.shape == (560, 1000, 3)


# ------------------------------------------------------------------------------------------------------------- figures
def test_utilization_is_multiply_accumulates_over_cycles_and_processing_elements() -> None:
    """600 MACs in 1e-6 s at 1e8 Hz (100 cycles) on 8 x 2 PEs: 600 / 1600."""

    class Networks:
        def macs(self, networks: np.ndarray) -> np.ndarray:
            return np.full(len(networks), 600)

    class Problem:
        network_space = Networks()
        costs = type("Costs", (), {"clock_hz": 1e8})()
        space = LIMITED.space

    design = LIMITED.space.encode([{**LIMITED.space.decode(np.zeros((1, 8), np.int64))[0], "pe_x": 8, "pe_y": 16}])[0]
    assert utilization(Problem(), design, 1e-6) == 600 / (100 * 8 * 16)  # type: ignore[arg-type]
    assert utilization(LIMITED, design, 1e-6) is None  # no layers, no clock: nothing is made up


def test_ranges_hold_every_design_and_are_reached() -> None:
    problem = synthetic_problem(0, unmappable=5)
    cost: Cost = problem.evaluate(problem.space.unrank(np.arange(problem.space.size))).cost
    mappable = np.isfinite(cost.latency_s)
    ranges = metric_ranges(problem)
    for metric in ("latency_s", "energy_j", "area_mm2", "edap_js_mm2"):
        values = getattr(cost, metric)[mappable]
        low, high = ranges[metric]
        assert low <= values.min() * (1 + 1e-12)
        assert high >= values.max() * (1 - 1e-12)
    for metric in ("latency_s", "energy_j", "area_mm2"):
        values = getattr(cost, metric)[mappable]
        np.testing.assert_allclose(ranges[metric], (values.min(), values.max()))


@pytest.mark.parametrize("workloads", [1, 2])
def test_ranges_are_the_bounds_of_the_table_to_the_bit(workloads: int) -> None:
    problem = factored_problem(0, workloads=workloads, unmappable=120)
    low, high = problem.costs.bounds(np.full((1, problem.space.num_network_choices), FREE), finite_only=True)
    mappable = np.isfinite(low.latency_s) & np.isfinite(high.latency_s)
    assert 0 < mappable.mean() < 1
    for metric, (least, most) in metric_ranges(problem).items():
        lows, highs = (np.broadcast_to(getattr(each, metric), mappable.shape)[mappable] for each in (low, high))
        assert (least, most) == (lows.min(), highs.max())


def test_block_times_and_the_fixed_time_add_up_to_the_latency() -> None:
    design = LIMITED.space.sample(np.random.default_rng(0), 1)
    hardware = LIMITED.accelerator_space.index(design[:, LIMITED.space.hardware])[0]
    total = sum(block_latencies(LIMITED, design[0]).values()) + LIMITED.costs.latency_s.constant[hardware]
    assert total == pytest.approx(LIMITED.evaluate(design).cost.latency_s[0])
    assert block_latencies(LIMITED, design[0, :3]) == {}


def test_a_snapshot_of_an_open_design_shows_what_is_chosen() -> None:
    env = CoDesignVectorEnv(LIMITED, num_envs=1, episode="sequential")
    env.reset(seed=0)
    for _ in range(5):
        env.step(np.array([1]))
    assert env._state is not None
    view = Scene(LIMITED).snapshots(
        env._state.designs, style="sequential", step=5, horizon=8, metrics=None, history=np.zeros((0, 2, 1))
    )[0]
    assert [block.operator for block in view.blocks] == ["option1"] * 4
    assert (view.accelerator.pe_x, view.accelerator.pe_y, view.values) == (16, None, None)


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("latency_s", 0.0012345, "1.234 ms"),
        ("latency_s", 2.0, "2 s"),
        ("energy_j", 4.5e-7, "450 nJ"),
        ("area_mm2", 12.3456, "12.35 mm²"),
        ("error_pct", 6.543, "6.543 points"),
        ("edap_js_mm2", 3e-16, "300 aJ·s·mm²"),
        ("latency_s", float("inf"), "inf s"),
        ("latency_s", 0.0, "0 s"),
    ],
)
def test_quantities_are_written_with_prefixes(metric: str, value: float, text: str) -> None:
    assert quantity(metric, value) == text


# ------------------------------------------------------------------------------------------------ the looks of options
def test_operators_are_written_short_and_colored_by_kernel_and_expansion() -> None:
    names = [f"mb{expansion}_k{kernel}" for expansion in (1, 3, 6) for kernel in (3, 5, 7)]
    found = [operator_look(operator(name)) for name in names]
    assert found[7] == operator_look(MBConv(expansion=6, kernel=5))
    assert found[7] is not None
    assert found[7].lines == ("MB6", "5×5")
    assert len({look.color for look in found if look is not None}) == len(names)
    assert operator_look(operator("identity")) is None


def test_an_operator_of_ones_own_is_asked_for_kernel_and_expansion() -> None:
    class Fancy(MBConv):
        """Its name says nothing of its kernel."""

        name = "fancy"

    look = operator_look(Fancy(expansion=6, kernel=5))
    assert look is not None
    assert look.color == looks([operator("mb6_k5")])["mb6_k5"].color


def test_options_of_layer_lists_have_colors_of_their_own_and_none_is_no_block() -> None:
    """An attention block that may be left out, and a perceptron block."""
    layer = Layer("up", "pointwise", k=8, c=8, p=4, q=1, r=1, s=1)
    space = LayerSpace(
        "vit", (layer,), {"attention": {"none": (), "h2": (layer,)}, "mlp": {"x1": (layer,), "x4": (layer, layer)}}
    )
    assert empty_options(space) == {(0, 0)}
    assert len({space_looks(space)[name].color for name in ("none", "h2", "x1", "x4")}) == 4
    joint = LayerSpace(
        "joint",
        (),
        {"a": {"0": (), "1": ()}, "b": {"0": (), "1": ()}},
        joint={("a", "b"): lambda a, b: (layer,) * (a == b == "1")},
    )
    assert empty_options(joint) == {(0, 0), (1, 0)}
    assert empty_options(LIMITED.network_space) == set()  # nothing is known of their layers


def test_an_identity_that_changes_the_shape_is_a_block() -> None:
    space = macro_cifar10()
    empty = empty_options(space)
    assert [(index, 0) in empty for index in range(8)] == [slot.place.keeps_shape for slot in space.slots]


def test_pes_fall_on_whole_pixels_and_no_gap_is_lost() -> None:
    """Along a row of PEs: dark squares of one width, light gaps of one width, whatever the size of the array."""
    for count in (8, 16, 23, 24, 40):
        pixels = array_of_pes(count)
        assert set(np.unique(pixels)) == {0, 255}
        for line in (pixels[207], pixels[:, 12]):
            widths = np.diff(np.flatnonzero(np.diff(line.astype(int))))
            assert len(widths) == 2 * count - 1
            assert len(set(widths[::2])) == len(set(widths[1::2])) == 1
    assert (array_of_pes(64) == 0).sum() == (3 * 64) ** 2  # too small for gaps: one area, and no moire


def array_of_pes(count: int) -> np.ndarray:
    """Black `count` x `count` PEs on white, as gray levels."""
    canvas = Canvas.sheet(220, 220, color="#ffffff")
    cells = [(column, row) for column in range(count) for row in range(count)]
    draw_pe_array(canvas, [(cells, "#000000")], columns=count, rows=count, x=10.3, y=9.8, side=200)
    return canvas.pixels()[:, :, 0]
