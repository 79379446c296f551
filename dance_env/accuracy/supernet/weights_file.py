"""A trained supernet as a file: its weights, and which networks and images they belong to."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import torch

from dance_env.accuracy.supernet.checkpoint import CheckpointError, read_checkpoint, write_checkpoint
from dance_env.accuracy.supernet.image_data import ImageData
from dance_env.accuracy.supernet.network import Supernet, build_supernet
from dance_env.graph import BlockSpace, graph_to_dict

_PREFIX = "supernet/"
_KIND = "supernet"


def save_supernet(path: Path, supernet: Supernet, *, space: BlockSpace, data: ImageData) -> None:
    """Write a supernet's weights, and which space and images they belong to.

    Raises:
        OSError: If the file cannot be written; what was there is intact.
    """
    tensors = {f"{_PREFIX}{name}": weight for name, weight in supernet.named_parameters()}
    about = {"network_space": space.name, "images": data.name}
    write_checkpoint(path, tensors, {"identity": _identity(space, data), "about": about}, keep=False)


def load_supernet(path: Path, *, space: BlockSpace, data: ImageData) -> Supernet:
    """Read what `save_supernet` wrote.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is damaged, not a supernet, or one of other networks or images.
    """
    tensors, identity = _read(path, space)
    if identity.get("images") != data.fingerprint():
        raise CheckpointError(
            f"{path} is a supernet of {space.name}, but was trained on other images than those of {data.name}, or on "
            "another split of them, so that it may have seen those that it is judged by. Give the images that it was "
            "trained on, or train one on these"
        )
    supernet = build_supernet(space, seed=0)
    with torch.no_grad():
        for name, weight in supernet.named_parameters():
            weight.copy_(tensors[f"{_PREFIX}{name}"])
    return supernet


def check_networks(path: Path, space: BlockSpace) -> None:
    """Refuse a file that is not a supernet of these networks, before any image is read.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is damaged, not a supernet, or one of other networks.
    """
    _read(path, space)


def _read(path: Path, space: BlockSpace) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
    """Return weights, and what they belong to, of a sound file of these networks."""
    if not path.is_file():
        raise FileNotFoundError(f"no supernet {path}; `dance supernet {space.name} FILE` trains one")
    try:
        tensors, state = read_checkpoint(path)
    except CheckpointError as error:
        raise CheckpointError(
            f"{path} is no supernet, or a damaged one ({error.why}); copy it anew from where it was trained, or train "
            f"one: `dance supernet {space.name} FILE`"
        ) from error
    identity = state.get("identity", {})
    if not isinstance(identity, dict) or identity.get("kind") != _KIND:
        stage = identity.get("stage") if isinstance(identity, dict) else None
        raise CheckpointError(
            f"{path} is {f'a checkpoint of the stage {stage!r}' if stage else 'no supernet'}; a finished image search "
            "leaves its supernet in supernet.safetensors of the same folder"
        )
    if identity.get("network_space") != space_digest(space):
        whose = state.get("about", {}).get("network_space", space.name)
        others = f"those of {whose}" if whose != space.name else "others"
        raise CheckpointError(f"{path} is not a supernet of {space.name}: its networks are {others}")
    return tensors, identity


def space_digest(space: BlockSpace) -> str:
    """Return a digest of the choices and of every layer: of what networks compute, not of how this package describes them."""
    choices = [[choice.name, *choice.options] for choice in space.choices()]
    parts = [[graph_to_dict(graph) for graph in graphs] for graphs in space.fragments()]
    text = json.dumps([space.image_shape, space.num_classes, choices, parts], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _identity(space: BlockSpace, data: ImageData) -> dict[str, str]:
    return {"kind": _KIND, "network_space": space_digest(space), "images": data.fingerprint()}
