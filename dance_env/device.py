"""Where tensors live (torch)."""

from __future__ import annotations

import torch


def usable_device(name: str | torch.device) -> torch.device:
    """Return the device of this name.

    Raises:
        ValueError: If there is none of this name, or this build of torch cannot use it.
    """
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise ValueError(f'the device {name!r} cannot be used ({why}); "cpu" always can, "cuda" with a GPU') from error
    return device
