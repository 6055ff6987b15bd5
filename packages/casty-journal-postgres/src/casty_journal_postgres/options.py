"""The capabilities and options of a PostgreSQL journal, and its DSN as messages show it, without the password."""

import re
from dataclasses import dataclass
from typing import Final

from casty.errors import ConfigError
from casty.spi.journal import JournalCapabilities, JournalKind

APPENDING: Final = 2
"""Number of appending connections. More of them commit more often, but not more events: two already keep server and
event loop busy.
"""

CAPABILITIES: Final = JournalCapabilities(
    durable=True,
    kind=JournalKind.centralized,
    fencing=True,
    ordered=True,
    deleting=True,
    read_only=True,
    concurrent_appends=APPENDING,
)

SCHEMES: Final = ("postgresql", "postgres")

LONGEST_NAME: Final = 63
"""Length in bytes up to which PostgreSQL does not truncate a name."""

_DSN: Final = re.compile(
    rf"(?i:{'|'.join(SCHEMES)})://"
    r"(?:(?P<user>[^:@/?#]*)(?P<password>:[^@/?#]*)?@)?"
    r"(?P<hosts>(?:(?:\[[^]@/?#]*]|[^]\[:@/?#,]*)(?::\d+)?,?)*)"
    r"(?P<database>/[^@?#]*)?"
    r"(?P<settings>\?[^@#]*)?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PostgresOptions:
    schema: str = "casty"
    """The PostgreSQL schema of the journal's tables, created if it is missing."""
    pool_size: int = 4
    """Number of reading connections. Two more append."""
    command_timeout: float = 4.0
    """Seconds after which an operation fails, including its attempts to reconnect: less than the default timeout of an
    ask, so that the caller learns the cause.
    """
    read_only: bool = False
    """Read an existing journal, also on a standby server; every write is refused."""

    def __post_init__(self) -> None:
        if not 0 < len(self.schema.encode(errors="replace")) <= LONGEST_NAME or "\0" in self.schema:
            raise ConfigError(f"schema must be a name of 1 to {LONGEST_NAME} bytes without NUL; it is {self.schema!r}")
        if self.pool_size < 1:
            raise ConfigError(f"pool_size must be 1 connection or more; it is {self.pool_size}")
        if not 0 < self.command_timeout < float("inf"):
            raise ConfigError(f"command_timeout must be more than 0 seconds; it is {self.command_timeout}")


def shown(dsn: str) -> str:
    """`dsn` without its password and its settings, for messages and logs.

    Raises `ConfigError` for one that cannot be parsed unambiguously, without quoting it: a character that should
    have been percent-encoded may belong to a password.
    """
    parts = _DSN.fullmatch(dsn)
    if "\0" in dsn or "%00" in dsn:
        raise ConfigError(
            "a PostgreSQL journal's DSN holds a NUL character, which no name and no password can hold (it is not "
            "shown, as it may hold a password)"
        )
    if parts is None:
        raise ConfigError(
            "a PostgreSQL journal is named by a DSN such as postgresql://user:password@host:5432/database; this one "
            "does not read like that (it is not shown, as it may hold a password); in user names, passwords and "
            "settings write %40 for @, %3A for :, %2F for /, %3F for ? and %23 for #"
        )
    user = f"{parts['user']}@" if parts["user"] else ""
    return f"postgresql://{user}{parts['hosts']}{parts['database'] or ''}"


def normalized(dsn: str) -> str:
    """`dsn` as the driver reads it: it knows its scheme in small letters only."""
    scheme, separator, rest = dsn.partition("://")
    return f"{scheme.lower()}{separator}{rest}"
