"""TLS for one connection, and what a failed handshake, and other errors of sockets, mean in words."""

import errno
import ssl
from collections.abc import Callable
from typing import Any, Final

from casty_transport_tcp.reasons import Ending, Reason, without_frames

_WORDS: Final = {
    "WRONG_VERSION_NUMBER": "the other side does not speak TLS; both need a URL of tls://",
    "HTTP_REQUEST": "the other side speaks HTTP",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "the other side showed no certificate",
    "TLSV13_ALERT_CERTIFICATE_REQUIRED": "the other side wants a certificate, and this node has none",
    "TLSV1_ALERT_UNKNOWN_CA": "the other side does not trust the authority that signed this node's certificate",
    "SSLV3_ALERT_CERTIFICATE_EXPIRED": "this node's certificate has expired",
    "SSLV3_ALERT_BAD_CERTIFICATE": "the other side does not accept this node's certificate",
}
"""What OpenSSL calls it, and what it is."""

_OUT_OF_FILES: Final = {errno.EMFILE, errno.ENFILE}


SHUTDOWN_SECONDS: Final = 1.0
"""For the other side to acknowledge the end of TLS."""


def secured(make_context: Callable[[], ssl.SSLContext] | None, host: str | None = None) -> dict[str, Any]:
    """Arguments for a connection of the event loop; `host` is the name that the server's certificate must have.

    Raises `Ending` where making a context fails: that ends one connection and no more.
    """
    if make_context is None:
        return {}
    try:
        context = make_context()
    except Exception as error:
        raise Ending(Reason.tls, f"this node's certificates cannot be used: {error}") from error
    named = {} if host is None else {"server_hostname": host}
    return {"ssl": context, "ssl_shutdown_timeout": SHUTDOWN_SECONDS, **named}


def explained(error: Exception, otherwise: Reason = Reason.broken) -> Ending:
    """Why a connection that raised this came to its end, or did not come about; `otherwise` is the reason of errors
    that are neither about TLS nor about this process. The error loses its frames.
    """
    error = without_frames(error)
    match error:
        case Ending():
            return error
        case ssl.SSLCertVerificationError():
            return Ending(Reason.tls, f"the other side's certificate is refused: {error.verify_message}")
        case ssl.SSLEOFError() | ssl.SSLZeroReturnError():
            return Ending(Reason.broken, "during the TLS handshake")
        case ssl.SSLError():
            return Ending(Reason.tls, _WORDS.get(error.reason or "", f"{error.reason or error}"))
        case ConnectionRefusedError():
            return Ending(otherwise, str(error), refused=True)
        case OSError(errno=number) if number in _OUT_OF_FILES:
            return Ending(Reason.no_files)
        case _:
            return Ending(otherwise, str(error) or type(error).__name__)
