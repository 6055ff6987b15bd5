"""TLS between nodes: both sides of every connection prove their identity.

It makes contexts and says what is wrong with certificates; it opens no connection.
"""

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from ssl import (
    CERT_REQUIRED,
    PROTOCOL_TLS_CLIENT,
    PROTOCOL_TLS_SERVER,
    MemoryBIO,
    SSLCertVerificationError,
    SSLContext,
    SSLError,
    SSLWantReadError,
    TLSVersion,
)
from typing import Final, NamedTuple, Self, final

from casty.entropy import source
from casty.errors import ConfigError

logger = logging.getLogger("casty.tls")

LONGEST: Final = 300.0
"""Seconds after which files are read again although they look the same."""


@dataclass(frozen=True, slots=True, init=False)
class Config:
    """Where the contexts come from: two contexts, or two functions that are called anew for each connection, so that
    certificates can be replaced.

    Contexts of one's own must demand a certificate of the other side as well: `verify_mode = CERT_REQUIRED`. Raises
    `ConfigError` for contexts that do not, and for what is neither a context nor a function.
    """

    server_context: Callable[[], SSLContext]
    client_context: Callable[[], SSLContext]

    def __init__(
        self,
        server_context: SSLContext | Callable[[], SSLContext],
        client_context: SSLContext | Callable[[], SSLContext],
    ) -> None:
        object.__setattr__(self, "server_context", _source("server_context", server_context))
        object.__setattr__(self, "client_context", _source("client_context", client_context))

    @classmethod
    def from_paths(
        cls,
        *,
        certfile: str | os.PathLike[str],
        cafile: str | os.PathLike[str],
        keyfile: str | os.PathLike[str] | None = None,
    ) -> Self:
        """Mutual TLS 1.3 with PEM files: this node's certificate with its chain, the authority that signs the nodes'
        certificates, and the key, which has no password; without `keyfile` it is in `certfile` as well.

        They are read again when they change, and every five minutes. New files that do not work are logged, and the
        ones before them go on. Raises `ConfigError`, which says what is wrong with which file.
        """
        paths = _Paths(os.fspath(certfile), os.fspath(cafile), os.fspath(certfile if keyfile is None else keyfile))
        contexts = _Contexts(paths)
        return cls(lambda: contexts.current().server, lambda: contexts.current().client)


def _source(name: str, given: SSLContext | Callable[[], SSLContext]) -> Callable[[], SSLContext]:
    if isinstance(given, SSLContext):
        if given.verify_mode is not CERT_REQUIRED:
            raise ConfigError(
                f"{name} accepts any peer: set {name}.verify_mode = ssl.CERT_REQUIRED, and load the certificates of "
                "those who sign the nodes' own"
            )
        return lambda: given
    if not callable(given) or isinstance(given, type):
        raise ConfigError(f"{name} is an ssl.SSLContext, or a function that returns one, not {given!r}")
    return given


class _Paths(NamedTuple):
    certfile: str
    cafile: str
    keyfile: str


class _Pair(NamedTuple):
    """The two contexts of one state of the files."""

    server: SSLContext
    client: SSLContext


type _Stamps = tuple[tuple[int, int, int], ...]
"""What changes with a file: when it was written, its size, which file it is."""


@final
class _Contexts:
    """The contexts for three files as they are now."""

    def __init__(self, paths: _Paths) -> None:
        self._paths = paths
        self._stamps, self._read_at = _stamps(paths), source().stopwatch()
        self._pair = _pair(paths)

    def current(self) -> _Pair:
        now = source().stopwatch()
        try:
            stamps = _stamps(self._paths)
            if stamps == self._stamps and now - self._read_at < LONGEST:
                return self._pair
            self._stamps, self._read_at = stamps, now
            self._pair = _pair(self._paths)
        except (ConfigError, OSError) as error:
            # Files are replaced one after the other: until they fit together again, the old ones must do.
            logger.warning("the certificates before this change stay in use: %s", error)
        return self._pair


def _stamps(paths: _Paths) -> _Stamps:
    """Raises `ConfigError` for a file that cannot be read."""
    stamps: list[tuple[int, int, int]] = []
    for name, path in paths._asdict().items():
        try:
            with open(path, "rb") as file:
                found = os.fstat(file.fileno())
        except OSError as error:
            raise ConfigError(
                f"{name} {path!r} cannot be read: {error.strerror}; give the path of a PEM file"
            ) from error
        stamps.append((found.st_mtime_ns, found.st_size, found.st_ino))
    return tuple(stamps)


def _pair(paths: _Paths) -> _Pair:
    pair = _Pair(_context(PROTOCOL_TLS_SERVER, paths), _context(PROTOCOL_TLS_CLIENT, paths))
    _try_out(pair, paths)
    pair.client.check_hostname = True
    pair.server.num_tickets = 0  # each connection proves itself anew, with the certificates of its time
    return pair


def _context(protocol: int, paths: _Paths) -> SSLContext:
    def refuse_password() -> str:
        raise ConfigError(f"keyfile {paths.keyfile!r} has a password; store the key without one, readable by its user")

    context = SSLContext(protocol)
    context.minimum_version = TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = CERT_REQUIRED
    try:
        context.load_verify_locations(paths.cafile)
    except SSLError as error:
        raise ConfigError(f"cafile {paths.cafile!r} holds no certificates in PEM: {error}") from error
    try:
        context.load_cert_chain(paths.certfile, paths.keyfile, refuse_password)
    except SSLError as error:
        raise ConfigError(
            f"certfile {paths.certfile!r} and keyfile {paths.keyfile!r} are no certificate and its key in PEM: {error}"
        ) from error
    return context


def _try_out(pair: _Pair, paths: _Paths) -> None:
    """Let the two sides greet each other in memory: nothing tells better whether others will accept them."""
    to_server, to_client = MemoryBIO(), MemoryBIO()
    client = pair.client.wrap_bio(to_client, to_server)
    server = pair.server.wrap_bio(to_server, to_client, server_side=True)
    waiting = [client, server]
    try:
        while waiting:
            side = waiting.pop(0)
            try:
                side.do_handshake()
            except SSLWantReadError:
                waiting.append(side)
    except SSLError as error:
        why = error.verify_message if isinstance(error, SSLCertVerificationError) else error
        raise ConfigError(
            f"certfile {paths.certfile!r} does not stand up to cafile {paths.cafile!r}: {why}; "
            "the other nodes would turn it away"
        ) from error
