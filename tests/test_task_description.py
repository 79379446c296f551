"""Tasks in TOML files: what they describe, what they refuse, and that records know their content."""

from __future__ import annotations

import itertools
import json
import runpy
import sys
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from inline import Inline

import dance_env
from dance_env import AcceleratorSpace, Layer, make_problem, optimum
from dance_env.commands.task_facts import facts_of
from dance_env.cost import EDGE_LPDDR4, AnalyticalCostModel
from dance_env.graph import Decode, Prefill, StageSpace, TransformerSpace, WorkloadSpace, layer_row
from dance_env.perturbations import split_task
from dance_env.problem import TabulatedTrainingTime
from dance_env.tasks.description import TaskFileError
from dance_env.tasks.description.expressions import Expression
from dance_env.tasks.description.lines import line_numbers, line_of
from solvers import cli, make_solver
from solvers.comparison.compare import compare
from solvers.comparison.settings import Settings

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
WIDTHS = ((16, 24, 32, 48),) * 2 + ((32, 48, 64, 96),) * 2 + ((64, 96, 128, 192),) * 2 + ((128, 192, 256, 384),)
SIZES = (16, 16, 8, 8, 4, 4, 4)

SMALL = """
name = "small"
[network]
kind = "layers"
[network.choices]
width = [8, 16]
kind = ["plain", "deep"]
[[network.layers]]
name = "first"
c = 3
k = "width"
size = 8
kernel = 3
[[network.layers]]
name = "deep"
c = "width"
k = "width * 2"
size = 8
when = { kind = "deep" }
[accelerator]
pe_x = [8, 16]
pe_y = 8
rf_words = [8]
dataflow = ["WS"]
[accuracy]
table = "table.csv"
[objective]
linear = { energy_j = 1e6 }
[objective.limits]
latency_s = "1 ms"
[variants.fast]
limits = { latency_s = 0.5e-6 }
""".replace("pe_y = 8\n", "pe_y = [8]\n")
TABLE = "width,kind,error_pct\n8,plain,20\n8,deep,15\n16,plain,14\n16,deep,9\n"


@pytest.fixture
def write(tmp_path):
    """Writes the small task, with pieces of its text replaced, and files beside it; returns its path."""

    def written(*changes: tuple[str, str], text: str = SMALL, **files: str) -> str:
        for old, new in changes:
            assert old in text
            text = text.replace(old, new)
        for name, content in {"table.csv": TABLE, **files}.items():
            (tmp_path / name).write_text(content)
        (tmp_path / "task.toml").write_text(text)
        return str(tmp_path / "task.toml")

    return written


# ------------------------------------------------------------------------------------------ an outside problem, whole
def width_task(folder: Path) -> tuple[Path, np.ndarray]:
    """Write a task of 16,384 networks of seven free widths; return its path and the errors of all networks."""
    names = [f"width{n}" for n in range(1, 8)]
    lines = ['name = "widths"', "[network]", 'kind = "layers"', "[network.choices]"]
    lines += [f"{name} = {list(options)}" for name, options in zip(names, WIDTHS, strict=True)]
    for n, (name, size) in enumerate(zip(names, SIZES, strict=True)):
        before = "3" if n == 0 else f'"{names[n - 1]}"'
        lines += ["[[network.layers]]", f'name = "conv{n}"', f"c = {before}", f'k = "{name}"', f"size = {size}"]
        lines += ["kernel = 3"]
    lines += ["[[network.layers]]", 'name = "classifier"', 'c = "width7"', "k = 10"]
    lines += ["[accelerator]", "pe_x = [8, 16]", "pe_y = [16]", "rf_words = [8]", 'dataflow = ["WS", "OS"]']
    lines += ["[accuracy]", 'table = "errors.csv"', "[objective]", "weight = 2.0"]
    lines += ["linear = { energy_j = 3000.0, area_mm2 = 0.5 }", 'limits = { latency_s = "0.3 ms" }']
    networks = np.array(list(itertools.product(*WIDTHS)), dtype=np.float64)
    errors = (
        4 + 60 * np.exp(-np.log(networks).mean(axis=1) / 2) + np.random.default_rng(3).normal(0, 0.3, len(networks))
    )
    order = np.random.default_rng(0).permutation(len(networks))  # rows in any order
    rows = [",".join([*(str(int(width)) for width in networks[row]), repr(float(errors[row]))]) for row in order]
    (folder / "errors.csv").write_text("\n".join([",".join([*names, "error_pct"]), *rows]))
    (folder / "widths.toml").write_text("\n".join(lines))
    return folder / "widths.toml", errors


def brute_force(errors: np.ndarray) -> tuple[float, tuple[int, ...], int]:
    """The least objective over all networks and accelerators, from the cost model alone; the widths; the accelerator."""
    hardware = AcceleratorSpace((8, 16), (16,), (8,), ("WS", "OS")).hardware()
    model = AnalyticalCostModel(technology=EDGE_LPDDR4)

    before = ((3,), *WIDTHS)
    pairs = [
        [(c, k, size, 3) for c in ins for k in outs] for ins, outs, size in zip(before, WIDTHS, SIZES, strict=False)
    ]
    shapes = [*(shape for each in pairs for shape in each), *((c, 10, 1, 1) for c in WIDTHS[-1])]
    layers = [
        Layer("x", "fc" if size == kernel == 1 else "conv", k, c, size, size, kernel, kernel)
        for c, k, size, kernel in shapes
    ]
    found = model.evaluate_layers(np.array([layer_row(layer) for layer in layers]), hardware)
    costs = dict(zip(shapes, np.stack([found.latency_s, found.energy_j], axis=1), strict=True))
    area = model.area_mm2(hardware)
    best: tuple[float, tuple[int, ...], int] = (np.inf, (), 0)
    for error, network in zip(errors, itertools.product(*WIDTHS), strict=True):
        shapes = [(c, k, size, 3) for c, k, size in zip((3, *network), network, SIZES, strict=False)]
        latency, energy = sum(costs[shape] for shape in [*shapes, (network[-1], 10, 1, 1)])
        objective = error + 2.0 * (3000.0 * energy + 0.5 * area)
        objective[latency > 0.3e-3] = np.inf
        at = int(objective.argmin())
        best = min(best, (float(objective[at]), network, at))
    return best


def test_the_exact_optimum_of_a_space_from_a_file_is_that_of_brute_force(tmp_path, capsys):
    path, errors = width_task(tmp_path)
    assert cli.main(["choose", str(path), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    objective, widths, _ = brute_force(errors)
    assert answer["designs_compared"] == 16_384 * 4
    assert answer["objective"] == pytest.approx(objective, rel=1e-12)
    assert tuple(answer["design"][f"width{n}"] for n in range(1, 8)) == widths


# ------------------------------------------------------------------------------------------------- what a file describes
def test_a_task_is_the_problem_that_python_would_build(tmp_path):
    example = runpy.run_path(str(EXAMPLES / "own_problem.py"))
    text = """
name = "mine"
[network]
kind = "blocks"
image = [3, 64, 64]
classes = 20
stem = { channels = 16, stride = 2 }
head_channels = 256
slots = [
  { operators = ["mb3_k3", "mb6_k3", "sep_k3", "sep_k5"], channels = 32, stride = 2 },
  { operators = ["mb3_k3", "mb6_k3", "sep_k3", "sep_k5", "identity"], channels = 32 },
  { operators = ["mb3_k3", "mb6_k3", "sep_k3", "sep_k5"], channels = 64, stride = 2 },
  { operators = ["mb3_k3", "mb6_k3", "sep_k3", "sep_k5", "identity"], channels = 64 },
]
[operators.sep_k3]
layers = [{ depthwise = true, kernel = 3 }, {}]
[operators.sep_k5]
layers = [{ depthwise = true, kernel = 5 }, {}]
[accelerator]
pe_x = [8, 16, 32, 64]
pe_y = [8, 16, 32, 64]
rf_words = { first = 8, last = 64, step = 8 }
dataflow = ["WS"]
[technology]
dram_words_per_cycle = 3.2
[accuracy]
callable = "own.py:accuracy"
[objective]
linear = { energy_j = 20_000, area_mm2 = 0.5 }
limits = { latency_s = "100 us", area_mm2 = 4 }
"""
    (tmp_path / "mine.toml").write_text(text)
    source = (EXAMPLES / "own_problem.py").read_text()
    (tmp_path / "own.py").write_text(source.replace("def made_up_accuracy", "def accuracy").replace(
        "accuracy = made_up_accuracy\n", "pass\n"))  # fmt: skip
    found, expected = make_problem(str(tmp_path / "mine.toml")), example["own_problem"]()
    assert found.fingerprint() == expected.fingerprint()
    assert found.name == expected.name


def test_layers_follow_from_expressions(write):
    changes = ('k = "width * 2"', 'k = "(width + 8) * 2 / 4"\ngroups = 2\nrepeat = "width / 8"')
    space = make_problem(write(changes)).network_space
    assert [part.scope for part in space.parts()] == [(0,), (0, 1)]
    plain8, deep8, plain16, deep16 = space.parts()[1].layers
    assert plain8 == plain16 == ()
    assert deep8 == (Layer("deep", "conv", 8, 8, 8, 8, 1, 1, groups=2),)
    assert deep16 == tuple(Layer(f"deep{n}", "conv", 12, 16, 8, 8, 1, 1, groups=2) for n in (1, 2))


def test_matrix_products_are_layers(write):
    product = '[[network.layers]]\nname = "scores"\nrows = 16\ninner = "width"\ncolumns = 16\nproducts = 2\n'
    networks = make_problem(write(("[accelerator]", f"{product}both_activations = true\n[accelerator]"))).network_space
    scores = [layer for layer in networks.parts()[0].layers[0] if layer.name == "scores"]
    assert [(layer.kind, layer.k, layer.c, layer.p * layer.q, layer.groups) for layer in scores] == [
        ("attention", 32, 16, 16, 2)
    ]


def test_stages_transformers_workloads_and_the_catalog(tmp_path):
    rest = '[accelerator]\nspace = "dance"\npe_x = [8]\npe_y = [8]\nrf_words = [8]\ndataflow = ["OS"]\n'
    rest += "[accuracy]\nconstant = 30\nunit = 'perplexity'\n[objective]\nedap = { reference_js_mm2 = 1e-6 }\n"

    def problem(text: str, *more: str):
        (tmp_path / "t.toml").write_text("\n".join(['name = "x"', "[network]", text, *more, rest]))
        return make_problem(str(tmp_path / "t.toml"))

    image = "image = [3, 32, 32]\nclasses = 10\nstem = { channels = 8 }\nhead_channels = 32\n"
    stage = "[[network.stages]]\nchannels = 16\nstride = 2\nexpansions = [1, 2]\nkernels = [3]\nlayers = [1, 2]"
    two = "[workloads.small]\nimage = [3, 32, 32]\nweight = 2\n[workloads.large]\nimage = [3, 64, 64]"
    stages = problem(f'kind = "stages"\n{image}', stage)
    assert isinstance(stages.network_space, StageSpace)
    both = problem(f'kind = "stages"\n{image}', stage, two)
    assert isinstance(both.network_space, WorkloadSpace)
    one = np.zeros((1, 4), dtype=np.int64)
    small, large = (each.network_space.macs(one)[0] for each in both.workloads)
    assert small == stages.network_space.macs(one)[0]
    assert both.network_space.macs(one)[0] == 2 * small + large

    language = (
        'kind = "transformer"\nembeddings = [64]\ndepths = [1, 2]\nheads = [1]\nmlp_ratios = [2, 4]\nvocabulary = 100'
    )
    phases = "[workloads.prompt]\nprefill = 16\n[workloads.decode]\ndecode = 16"
    model = problem(language, phases)
    assert model.error_name == "perplexity"
    assert model.accuracies(np.zeros((1, 7), dtype=np.int64)) == pytest.approx([0.7])
    expected = TransformerSpace("x", (64,), (1, 2), (1,), (2, 4), Prefill(16), vocabulary=100)
    assert [each.network_space for each in model.workloads] == [expected, expected.under(Decode(16))]

    assert problem('kind = "catalog"\nname = "tiny"').network_space.name == "tiny"


@pytest.mark.parametrize("solver", ["dance-exact", "edd"])
def test_solvers_work_on_workloads_of_blocks_and_a_constant_accuracy(tmp_path, solver):
    (tmp_path / "t.toml").write_text(
        'name = "x"\n[network]\nkind = "blocks"\nimage = [3, 32, 32]\nclasses = 10\nstem = { channels = 8 }\n'
        'head_channels = 16\nslots = [{ operators = ["mb3_k3", "identity"], channels = 8, repeat = 2 }]\n'
        "[workloads.small]\nimage = [3, 16, 16]\n[workloads.large]\nimage = [3, 32, 32]\n"
        '[accelerator]\npe_x = [8, 16]\npe_y = [8]\nrf_words = [8]\ndataflow = ["OS"]\n[accuracy]\nconstant = 0.9\n'
        "[objective]\nlinear = { energy_j = 1e4 }\nworst_case = true\nlimits = { small.latency_s = 1.0 }\n"
    )
    problem = make_problem(str(tmp_path / "t.toml"))
    best = optimum(problem)
    result = make_solver(solver).solve(problem, budget=40, seed=0)
    assert result.best_objective == pytest.approx(best.objective, rel=1e-9)


def test_factors_add_up_and_hours_come_from_the_table(write):
    factors = (
        'unit = "accuracy_pct"\nintercept = 80\nfactors = [{ choices = ["width"], table = "w.csv" },'
        '{ choices = ["kind", "width"], table = "kw.json", cells = "indices" }]'
    )
    kw = json.dumps({"width": [0, 1, 0, 1], "kind": [0, 0, 1, 1], "value": [0, 0, 1, -2.5]})
    path = write(('table = "table.csv"', factors), **{"w.csv": "width,value\n16,3\n8,-1\n", "kw.json": kw})
    networks = np.array([[0, 0], [0, 1], [1, 0], [1, 1]])
    assert make_problem(path).accuracies(networks) == pytest.approx([0.79, 0.80, 0.83, 0.805])
    hours = "width,kind,error_pct,training_gpu_hours\n8,plain,20,1\n8,deep,15,2\n16,plain,14,3\n16,deep,9,4\n"
    timed = make_problem(write(**{"table.csv": hours}))
    assert isinstance(timed.training_time, TabulatedTrainingTime)
    assert timed.training_gpu_hours(networks).tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("ending", ["json rows", "json columns", "parquet", "indices"])
def test_tables_come_in_several_forms(write, tmp_path, ending):
    columns = {"kind": ["deep", "plain"] * 2, "width": [8, 8, 16, 16], "error_pct": [15, 20, 9.0, 14]}
    expected = make_problem(write())
    if ending == "json columns":
        path = write(("table.csv", "t.json"), **{"t.json": json.dumps(columns)})
    elif ending == "json rows":
        rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        path = write(("table.csv", "t.json"), **{"t.json": json.dumps(rows)})
    elif ending == "indices":
        rows = "width,kind,accuracy\n0,0,0.8\n0,1,0.85\n1,0,0.86\n1,1,0.91\n"
        path = write(('table = "table.csv"', 'table = "i.csv"\ncells = "indices"'), **{"i.csv": rows})
    else:
        pyarrow = pytest.importorskip("pyarrow")
        from pyarrow import parquet

        floats = {**columns, "width": [float(width) for width in columns["width"]]}  # as pandas writes them beside gaps
        parquet.write_table(pyarrow.table(floats), tmp_path / "t.parquet")
        path = write(("table.csv", "t.parquet"))
    assert np.allclose(make_problem(path).accuracy.tensor, expected.accuracy.tensor, rtol=1e-15)


def test_a_variant_replaces_keys_of_the_objective(write):
    path = write(("limits = { latency_s = 0.5e-6 }", "edap = { reference_js_mm2 = 1.0 }"))
    usual, fast = make_problem(path), make_problem(f"{path}:fast")
    assert (usual.name, fast.name) == ("small", "small/fast")
    assert str(usual.objective) == "error + 1 x (energy / 1 µJ), latency <= 1 ms"
    assert str(fast.objective) == "error + 1 x (EDAP / 1 J·s·mm²), latency <= 1 ms"
    assert make_problem(f"{path}:fast:permuted=1").name == "small/fast:permuted=1"
    assert make_problem(f"{path}:permuted=1").original.fingerprint() == usual.fingerprint()


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("a/b.toml", ("a/b.toml", "")),
        ("a/b.toml:v", ("a/b.toml:v", "")),
        ("a/b.toml:v:noise=1,seed=2", ("a/b.toml:v", "noise=1,seed=2")),
        ("a/b.toml:noise=1", ("a/b.toml", "noise=1")),
    ],
)
def test_names_are_taken_apart(name, split):
    assert split_task(name) == split


def test_the_technology_of_a_file_is_named(write):
    assert facts_of(write())["technology"] == "edge-lpddr4"
    changed = write(text=SMALL + "\n[technology]\ndram_words_per_cycle = 3.2\n")
    assert facts_of(changed)["technology"] == "edge-lpddr4, changed"
    own = (
        "from dance_env import AnalyticalCostModel\n"
        "class Own:\n"
        "    def __init__(self):\n        self.model = AnalyticalCostModel()\n"
        "    def fingerprint(self):\n        return 'own'\n"
        "    def evaluate_layers(self, rows, hardware):\n        return self.model.evaluate_layers(rows, hardware)\n"
        "    def area_mm2(self, hardware):\n        return self.model.area_mm2(hardware)\n"
    )
    text = SMALL + '\n[cost]\ncallable = "own.py:Own"\n'
    assert facts_of(write(text=text, **{"own.py": own}))["technology"] == "that of Own"


def test_python_files_give_parts(write):
    code = (
        "from dance_env import LayerSpace, Layer, AnalyticalCostModel\nimport numpy as np\n"
        "def networks():\n    layer = Layer('x', 'conv', 8, 3, 8, 8, 3, 3)\n"
        "    return LayerSpace('x', fixed=(layer,), options={'a': {1: (), 2: (layer,)}})\n"
        "def accuracy(chosen):\n    return 90 + chosen[:, 0]\n"
        "def model():\n    return AnalyticalCostModel(objective='energy')\n"
    )
    start, end = SMALL.index("[network]"), SMALL.index("[accelerator]")
    text = SMALL[:start] + '[network]\nkind = "python"\ncallable = "parts.py:networks"\n' + SMALL[end:]
    text = text.replace('table = "table.csv"', 'callable = "parts.py:accuracy"\nunit = "accuracy_pct"')
    text += '\n[cost]\ncallable = "parts.py:model"\n'
    problem = make_problem(write(text=text, **{"parts.py": code}))
    assert problem.network_space.name == "x"
    assert problem.accuracies([[0], [1]]) == pytest.approx([0.90, 0.91])
    assert set(problem.files) == {"task.toml", "parts.py"}


# ------------------------------------------------------------------------------------------------------ where it is used
def test_the_environment_takes_the_file(write):
    env = gymnasium.make("dance_env/CoDesign-v0", task=write(), episode="sequential")
    env.reset(seed=0)
    assert env.unwrapped.problem.name == "small"
    both = gymnasium.make_vec(
        "dance_env/CoDesign-v0", num_envs=2, vectorization_mode="vector_entry_point", task=write()
    )
    assert both.reset(seed=0)[0] is not None


def test_records_know_the_content(write, tmp_path):
    def runs() -> tuple[set[str], dict]:
        compare(
            Settings(tasks=path, solvers=["random"], budget=5, seeds=(1,), out=tmp_path / "runs"), executor=Inline()
        )
        manifest = json.loads((tmp_path / "runs" / "manifest.json").read_text())
        return set(manifest["records"].values()), manifest["tasks"]["small"]

    path = write()
    first, task = runs()
    assert set(task["files"]) == {"task.toml", "table.csv"}
    assert task["made_by"] is None
    assert runs()[0] == first  # the record is found again
    write(**{"table.csv": TABLE.replace("16,deep,9", "16,deep,8")})
    edited, after = runs()
    assert edited != first
    assert after["files"]["table.csv"] != task["files"]["table.csv"]
    assert after["files"]["task.toml"] == task["files"]["task.toml"]
    write(("linear = { energy_j = 1e6 }", "linear = { energy_j = 2e6 }"), **{"table.csv": TABLE.replace("9", "8")})
    assert runs()[0] != edited


def test_the_example_runs(capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["custom_task.py", "--budget", "40"])
    runpy.run_path(str(EXAMPLES / "custom_task.py"), run_name="__main__")
    printed = capsys.readouterr().out
    found = {line.split()[0]: float(line.split()[1]) for line in printed.splitlines() if "{'block1'" in line}
    assert set(found) == {"random", "evolution", "dance-exact", "exact"}
    assert min(found.values()) == found["exact"]
    assert "20,480 designs; minimize error + 1 x (energy / 50 µJ + area / 2 mm²), latency <= 100 µs" in printed


# ----------------------------------------------------------------------------------------------------- what it refuses
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("pe_x = [8, 16]", "pe_x = [16, 8]", r"task\.toml, line 21, accelerator\.pe_x: accelerator pe_x must be ascending"),
        ("pe_x = [8, 16]", 'pe_x = "8"', r"line 21, accelerator\.pe_x: expected a list of whole numbers or a table, got '8'"),
        ("pe_x = [8, 16]", "pe_x = [8, 1.5]", r"accelerator\.pe_x\[1\]: expected a whole number, got 1\.5"),
        ("pe_x = [8, 16]", "pe_y_ = [8]", r"accelerator\.pe_y_: there is no such key\. Did you mean 'pe_y'"),
        ("pe_x = [8, 16]\n", "", r"line 20, accelerator: the axis 'pe_x' is missing\. Accelerators need pe_x, pe_y"),
        ("pe_x = [8, 16]", "pe_x = {first = 1, last = 60000}\nglb_words = {first = 1, last = 90000}",
         r"these are 5,400,000,000 accelerators; at most 5,000,000"),
        ('["WS"]', '["NVDLA"]', r"accelerator\.dataflow: there is no dataflow 'NVDLA'\. Known: 'WS'"),
        ('name = "small"\n', "", r"task\.toml: the key 'name' is missing\. It needs name, network, accuracy, objective"),
        ('kind = "layers"', 'kind = "layer"', r"network\.kind: there is no kind 'layer'\. Did you mean 'layers'"),
        ('kind = "layers"\n', "", r"line 3, network: the key 'kind' is missing; it is one of 'blocks', 'stages'"),
        ('k = "width"', 'k = "widht"', r"line 11, network\.layers\[0\]\.k: there is no choice 'widht'\. Did you mean 'width'"),
        ('k = "width * 2"', 'k = "width / 3"', r"layers\[1\]\.k: 'width / 3': 8 / 3 is no whole number \(with width = 8"),
        ('k = "width * 2"', 'k = "kind * 2"', r"kind is 'deep' here, no whole number to calculate with"),
        ('k = "width * 2"', 'k = "__import__(1)"', r"an expression has whole numbers, names, \+ - \* / and parentheses"),
        ('k = "width * 2"', "k = 0", r"layers\[1\]: layer 'deep': k must be at least 1, got 0"),
        ('when = { kind = "deep" }', 'when = { kind = "depe" }', r"choice 'kind' has no option 'depe'\. Did you mean 'deep'"),
        ("size = 8\nkernel = 3", "kernel = 3\nr = 1", r"layers\[0\]\.kernel: kernel means r and s: give it, or them"),
        ('k = "width"\n', "", r"layers\[0\]: a layer needs k and c, .*; 'k' is missing"),
        ("width = [8, 16]", "width = []", r"network\.choices\.width: expected different options, at least one"),
        ("width = [8, 16]", "pe_x = [8, 16]", r"there is no choice 'width'"),
        ('latency_s = "1 ms"', 'latency_s = "1 mJ"', r"line 30, objective\.limits\.latency_s: give latency_s a number, .* 'ms'"),
        ('latency_s = "1 ms"', "latency_ms = 1", r"limits\.latency_ms: there is no metric 'latency_ms' to limit\. Did you mean"),
        ('latency_s = "1 ms"', "a.latency_s = 1", r"the limit on a\.latency_s names a workload that does not exist"),
        ("energy_j = 1e6", "energy_mj = 1e6", r"objective\.linear\.energy_mj: there is no such key\. Did you mean 'energy_j'"),
        ("energy_j = 1e6", "energy_j = -1", r"objective\.linear: the weight of energy_j must be a finite number >= 0"),
        ("linear = { energy_j = 1e6 }", "", r"objective: give exactly one cost: linear, edap or callable"),
        ('table = "table.csv"', 'table = "table.csv"\nconstant = 1.0', r"accuracy: give exactly one of table, factors"),
        ('table = "table.csv"', "constant = 93", r"accuracy\.constant: an accuracy is a fraction from 0 to 1"),
        ('table = "table.csv"', 'table = "none.csv"', r"line 26, accuracy\.table: there is no file 'none\.csv' below"),
        ("[variants.fast]", "[variants.fast]\nwieght = 2", r"line 32, variants\.fast\.wieght: there is no such key\. Did you mean"),
        ("[accuracy]", "[technology]\nclock = 1\n[accuracy]", r"technology\.clock: there is no such constant\. Did you mean"),
        ("[accuracy]", '[technology]\nbase = "45nm"\n[accuracy]', r"technology\.base: unknown technology '45nm'"),
        ("[accuracy]", "[technology]\nmac_pj = '1'\n[accuracy]", r"technology\.mac_pj: expected a number, got '1'"),
        ("[accuracy]", "[technology]\nmac_pj = -1\n[accuracy]", r"technology: Technology\.mac_pj: expected a non-negative"),
        ("[accuracy]", "[operators.a]\nlayers = [{}]\n[accuracy]", r'operators: .* networks of the kind "blocks"'),
        ("[accuracy]", "[workloads.a]\n[accuracy]", r'workloads\.a: networks of the kind "layers" have one workload'),
        ("[accuracy]", "[cost]\nobjective = 'speed'\n[accuracy]", r"cost: objective: expected one of edp, energy, latency"),
        ("[accuracy]", "[training]\nimages = 0\nepochs = 1\n[accuracy]", r"training: images must be a number above 0"),
        ('name = "small"', f"name = {'9' * 5000}", r"task\.toml is no TOML file: .* digits"),
        ('name = "small"', 'name = "a\\nb"', r"line 2, name: expected a name of 1 to 100 characters on one line"),
        ('name = "small"', 'name = "tiny/edap"', r"'tiny/edap' is a task of the catalog; give the file another name"),
        ('k = "width * 2"', 'k = "width * 999999999"', r"layers\[1\]\.k: 7,999,999,992 is more than 10,000,000"),
        ('k = "width * 2"', 'k = 8\nrepeat = "width * 999"', r"layers\[1\]\.repeat: expected 0 to 1000 layers, got 7992"),
        ("[accuracy]", "[accuracy", r"task\.toml is no TOML file: .*line 25"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(write, old, new, message):
    with pytest.raises(TaskFileError, match=message):
        make_problem(write((old, new)))


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.replace("16,deep,9\n", ""), r"1 of 4 networks have no row, such as width = 16, kind = deep$"),
        ("width,kind,error_pct\n8,plain,1\n", r"3 of 4 networks have no row, such as .*; .*; width = 16, kind = deep$"),
        (TABLE + "8,plain,3\n", r"1 networks are there more than once, such as width = 8, kind = plain in rows 1 and 5"),
        (TABLE.replace("9\n", "nan\n"), r"row 4: error_pct must be a finite number, got 'nan'"),
        (TABLE.replace("9\n", "\n"), r"row 4: error_pct must be a finite number, got ''"),
        (TABLE.replace("9\n", "900\n"), r"row 4: error_pct is 900, and must be 0 to 100"),
        (TABLE.replace("error_pct", "accuracy"), r"row 1: accuracy is 20, .* call the column accuracy_pct"),
        ("width,kind,accuracy_pct\n8,plain,.1\n8,deep,.1\n16,plain,.1\n16,deep,.1\n", r"if these are fractions, call the"),
        (TABLE.replace("error_pct", "perplexity").replace(",9", ",900"), r"perplexity is 900, .* none is above 100"),
        (TABLE.replace("error_pct", "acc"), r"there is no column of accuracies; call it accuracy, accuracy_pct, error_pct or"),
        (TABLE.replace("error_pct", "error_pct,accuracy").replace("\n8,plain,20", "\n8,plain,20,1"), r"row 2: expected 4 cells"),
        (TABLE.replace("width", "widht"), r"there is no column 'width', for the choice\. Did you mean 'widht'"),
        (TABLE.replace("deep", "deeep"), r"row 2: 'kind' has no option 'deeep'\. Did you mean 'deep'"),
        ("width,kind,accuracy\n0,0,.1\n0,1,.1\n1,0,.1\n1,1,.1\n", r"'width' has no option '0'.* say cells = \"indices\""),
        ("width,width,kind,accuracy\n", r"the column 'width' is there twice"),
        ("", r"table\.csv has no rows"),
        ("width,kind,error_pct\n", r"table\.csv has no rows"),
        (TABLE.replace("error_pct", "error_pct,training_gpu_hours").replace("20\n", "20,1\n").replace("15\n", "15,0\n")
         .replace("14\n", "14,1\n").replace(",9\n", ",9,1\n"), r"row 2: training_gpu_hours must be above 0, got 0"),
    ],
)  # fmt: skip
def test_a_wrong_table_is_told_with_its_row(write, table, message):
    with pytest.raises(
        TaskFileError, match=rf"task\.toml, line 26, accuracy\.table: table\.csv.*{message}|.*{message}"
    ):
        make_problem(write(**{"table.csv": table}))


def test_parquet_without_pyarrow_says_what_to_install(write, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    path = write(("table.csv", "t.parquet"), **{"t.parquet": ""})
    assert cli.main(["choose", path]) == 2
    assert (
        "t.parquet: reading Parquet needs the package pyarrow: pip install 'dance-env[parquet]'"
        in capsys.readouterr().err
    )


@pytest.mark.parametrize("content", [b"", b"PAR1 no more", b"\x00" * 100])
def test_what_is_no_parquet_file_is_told(write, tmp_path, content):
    pytest.importorskip("pyarrow")
    path = write(("table.csv", "t.parquet"))
    (tmp_path / "t.parquet").write_bytes(content)
    with pytest.raises(TaskFileError, match=r"accuracy\.table: t\.parquet is no Parquet file"):
        make_problem(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[" * 100_000, "t.json is no JSON file"),
        ("{}", "t.json has no rows"),
        ('[{"width": 8}, {"kind": 1}]', r"row 2: expected the keys \['width'\]"),
        ('{"width": [1], "kind": []}', "columns must be equally long"),
        ("3", "expected a list of objects, a row each"),
    ],
)
def test_what_is_no_json_table_is_told(write, content, message):
    with pytest.raises(TaskFileError, match=rf"accuracy\.table: .*{message}"):
        make_problem(write(("table.csv", "t.json"), **{"t.json": content}))


@pytest.mark.parametrize("name", ["../outside.csv", "/etc/passwd", "link.csv", "a/../../outside.csv"])
def test_no_path_leads_out_of_the_folder(write, tmp_path, name):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "outside.csv").write_text(TABLE)
    (inner / "link.csv").symlink_to(tmp_path / "outside.csv")
    (inner / "task.toml").write_text(SMALL.replace("table.csv", name))
    with pytest.raises(TaskFileError, match="lies outside the folder of the task's file"):
        make_problem(str(inner / "task.toml"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil.py:f", "lies outside the folder"),
        ("os:system", "expected a Python file and a name in it, such as 'mine.py:accuracy function'"),
        ("table.csv", "expected a Python file and a name in it"),
        ("mine.py", "expected a Python file and a name in it"),
        ("mine.py:nothing", r"there is no 'nothing' in .*mine\.py\. Did you mean|there is no 'nothing'"),
        ("mine.py:number", "neither a function of networks"),
        ("mine.py:short", r"must return an array of shape \(4,\)"),
        ("mine.py:fails", "ZeroDivisionError"),
    ],
)
def test_code_runs_only_from_a_file_that_is_named(write, name, message):
    code = "number = 3\ndef short(chosen):\n    return [0.5]\ndef fails(chosen):\n    return 1 / 0\n"
    with pytest.raises(TaskFileError, match=message):
        make_problem(write(('table = "table.csv"', f'callable = "{name}"'), **{"mine.py": code}))


@pytest.mark.parametrize("command", [["choose"], ["compare", "--solver", "random"], ["coupling"]])
def test_the_commands_say_so_in_a_sentence(write, capsys, command):
    path = write(("pe_x = [8, 16]", "pe_x = 8"))
    assert cli.main([command[0], path, *command[1:]]) == 2
    said = capsys.readouterr().err
    assert said.startswith(f"dance: {path}, line 21, accelerator.pe_x: expected a list of whole numbers")
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("nowhere.toml", FileNotFoundError, "there is no file nowhere.toml to read the task"),
        ("TASK:slow", TaskFileError, r"there is no variant 'slow'\. Known: 'fast'"),
        ("TASK:permutde=1", ValueError, "there is no perturbation 'permutde'"),
    ],
)
def test_wrong_names_are_told(write, name, error, message):
    with pytest.raises(error, match=message):
        make_problem(name.replace("TASK", write()))


def test_arguments_that_the_file_decides_are_refused(write):
    with pytest.raises(ValueError, match="does not take accuracy_table: its file decides"):
        make_problem(write(), accuracy_table="x.json")
    assert dance_env.make_problem(write()).name == "small"


@pytest.mark.parametrize(
    "value", ["[]", "{}", "true", "-1", "nan", "inf", '""', "[[1]]", "99999999999999999999", "1e400"]
)
def test_any_value_of_any_key_makes_a_problem_or_an_error_that_names_it(write, value):
    lines, told = SMALL.splitlines(), []
    for number, line in enumerate(lines):
        key, equals, _ = line.partition(" = ")
        if not equals:
            continue
        try:
            make_problem(write(text="\n".join([*lines[:number], f"{key} = {value}", *lines[number + 1 :]])))
        except TaskFileError as error:
            told.append(str(error))
    assert told
    assert all("task.toml" in each for each in told)


# ------------------------------------------------------------------------------------------------------------ its parts
def test_lines_are_those_of_the_keys():
    text = 'a = 1\n[t]\nx.y = """\n[not]\nz = 2\n"""\n[[t.s]]\nk = 1\n[[t.s]]\nk = { q = 2 }\n[t.s.inner]\n"d e" = 1\n'
    lines = line_numbers(text)
    assert lines[("a",)] == 1
    assert lines[("t", "x", "y")] == 3
    assert ("not",) not in lines
    assert lines[("t", "s", 0, "k")] == 8
    assert line_of(("t", "s", 1, "k", "q"), lines) == 10
    assert lines[("t", "s", 1, "inner", "d e")] == 12
    assert line_of(("b",), lines) is None


@pytest.mark.parametrize(
    ("text", "value"), [("3", 3), (4, 4), ("a * b + 1", 7), ("(a + b) / 5", 1), ("b - a", 1), ("in / 2", 4)]
)
def test_expressions_are_calculated(text, value):
    assert Expression.of(text).value({"a": 2, "b": 3, "in": 8}) == value


@pytest.mark.parametrize(
    "text", ["", "a **", "a ** 2", "f(1)", "a.b", "True", "1.5", "a" * 300, "(" * 150, "a if b else c"]
)
def test_what_is_no_expression_is_refused(text):
    with pytest.raises(ValueError, match="expression"):
        Expression.of(text)


def test_the_file_of_the_docs_is_a_task(tmp_path):
    page = (EXAMPLES.parent / "docs" / "own_task.md").read_text()
    widths = (8, 16, 24, 32)
    rows = [f"{a},{b},{70 + (a * b) ** 0.5 / 4}" for a in widths for b in widths]
    (tmp_path / "accuracies.csv").write_text("\n".join(["width1,width2,accuracy_pct", *rows]))
    (tmp_path / "my_task.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    assert make_problem(str(tmp_path / "my_task.toml")).space.size == 16 * 54
    (tmp_path / "accuracies.csv").write_text("\n".join(["width1,width2,accuracy_pct", *rows[:2], *rows[5:]]))
    with pytest.raises(TaskFileError) as caught:
        make_problem(str(tmp_path / "my_task.toml"))
    told = str(caught.value).replace(f"{tmp_path}/", "")
    shown = next(line for line in page.splitlines() if "networks have no row" in line).removeprefix("dance: ")
    assert told.startswith(shown.removesuffix("; ..."))


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ('slots = [{ operators = ["mb3_k3"], channels = 8, repeat = 1000000000 }]', r"repeat must be 1 to 1000, got 1000000000"),
        ('slots = [{ operators = ["mb3_k3", "mb6k3"], channels = 8 }]', r"no operator 'mb6k3'\. Did you mean 'mb6_k3'"),
        ('slots = [{ operators = ["zero", "mb3_k3"], channels = 16 }]', r"operator 'zero' may not stand here"),
        ('slots = [{ operators = ["a", "mb3_k3"], channels = 16 }]', r"'a' may not stand here .* its last layer gives 12 channels"),
        ('slots = [{ operators = ["mb3_k3", "mb6_k3"], channels = 0 }]', r"slots\[0\]\.channels: expected a number of at least 1"),
        ('slots = [{ operators = ["mb3_k3", "mb6_k3"], channels = 10000000000000 }]', r"multiply-accumulates: Layer"),
        ('slots = [{ operators = ["mb3_k3"], channels = 8 }]', r"network: .* nothing can be chosen"),
        ('slots = []', r"nothing can be chosen"),
    ],
)  # fmt: skip
def test_wrong_blocks_are_told(tmp_path, network, message):
    (tmp_path / "t.toml").write_text(
        f'name = "x"\n[network]\nkind = "blocks"\nimage = [3, 32, 32]\nclasses = 10\nstem = {{ channels = 8 }}\n'
        f"head_channels = 16\n{network}\n[operators.a]\nlayers = [{{ channels = 'in * 3 / 2' }}]\n"
        "[accuracy]\nconstant = 0.9\n[objective]\nedap = { reference_js_mm2 = 1e-6 }\n"
    )
    with pytest.raises(TaskFileError, match=message):
        make_problem(str(tmp_path / "t.toml"))
