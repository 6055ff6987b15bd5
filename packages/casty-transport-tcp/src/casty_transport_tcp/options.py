"""The options of a TCP endpoint."""

from dataclasses import dataclass

from casty.errors import ConfigError
from casty.spi.transport import FRAME_LIMITS, Lane


@dataclass(frozen=True, slots=True, kw_only=True)
class TcpOptions:
    """The options of `tcp://` and `tls://`. The limits of frames must be the same on all nodes of a cluster."""

    max_frame: int = FRAME_LIMITS[Lane.user]
    """Bytes of a frame of the user lane, and so of one message."""
    max_control_frame: int = FRAME_LIMITS[Lane.control]
    queue_frames: int = 65_536
    """Frames that are queued for one peer at most, on each lane."""
    queue_bytes: int = 16 << 20
    connect_timeout: float = 3.0
    """Seconds that one attempt to connect may take, with its handshake."""
    first_retry: float = 0.05
    """Seconds before the second attempt; each further one waits twice as long, less a random part."""
    longest_retry: float = 2.0
    give_up_after: float = 10.0
    """Seconds without a connection after which the frames queued for a peer are dropped."""
    ping_interval: float = 1.0
    """Seconds after which a connection without other frames sends a ping."""
    silence_timeout: float = 5.0
    """Seconds without a sign of life after which a connection is closed. A process may be paused for so long."""
    close_timeout: float = 2.0
    """Seconds to send what is queued when a peer is disconnected or the endpoint is closed."""

    def __post_init__(self) -> None:
        sizes = {"max_frame": self.max_frame, "max_control_frame": self.max_control_frame}
        for name, size in sizes.items():
            if not 1024 <= size <= 1 << 30:
                raise ConfigError(f"{name} must be 1 KiB to 1 GiB; it is {size} bytes")
        least = FRAME_LIMITS[Lane.control]
        if self.max_control_frame < least:
            raise ConfigError(
                f"max_control_frame must be {least} bytes or more, which the cluster's own messages need; it is "
                f"{self.max_control_frame} bytes"
            )
        if self.queue_frames < 1 or self.queue_bytes < max(sizes.values()):
            raise ConfigError("queue_frames must be 1 or more, and queue_bytes enough for the largest frame")
        for name in (
            "connect_timeout",
            "first_retry",
            "longest_retry",
            "give_up_after",
            "ping_interval",
            "close_timeout",
        ):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"{name} must be more than 0 seconds; it is {getattr(self, name)}")
        if not 2 * self.ping_interval <= self.silence_timeout < float("inf"):
            raise ConfigError(
                f"silence_timeout, {self.silence_timeout:g} s, must be twice ping_interval, {self.ping_interval:g} s, "
                "or more: otherwise one late ping ends a connection"
            )

    def limit(self, lane: Lane) -> int:
        """Bytes of a frame on that lane."""
        return self.max_frame if lane is Lane.user else self.max_control_frame
