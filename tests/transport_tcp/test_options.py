"""Options that could not work are refused where they are made, with the figures."""

import pytest
from casty.errors import ConfigError, PluginError
from casty.plugins import PluginRegistry, build_options
from casty.spi.transport import FRAME_LIMITS, Lane
from casty_transport_tcp.options import TcpOptions


def test_the_limits_of_frames_are_the_usual_ones() -> None:
    assert {lane: TcpOptions().limit(lane) for lane in Lane} == FRAME_LIMITS


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"max_frame": 10}, "max_frame must be 1 KiB to 1 GiB; it is 10 bytes"),
        ({"max_control_frame": 1 << 31}, "max_control_frame must be 1 KiB to 1 GiB; it is 2147483648 bytes"),
        ({"max_control_frame": 60 << 10}, "max_control_frame must be 65536 bytes or more"),
        ({"queue_bytes": 1_000_000}, "queue_bytes enough for the largest frame"),
        ({"queue_frames": 0}, "queue_frames must be 1 or more"),
        ({"give_up_after": 0.0}, "give_up_after must be more than 0 seconds; it is 0.0"),
        ({"connect_timeout": float("nan")}, "connect_timeout must be more than 0 seconds; it is nan"),
        ({"ping_interval": 3.0}, "silence_timeout, 5 s, must be twice ping_interval, 3 s, or more"),
    ],
)
def test_an_option_that_cannot_work_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        TcpOptions(**options)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize("scheme", ["tcp", "tls"])
def test_options_come_from_a_table(scheme: str) -> None:
    provider = PluginRegistry.discover().transport(f"{scheme}://127.0.0.1:0")
    assert build_options(provider, {"give_up_after": 3}) == TcpOptions(give_up_after=3)
    with pytest.raises(PluginError, match="has no option 'give_up'; did you mean 'give_up_after'"):
        build_options(provider, {"give_up": 3})
