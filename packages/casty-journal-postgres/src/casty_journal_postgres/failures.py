"""Classifies errors for a journal: which may pass with a retry, which concern one row, and the cure for the others."""

import re
import socket
import ssl
from difflib import get_close_matches
from itertools import islice
from typing import Final

import asyncpg
from casty.errors import JournalError, JournalSetupError
from casty.spi.journal import AppendGroup

FAILURES: Final = (
    OSError,
    ValueError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""What the driver raises; the last one if a connection in use was lost."""

PASSING: Final = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.TooManyConnectionsError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
"""The server is down, starting, stopping, overloaded, not the primary, or the connection to it is lost."""

ABOUT_A_ROW: Final = (
    ValueError,
    OverflowError,
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    asyncpg.PLPGSQLError,
)
"""Errors that one row can cause; all others concern the server, the connection or the database."""

OPEN: Final = "open"
"""The first attempt of a store."""

_SETUP: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InsufficientPrivilegeError,
    asyncpg.UndefinedObjectError,
    asyncpg.CantChangeRuntimeParamError,
    asyncpg.InvalidParameterValueError,
    asyncpg.ClientConfigurationError,
    ssl.SSLCertVerificationError,
)
"""The DSN or the database is misconfigured."""

SETTINGS: Final = (
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "sslcrl",
    "sslpassword",
    "ssl_min_protocol_version",
    "ssl_max_protocol_version",
    "sslnegotiation",
    "target_session_attrs",
    "passfile",
    "user",
    "password",
    "host",
    "port",
    "database",
    "dbname",
)
"""What a DSN may set, beside the server's own parameters."""

_UNKNOWN_SETTING: Final = re.compile('unrecognized configuration parameter "(.*)"')

_CURES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (asyncpg.InvalidAuthorizationSpecificationError, "check the user and the password in the DSN, and pg_hba.conf"),
    (asyncpg.InvalidCatalogNameError, "create the database with createdb, or name another one in the DSN"),
    (
        asyncpg.InsufficientPrivilegeError,
        "let an administrator grant CREATE on the database for the first start, or name one's own schema by `schema`",
    ),
    (
        asyncpg.ReadOnlySQLTransactionError,
        "open it without read_only, and name the primary, or all hosts with ?target_session_attrs=read-write",
    ),
    (asyncpg.TooManyConnectionsError, "lower pool_size, or raise the server's max_connections"),
    (asyncpg.DiskFullError, "make room on the server's disk (nothing of this was stored)"),
    (asyncpg.ProgramLimitExceededError, "use ids of at most 2,500 bytes, and smaller payloads"),
    (asyncpg.UndefinedTableError, "the journal's tables were dropped while it was open; restore a backup"),
    (asyncpg.QueryCanceledError, "it took longer than command_timeout; find what the server waits for, or raise it"),
    (asyncpg.ClientConfigurationError, "check the DSN"),
    (ssl.SSLError, "check sslmode and sslrootcert in the DSN, and the server's certificate"),
    (socket.gaierror, "check the host in the DSN"),
    (ConnectionRefusedError, "check that the server runs there and listens on that port"),
    (FileNotFoundError, "check the DSN: the file or the socket that it names is missing"),
    (OSError, "check the network, and that the server runs"),
)


def passes(error: Exception) -> bool:
    """Whether a retry over another connection may succeed."""
    # Errors of these types that concern a value, such as a certificate or an argument, are ValueErrors as well.
    return isinstance(error, PASSING) and not isinstance(error, ValueError | asyncpg.DatabaseDroppedError)


def explained(journal: str, attempt: str, error: Exception) -> JournalError:
    """A `JournalError` that names the journal, what was attempted, and the cure; when a store opens, a
    `JournalSetupError` for errors that do not pass. Later they may: a password is rotated here after it was there.
    """
    kind = JournalSetupError if attempt == OPEN and isinstance(error, _SETUP) else JournalError
    return kind(f"cannot {attempt} the PostgreSQL journal {journal}: {with_cure(error)}")


def unstorable(group: AppendGroup, error: Exception) -> JournalError:
    """The outcome of a group whose contents PostgreSQL refuses."""
    refused = JournalError(
        f"events {group[0].sequence_nr} to {group[-1].sequence_nr} of the entity {group[0].entity_id[:200]!r} "
        f"cannot be stored by PostgreSQL: {with_cure(error)}"
    )
    refused.__cause__ = error
    return refused


def with_cure(error: Exception) -> str:
    """The error in one line, and what to do about it if that is known."""
    lines = str(error).splitlines()
    if isinstance(error, asyncpg.UndefinedObjectError) and (unknown := _UNKNOWN_SETTING.search(lines[0])):
        near = get_close_matches(unknown[1], SETTINGS, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        return f"{lines[0]}{meant}; the DSN may set {', '.join(SETTINGS[:3])} and others, and the server's parameters"
    cures = (cure for kind, cure in _CURES if isinstance(error, kind))
    return "; ".join([lines[0] if lines else type(error).__name__, *islice(cures, 1)])
