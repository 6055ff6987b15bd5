"""The capabilities and options of a SQLite journal, and the file that a URL names."""

from dataclasses import dataclass, fields
from difflib import get_close_matches
from enum import Enum
from typing import Final
from urllib.parse import parse_qsl, unquote, urlsplit

from casty.errors import ConfigError
from casty.spi.journal import JournalCapabilities

CAPABILITIES: Final = JournalCapabilities(
    durable=True,
    fencing=True,
    ordered=True,
    deleting=True,
    read_only=True,
    # One commits in its thread while the event loop prepares the other.
    concurrent_appends=2,
    threaded=True,
)


class Synchronous(Enum):
    """When SQLite waits for the disk."""

    FULL = "FULL"
    """At every commit: acknowledged events survive a power cut."""
    NORMAL = "NORMAL"
    """At checkpoints: faster; the last commits survive `kill -9`, but not a power cut."""

    @classmethod
    def of(cls, text: "Synchronous | str") -> "Synchronous":
        """The member itself or by its name. Raises `ConfigError` for another name."""
        try:
            return cls(text)
        except ValueError:
            raise ConfigError(f"synchronous must be FULL or NORMAL; it is {text!r}") from None


@dataclass(frozen=True, slots=True, kw_only=True)
class SqliteOptions:
    synchronous: Synchronous = Synchronous.FULL
    busy_timeout: float = 3.0
    """Seconds to wait while another connection writes to the same file: less than the default timeout of an ask, so
    that the caller learns the cause.
    """
    read_only: bool = False
    """Read an existing journal, also while another process owns it; every write is refused."""

    def __post_init__(self) -> None:
        if self.busy_timeout < 0:
            raise ConfigError(f"busy_timeout must be 0 seconds or more; it is {self.busy_timeout}")


def checked_path(path: str) -> str:
    """`path`, if it can be a file. Raises `ConfigError` for a database that would be in memory, and for a
    name that no file can have.
    """
    if "\0" in path:
        raise ConfigError(f"a SQLite journal needs a file, and no name of a file holds a NUL character: {path!r}")
    if path in ("", ":memory:"):
        raise ConfigError(
            "a SQLite journal needs a file, such as sqlite:///events.db; for a journal in memory use memory://"
        )
    return path


def path_from_url(url: str) -> str:
    """The file of `sqlite:///relative.db` or `sqlite:////absolute/path.db`; percent-encoding is undone.

    Raises `ConfigError` for a URL without a file, or with anything besides a file.
    """
    parts = urlsplit(url)
    if parts.netloc:
        raise ConfigError(
            f"{url!r} names a host, {parts.netloc!r}, but SQLite has none; "
            f"write sqlite:///{parts.netloc}{parts.path}, or with a fourth slash for an absolute path"
        )
    if parts.query or parts.fragment:
        raise ConfigError(
            f"{url!r} holds more than a file{_option_meant(parts.query)}; set options in the table [journal.options], "
            "and write %3F for a question mark and %23 for a hash in the name of a file"
        )
    return checked_path(unquote(parts.path.removeprefix("/")))


def _option_meant(query: str) -> str:
    """The options that the query seems to mean, for a message."""
    names = [field.name for field in fields(SqliteOptions)]
    meant = [get_close_matches(key, names, n=1) for key, _ in parse_qsl(query, keep_blank_values=True)]
    found = [match[0] for match in meant if match]
    return f" (the option {found[0]!r} seems to be meant)" if found else f" (the options are {', '.join(names)})"
