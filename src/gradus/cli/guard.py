"""The boundary between errors and exit codes: 0 ok, 1 failed job, 2 bad usage or input, 3 no server."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable
from typing import ParamSpec, TypeVar, get_args

import typer
from typer.models import ArgumentInfo

from gradus.cli.output import complain, note
from gradus.core.errors import DivergedError, GradusError, MemoryLimitError, StorageFullError

P = ParamSpec("P")
R = TypeVar("R")

HOME_HELD = "home_held"  # the code of gradus.jobs.home's ConflictError
OK, FAILED, USAGE, NO_SERVER, INTERRUPTED = 0, 1, 2, 3, 130


class ServerError(GradusError):
    """The server cannot start, or the home is held by a process that does not answer."""

    code = "no_server"


def guarded(command: Callable[P, R]) -> Callable[P, R]:
    """Turn the errors of a command into a sentence on standard error and an exit code."""
    places = _arguments(command)

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except GradusError as error:
            complain(error, places)
            raise typer.Exit(exit_code(error)) from error
        except KeyboardInterrupt:
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            _close_quietly()
            raise typer.Exit(OK) from None
        except OSError as error:
            note(f"Error: {error.filename or 'the system'}: {error.strerror or error}")
            raise typer.Exit(USAGE) from error

    return run


def _arguments(command: Callable[..., object]) -> dict[str, str]:
    """How the command's positional arguments are written in its help, by name."""
    found: dict[str, str] = {}
    for name, parameter in inspect.signature(command, eval_str=True).parameters.items():
        for extra in get_args(parameter.annotation)[1:]:
            if isinstance(extra, ArgumentInfo):
                found[name] = (extra.metavar or name.upper()).removesuffix("...")
    return found


def exit_code(error: GradusError) -> int:
    """What a shell is told about an error."""
    if isinstance(error, ServerError) or error.problem.code == HOME_HELD:
        return NO_SERVER
    if isinstance(error, DivergedError | MemoryLimitError | StorageFullError) or error.status >= 500:
        return FAILED
    return USAGE


def _close_quietly() -> None:
    """Whoever read our output has gone; nothing must be flushed into it at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
