"""What a language model is asked for: to read a prompt (prefill), or to write one token (decode)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Prefill:
    """Read a prompt of `tokens` tokens at once and predict the token behind it; every token attends to all of them.

    The causal mask hides later tokens from earlier ones. The products are computed in full and masked afterwards, so the
    mask saves no multiply-accumulates.

    Attributes:
        tokens: Length of the prompt.

    Raises:
        TypeError: If the length is not a whole number.
        ValueError: If it is below 1.
    """

    tokens: int

    def __post_init__(self) -> None:
        _check_whole("a prefill's tokens", self.tokens, hint="a prompt has at least one token")

    @property
    def entries(self) -> int:
        """Keys and values that each token attends to."""
        return self.tokens

    @property
    def name(self) -> str:
        """Such as ``"prefill 512"``."""
        return f"prefill {self.tokens}"


@dataclass(frozen=True)
class Decode:
    """Predict one token behind `context` others, whose keys and values are read from a cache.

    The current token's own key and value are written first and count among the `context` entries.

    Attributes:
        context: Entries of the cache, the current token's included.

    Raises:
        TypeError: If the context is not a whole number.
        ValueError: If it is below 1.
    """

    context: int

    def __post_init__(self) -> None:
        hint = (
            "a token attends to a cache that holds at least its own key and value; there is no decode without a cache"
        )
        _check_whole("a decode's context", self.context, hint=hint)

    @property
    def tokens(self) -> int:
        """Tokens that are processed at once: one."""
        return 1

    @property
    def entries(self) -> int:
        """Keys and values that the token attends to."""
        return self.context

    @property
    def name(self) -> str:
        """Such as ``"decode 512"``."""
        return f"decode {self.context}"


Phase = Prefill | Decode


def _check_whole(what: str, value: object, *, hint: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{what} must be an int, got {value!r}")
    if value < 1:
        raise ValueError(f"{what} must be at least 1, got {value}: {hint}")
