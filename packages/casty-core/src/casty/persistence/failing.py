"""What a journal, a store or a plugin raises, as a `JournalError`."""

from collections.abc import Generator
from contextlib import contextmanager

from casty.errors import CastyError, JournalError
from casty.interruption import interrupts


@contextmanager
def as_journal_error(what: str) -> Generator[None]:
    """Turn whatever is raised inside into a `JournalError`, so that supervision sees that it was the journal.

    Errors of ours stay as they are, and so does what ends the running code from outside.
    """
    try:
        yield
    except CastyError:
        raise
    except BaseException as error:
        if interrupts(error):
            raise
        raise JournalError(f"{what}: {error!r}") from error
