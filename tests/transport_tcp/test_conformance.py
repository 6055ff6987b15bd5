"""Both schemes of the transport do all that a transport must."""

from dataclasses import replace
from pathlib import Path

import pytest
from casty.testing.conformance.transport import Check, checks
from casty_transport_tcp.options import TcpOptions
from casty_transport_tcp.transport import open_endpoint
from trustme import CA

from tests.transport_tcp.certificates import written

WAITING = {
    "what_nobody_takes_is_dropped_by_name",
    "a_refusal_disturbs_nobody_else",
    "another_cluster_is_turned_away",
    "another_cookie_keeps_out",
    "counters_count_up_and_belong_to_their_reader",
    "no_cookie_keeps_out",
}
"""The checks that wait until the transport gives up. All others have as much time as a busy machine takes."""


def options(check: Check) -> TcpOptions:
    return TcpOptions(give_up_after=2.0 if check.__name__ in WAITING else 60.0)


@pytest.mark.parametrize("check", checks())
async def test_conformance(check: Check) -> None:
    await check(
        lambda receiver, endpoint, at: open_endpoint(f"tcp://{at or '127.0.0.1:0'}", receiver, endpoint, options(check))
    )


@pytest.mark.parametrize("check", checks())
async def test_conformance_of_tls(check: Check, tmp_path: Path) -> None:
    tls = written(tmp_path, authority=CA()).config
    await check(
        lambda receiver, endpoint, at: open_endpoint(
            f"tls://{at or '127.0.0.1:0'}", receiver, replace(endpoint, tls=tls), options(check)
        )
    )


def test_the_checks_that_wait_are_there() -> None:
    assert {check.__name__ for check in checks()} >= WAITING
