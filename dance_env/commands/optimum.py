"""The command `dance optimum`: the proved best design of a task."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from dance_env.analysis.optimum import (
    FrontProgress,
    Proof,
    ProofProgress,
    ProvedFront,
    certified_front,
    load_evidence,
    load_front,
    prove,
    save_evidence,
    save_front,
    verify,
    verify_front,
)
from dance_env.analysis.optimum.records import shipped_front_file, shipped_record, shipped_records
from dance_env.atomic import write_whole
from dance_env.cache import content_key, default_cache_dir
from dance_env.command_line import TASK_HELP, Exit, Parser, as_json, say
from dance_env.problem import Problem
from dance_env.progress import reporter
from dance_env.tasks import make_problem

_EVERY_S = 2.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command; return 0 where the optimum is proved, 1 where a gap is left or no design meets the limits."""
    arguments = _parser().parse_args(argv)
    if arguments.seconds is not None and not arguments.seconds >= 0:
        raise ValueError(f"--seconds must be 0 or more, got {arguments.seconds}")
    if arguments.task is None:
        say(as_json([each.summary() for each in shipped()]) if arguments.json else shipped_table())
        return Exit.ANSWER
    problem = make_problem(
        arguments.task,
        accuracy_table=arguments.accuracy_table,
        cache_dir=arguments.cache_dir,
        progress=sys.stderr.isatty(),
    )
    if arguments.verify:
        return _verify_front(problem, arguments) if arguments.front else _verify(problem, arguments)
    if arguments.front:
        return _front(problem, arguments)
    proof = prove(
        problem,
        progress=_reporter(),
        checkpoint=_checkpoint(problem, arguments.cache_dir),
        seconds=arguments.seconds,
        workers=arguments.workers,
    )
    if arguments.save is not None:
        write_whole(arguments.save, proof.to_json())
        save_evidence(arguments.save.with_suffix(".npz"), proof.evidence or ())
    say(proof.to_json() if arguments.json else as_text(problem, proof))
    return Exit.ANSWER if proof.feasible and proof.gap == 0.0 else Exit.NEGATIVE


def _front(problem: Problem, arguments: argparse.Namespace) -> int:
    """Prove the Pareto front, and print it."""

    def report(state: FrontProgress) -> None:
        if sys.stderr.isatty():
            known = f": {state.designs:,} designs, gap {100 * state.gap:.3f} %" if state.designs else ""
            sys.stderr.write(f"{state.step}{known}\n")

    front = certified_front(
        problem,
        progress=report,
        checkpoint=_checkpoint(problem, arguments.cache_dir, ".front"),
        workers=arguments.workers,
    )
    if arguments.save is not None:
        save_front(arguments.save, front)
    if arguments.json:
        points = [
            {"cost": float(cost), "error": float(error), "design": design}
            for cost, error, design in zip(front.cost, front.error, problem.space.decode(front.designs), strict=True)
        ]
        content = {"problem": problem.name, "hypervolume": front.hypervolume, "gap": front.gap, "front": points}
        say(as_json(content))
    else:
        lacks = (
            f"It is exact: {front.sets:,} sets of networks that cost the same were compared"
            if front.sets
            else f"Other designs could add at most {100 * front.gap:.3f} % to its hypervolume"
        )
        say(
            f"{problem}\n{len(front):,} designs on the front of error against cost: from cost {front.cost[0]:.4g} and error "
            f"{front.error[0]:.3f} to cost {front.cost[-1]:.4g} and error {front.error[-1]:.3f}. {lacks} "
            f"({front.seconds:.0f} s).\n"
        )
    return Exit.ANSWER


def _verify_front(problem: Problem, arguments: argparse.Namespace) -> int:
    """Check a front's record by other means, and say what was checked."""
    path = arguments.record or shipped_front_file(problem)
    if path is None:
        raise ValueError(
            f"no front of {problem.name!r}, as it is now, ships. Prove it first (--front --save FILE.npz), then verify that "
            "file (--front --verify --record FILE.npz)"
        )
    with reporter(sys.stderr.isatty(), "Accelerators searched again") as report:
        found = verify_front(problem, load_front(path), progress=report)
    if arguments.json:
        say(as_json({"record": path.name, "holds": True, **asdict(found)}))
        return Exit.ANSWER
    say(
        f"{path.name} holds: {found.designs:,} designs as recorded, each on the cheapest accelerator for its network; "
        f"{found.searches:,} accelerators, searched again below a line, have no design that the front neither has nor "
        f"dominates ({found.priced:,} designs evaluated).\n"
    )
    return Exit.ANSWER


def _verify(problem: Problem, arguments: argparse.Namespace) -> int:
    """Check a record by other means, and say what was checked."""
    path = arguments.record or shipped_record(problem)
    if path is None:
        raise ValueError(
            f"no record of {problem.name!r}, as it is now, ships. Prove it first (--save FILE), then verify that file "
            "(--verify --record FILE)"
        )
    proof, evidence = Proof.from_json(path.read_text(encoding="utf-8")), load_evidence(path.with_suffix(".npz"))
    with reporter(sys.stderr.isatty(), "Cases searched again") as report:
        found = verify(problem, proof, evidence, progress=report)
    if arguments.json:
        bounds = {"objective": proof.objective, "lower_bound": proof.lower_bound}
        say(as_json({"record": path.name, "holds": True, **bounds, **asdict(found)}))
        return Exit.ANSWER
    say(
        f"{path.name} holds: objective {proof.objective:.9f}, lower bound {proof.lower_bound:.9f}.\n"
        f"{found.beaten:,} cases left out are beaten by another accelerator on every network; {found.cases:,} others, "
        f"searched again, have no design below the bound ({found.priced:,} designs evaluated).\n"
    )
    return Exit.ANSWER


def as_text(problem: Problem, proof: Proof) -> str:
    """Return the design by name, its objective, and what is proved of it."""
    certificate = proof.certificate
    lines = [str(problem)]
    if not proof.feasible:
        proved = proof.lower_bound == float("inf")
        lines.append("No design meets the limits: proved." if proved else "No design was found that meets the limits.")
    else:
        lines.append("The best design, proved:" if proof.gap == 0.0 else f"The best design found, gap {proof.gap:.2e}:")
        lines += [f"  {name:<20} {option}" for name, option in proof.options.items()]
        lines += [f"  {'objective':<20} {proof.objective:.9f}", f"  {'lower bound':<20} {proof.lower_bound:.9f}"]
    lines.append(
        f"{certificate.beaten:,} cases beaten by another accelerator on every network; "
        f"{certificate.bounded + certificate.impossible:,} closed by a bound, {certificate.searched:,} by search, "
        f"{certificate.unfinished:,} open; {certificate.vertices:,} vertices, {certificate.seconds:.1f} s."
    )
    return "\n".join(lines) + "\n"


@dataclass(frozen=True)
class Shipped:
    """A record that ships, and the gap of its Pareto front, where that is proved."""

    proof: Proof
    front: ProvedFront | None

    @property
    def cases(self) -> int:
        """How many cases the proof has."""
        found = self.proof.certificate
        return found.impossible + found.bounded + found.searched + found.unfinished

    def summary(self) -> dict[str, object]:
        """Return it for JSON."""
        certificate = self.proof.certificate
        return {
            "task": self.proof.problem,
            "objective": self.proof.objective,
            "gap": self.proof.gap,
            "options": dict(self.proof.options),
            "cases": self.cases,
            "bounded": certificate.bounded + certificate.impossible,
            "searched": certificate.searched,
            "vertices": certificate.vertices,
            "front_designs": None if self.front is None else len(self.front),
            "front_gap": None if self.front is None else self.front.gap,
        }


def shipped() -> list[Shipped]:
    """Return the records that ship."""
    found = []
    for path in shipped_records():
        file = path.with_suffix(".front.npz")
        proof = Proof.from_json(path.read_text(encoding="utf-8"))
        found.append(Shipped(proof, load_front(file) if file.exists() else None))
    return found


def shipped_table() -> str:
    """Return the records that ship as a Markdown table, as in docs/optimum.md."""
    lines = [
        "| task | objective | gap | accelerator | cases | closed by a bound | searched | vertices | front |",
        "|---|---:|---:|---|---:|---:|---:|---:|---|",
    ]
    for each in shipped():
        proof, certificate, front = each.proof, each.proof.certificate, each.front
        lines.append(
            f"| `{proof.problem}` | {proof.objective:.4f} | {proof.gap:g} | {_accelerator(proof)} | {each.cases:,} | "
            f"{certificate.bounded + certificate.impossible:,} | {certificate.searched:,} | {certificate.vertices:,} | "
            f"{'' if front is None else _front_in_short(front)} |"
        )
    return "\n".join(lines) + "\n"


def _front_in_short(front: ProvedFront) -> str:
    return f"{len(front):,} designs, " + ("exact" if front.sets else f"gap {100 * front.gap:.2f} %")


def _accelerator(proof: Proof) -> str:
    """Return an accelerator in a few words: the array, the register file, the dataflow and what else was chosen."""
    options = dict(proof.options)
    if not options:
        return "none"
    words = [
        f"{options.pop('pe_x')} x {options.pop('pe_y')}",
        f"{options.pop('rf_words')} words",
        options.pop("dataflow"),
    ]
    outside = {name for group in (*proof.certificate.groups, proof.certificate.outer) for name in group}
    return ", ".join([*words, *(f"{name} {option}" for name, option in options.items() if name not in outside)])


def _reporter() -> Callable[[ProofProgress], None]:
    """Return what writes the progress to a terminal, a line every few seconds."""
    last = time.perf_counter()

    def report(state: ProofProgress) -> None:
        nonlocal last
        now = time.perf_counter()
        if now - last >= _EVERY_S and sys.stderr.isatty():
            last = now
            sys.stderr.write(
                f"{state.closed:,} of {state.cases:,} cases closed; lower bound {state.lower_bound:.6f}, best "
                f"{state.best:.6f}\n"
            )

    return report


def _checkpoint(problem: Problem, cache_dir: str | None, kind: str = "") -> Path | None:
    fingerprint = problem.fingerprint()
    if fingerprint is None:
        return None
    folder = default_cache_dir() if cache_dir is None else Path(cache_dir)
    return folder / "optimum" / f"{content_key(fingerprint)}{kind}.json"


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "optimum",
        "Find the best design of a task, and prove that none is better; interrupted, it goes on later. The exit status is 1 if "
        "a gap is left, or no design meets the limits.",
        examples=[
            "optimum",
            "optimum macro-cifar10/edap --json",
            "optimum accel-nasbench/edap --verify",
            "optimum gpt-s/edap --front",
        ],
    )
    parser.add_argument(
        "task", nargs="?", metavar="TASK", help=f"{TASK_HELP}; without one, the records that ship are listed"
    )
    parser.add_json()
    parser.add_argument("--seconds", type=float, metavar="S", help="stop then, with a lower bound")
    parser.add_argument("--workers", type=int, metavar="N", help="threads (default: one per core, at most two)")
    parser.add_argument(
        "--save",
        type=Path,
        metavar="FILE",
        help="write the record there: FILE.json and FILE.npz, or FILE.npz of a front",
    )
    parser.add_argument("--front", action="store_true", help="prove the Pareto front of error against cost instead")
    parser.add_argument("--verify", action="store_true", help="check the record that ships, by other means")
    parser.add_argument(
        "--record", type=Path, metavar="FILE", help="with --verify: check this record instead (.json, of a front .npz)"
    )
    parser.add_argument(
        "--accuracy-table", metavar="FILE", help="measured accuracies (NAS-Bench-Macro's JSON, nb201's table)"
    )
    parser.add_argument("--cache-dir", metavar="FOLDER", help="of cost tables and of interrupted proofs")
    return parser
