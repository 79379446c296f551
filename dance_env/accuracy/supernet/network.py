"""The over-parameterized network: every option of every choice; a forward pass runs one path."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import nn

from dance_env.accuracy.supernet.streams import stream
from dance_env.graph import BlockSpace
from dance_env.graph.to_torch import build

ModuleT = TypeVar("ModuleT", bound=nn.Module)
Criterion = Callable[[torch.Tensor, torch.Tensor], torch.Tensor]


class Candidates(nn.Module):
    """The options of one choice, all of the same input and output shape."""

    def __init__(self, options: Sequence[nn.Module]) -> None:
        super().__init__()
        self.options = nn.ModuleList(options)

    def forward(self, inputs: torch.Tensor, option: int) -> torch.Tensor:
        """Run one option."""
        output: torch.Tensor = self.options[option](inputs)
        return output

    def mixture(self, inputs: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
        """Run all options: the sum of their outputs, weighted by `(options,)`. Keeps every option's activations."""
        return sum(
            (weight * option(inputs) for weight, option in zip(weights, self.options, strict=True)),
            start=torch.zeros((), device=inputs.device),
        )


class Supernet(nn.Module):
    """Fixed modules and `Candidates` in a row: images `(B, C, S, S)` -> logits `(B, classes)`."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        super().__init__()
        self.sequence = nn.ModuleList(modules)
        self.counts = tuple(len(module.options) for module in modules if isinstance(module, Candidates))

    def forward(self, images: torch.Tensor, path: Sequence[int]) -> torch.Tensor:
        """Run one path, `(N,)` option indices."""
        options = iter(path)
        values = images
        for module in self.sequence:
            values = module(values, next(options)) if isinstance(module, Candidates) else module(values)
        return values

    def mixture(self, images: torch.Tensor, probs: torch.Tensor) -> torch.Tensor:
        """Run every option, weighted by `(O,)` probabilities (as DARTS does; the memory of all paths)."""
        blocks = iter(probs.split(list(self.counts)))
        values = images
        for module in self.sequence:
            values = module.mixture(values, next(blocks)) if isinstance(module, Candidates) else module(values)
        return values

    def compile_blocks(self, *, backend: str = "inductor") -> None:
        """Run every option through `torch.compile` (in place; names and weights stay the same)."""
        for module in self.sequence:
            for each in module.options if isinstance(module, Candidates) else [module]:
                each.compile(backend=backend)

    def gate_gradients(
        self,
        images: torch.Tensor,
        labels: torch.Tensor,
        *,
        path: Sequence[int],
        asked: Sequence[Sequence[int]],
        criterion: Criterion,
        scale: float = 1.0,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss of a path, and its derivative by each gate: `<dloss/doutput, option's output>`.

        Only the path is differentiated and kept; the options asked for besides run forward afterwards, one at a time,
        so memory stays that of one path. Batch norm uses the batch and leaves its running averages alone.

        Args:
            images: `(B, C, S, S)`.
            labels: `(B,)`.
            path: `(N,)` the options that run.
            asked: the options of each choice whose gate gradient is wanted; the others' entries are 0.
            criterion: of network output and labels.
            scale: multiplies the loss while differentiating (half precision), and is taken out again.

        Returns:
            Loss `()` and gate gradients `(O,)` float32, both detached.
        """
        with frozen_statistics(self):
            inputs, outputs, values = [], [], images
            options = iter(path)
            for module in self.sequence:
                if not isinstance(module, Candidates):
                    values = module(values)
                    continue
                option = next(options)
                inputs.append((module, values.detach()))
                values = module(values, option)
                outputs.append(values)
            loss = criterion(values, labels)
            gradients = torch.autograd.grad(loss * scale, outputs)
            gates = torch.zeros(sum(self.counts), device=images.device)
            outputs_now = [output.detach() for output in outputs]
            del outputs, values
            start = 0
            for place, (module, given) in enumerate(inputs):
                gradient = gradients[place].float()
                for option in asked[place]:
                    with torch.no_grad():
                        output = outputs_now[place] if option == path[place] else module(given, option)
                        gates[start + option] = (gradient * output.float()).sum() / scale
                start += len(module.options)
        return loss.detach(), gates


@contextmanager
def frozen_statistics(module: nn.Module) -> Iterator[None]:
    """Let batch norms in training mode use the batch's statistics without updating their running averages."""
    norms = [each for each in module.modules() if isinstance(each, nn.BatchNorm2d) and each.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def build_supernet(space: BlockSpace, *, seed: int) -> Supernet:
    """Return the over-parameterized network of a space, channels-last, its initial weights drawn from the seed's stream."""
    with torch.random.fork_rng(devices=[]):  # torch's layers draw default weights from the global generator: undo that
        modules = [
            Candidates([build(graph) for graph in graphs]) if len(graphs) > 1 else build(graphs[0])
            for graphs in space.fragments()
        ]
    return initialize(Supernet(modules), stream(seed, "supernet/weights"))


def build_network(space: BlockSpace, network: Sequence[int], *, seed: int) -> nn.Module:
    """Return one network of the space on its own, channels-last, with initial weights drawn from the seed's own stream."""
    with torch.random.fork_rng(devices=[]):
        module = build(space.graph(network))
    return initialize(module, stream(seed, "network/weights"))


def initialize(module: ModuleT, generator: torch.Generator) -> ModuleT:
    """Start as ProxylessNAS does: convolutions normal with deviation sqrt(2 / (k k out)), batch norm 1 and 0."""
    for each in module.modules():
        if isinstance(each, nn.Conv2d):
            fan_out = each.kernel_size[0] * each.kernel_size[1] * each.out_channels
            nn.init.normal_(each.weight, 0.0, math.sqrt(2.0 / fan_out), generator=generator)
        elif isinstance(each, nn.BatchNorm2d):
            nn.init.ones_(each.weight)
            nn.init.zeros_(each.bias)
        elif isinstance(each, nn.Linear):
            bound = 1.0 / math.sqrt(each.in_features)
            nn.init.uniform_(each.weight, -bound, bound, generator=generator)
            nn.init.zeros_(each.bias)
        elif isinstance(each, nn.ReLU | nn.ReLU6):
            each.inplace = True  # always behind a batch norm, whose backward pass does not read its output
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
