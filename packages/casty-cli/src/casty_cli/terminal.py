"""Output of commands: results on standard output, progress and errors on standard error, and exit codes."""

import asyncio
import json
import logging
import sys
from collections.abc import Callable, Coroutine, Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any, Final, NoReturn, override

import typer
from casty.errors import CastyError, ConfigError, PluginError
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

FAILED: Final = 1
"""Exit code for failed work, and for findings."""
USAGE: Final = 2
"""Exit code for a wrong command line or configuration."""
INTERRUPTED: Final = 130

type Report = Callable[[int], None]
"""Called with the amount of work done."""


def run[T](begin: Callable[[], Coroutine[Any, Any, T]], *, when_interrupted: str = "interrupted") -> T:
    """The result of the work that `begin` starts. An exception of either becomes one line and an exit code."""
    try:
        return asyncio.run(begin())
    except (ConfigError, PluginError) as error:
        fail(error, USAGE)
    except BrokenPipeError:
        raise  # the reader of the output has closed it; Typer ends the process silently
    except (CastyError, OSError) as error:
        fail(error, FAILED)
    except KeyboardInterrupt:
        fail(when_interrupted, INTERRUPTED)


def fail(error: object, code: int) -> NoReturn:
    """Print the error, and end the process."""
    say(str(error))
    raise typer.Exit(code)


def say(text: str) -> None:
    """Print a remark, apart from the result."""
    print(f"casty: {text}", file=sys.stderr, flush=True)


class Saying(logging.Handler):
    """Prints warnings of journals and plugins, without tracebacks."""

    @override
    def emit(self, record: logging.LogRecord) -> None:
        say(record.getMessage())


def print_json(value: Mapping[str, object]) -> None:
    """Print one document on one line."""
    print(json.dumps(value))


def printable(text: str) -> str:
    """The text itself, or quoted if it would disturb a terminal or a list of lines."""
    return text if text.isprintable() and text else repr(text)


def moment(timestamp: float) -> str:
    """Seconds since the Unix epoch as a date and time in UTC."""
    try:
        return datetime.fromtimestamp(timestamp, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    except (OverflowError, ValueError, OSError):
        return str(timestamp)


@contextmanager
def progress(title: str, total: int | None = None) -> Generator[Report]:
    """Show a progress bar while the block runs, if standard error is a terminal; without a total it only counts."""
    if not sys.stderr.isatty():
        yield lambda done: None
        return
    counted = TextColumn("{task.completed:,.0f}")
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        *((counted,) if total is None else (BarColumn(), TaskProgressColumn())),
        TimeElapsedColumn(),
    )
    with Progress(
        *columns,
        console=Console(stderr=True),
        transient=True,
        redirect_stdout=False,
        redirect_stderr=False,
    ) as bars:
        task = bars.add_task(title, total=total)
        yield lambda done: bars.update(task, completed=done)
