"""`dance completion`: the code that makes a shell complete `dance`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from dance_env.command_line import Exit, Parser

SHELLS = ("bash", "zsh", "fish")
_NOTES = """Put the line into the start-up file of your shell:
  bash, in ~/.bashrc:                   eval "$(dance completion bash)"
  zsh, in ~/.zshrc, after compinit:     eval "$(dance completion zsh)"
  fish, in ~/.config/fish/config.fish:  dance completion fish | source"""


def main(argv: Sequence[str] | None = None) -> int:
    """Print the code for a shell; return 0.

    Raises:
        ImportError: If argcomplete is not installed.
    """
    asked = _parser().parse_args(argv)
    try:
        from argcomplete import shellcode
    except ImportError as error:
        raise ImportError("completion needs argcomplete: pip install 'dance-env[completion]'") from error
    sys.stdout.write(shellcode(["dance"], shell=asked.shell) + "\n")
    return Exit.ANSWER


def _parser() -> argparse.ArgumentParser:
    parser = Parser(
        "completion",
        "Print the code that makes a shell complete the commands, options, tasks, solvers and settings of dance.",
        examples=["completion bash", "completion fish"],
        notes=_NOTES,
    )
    parser.add_argument("shell", choices=SHELLS, metavar="SHELL", help=f"one of {', '.join(SHELLS)}")
    return parser
