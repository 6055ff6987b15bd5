"""TLS between nodes: both sides of every connection prove who they are."""

from collections.abc import Callable
from dataclasses import dataclass
from ssl import SSLContext


@dataclass(frozen=True, slots=True)
class Config:
    """Where the contexts come from; each is asked for anew now and then, so that certificates can be replaced."""

    server_context: Callable[[], SSLContext]
    client_context: Callable[[], SSLContext]
