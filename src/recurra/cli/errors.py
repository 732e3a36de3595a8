"""One clear line instead of a traceback."""

from __future__ import annotations

import functools
import os
import re
import signal
import sys
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import typer

from recurra.cli.extras import missing_extra
from recurra.errors import RecurraError

__all__ = ["BAD_INPUT", "complain", "forget_output", "in_options", "one_line_errors"]

BAD_INPUT = 2  # the exit code for anything wrong with what the user gave

P = ParamSpec("P")
R = TypeVar("R")

# The arguments that messages of the library name, and that the commands have as options.
_ARGUMENT = re.compile(r"(?<![\w'\"])(features|key|kind|sequence|target|time)=(?![\w'\"(\[])")


def one_line_errors(command: Callable[P, R]) -> Callable[P, R]:
    """Turn what a user can mend into one line on standard error and exit code 2.

    Ctrl-C ends with the code shells give it, and a reader that went away (``| head``) ends quietly.
    """

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except RecurraError as error:
            complain(in_options(str(error)))
            raise typer.Exit(BAD_INPUT) from error
        except ModuleNotFoundError as error:
            missing = missing_extra(error)
            if missing is None:
                raise
            complain(str(missing))
            raise typer.Exit(BAD_INPUT) from error
        except BrokenPipeError as error:
            forget_output()
            raise typer.Exit(0) from error
        except OSError as error:
            complain(_system_error(error))
            raise typer.Exit(BAD_INPUT) from error
        except KeyboardInterrupt as error:
            complain("interrupted")
            raise typer.Exit(128 + signal.SIGINT) from error
        except (MemoryError, RuntimeError) as error:
            if not _out_of_memory(error):
                raise
            complain("there is not enough memory for this. Try fewer units or shorter sequences.")
            raise typer.Exit(BAD_INPUT) from error

    return wrapped


def in_options(message: str) -> str:
    """A message of the library with its arguments as the options they are here.

    >>> in_options("t.csv, line 2, column 'x=': is text. Name the columns with features=.")
    "t.csv, line 2, column 'x=': is text. Name the columns with --features."
    """
    return _ARGUMENT.sub(r"--\1", message)


def complain(message: str) -> None:
    """One line on standard error."""
    line = " ".join(message.split())
    typer.echo(f"recurra: {line}", err=True)


def forget_output() -> None:
    """Point standard output at nothing: the last flush must find no closed pipe."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _system_error(error: OSError) -> str:
    if isinstance(error, FileNotFoundError) and error.filename:
        return f"{error.filename}: there is no such file."
    where = f"{error.filename}: " if error.filename else ""
    reason = str(error.strerror or error).rstrip(".")
    return f"{where}{reason[:1].lower()}{reason[1:]}."


def _out_of_memory(error: BaseException) -> bool:
    # torch raises a plain RuntimeError where its allocator fails.
    words = str(error)
    return isinstance(error, MemoryError) or ("memory" in words and "alloc" in words)
