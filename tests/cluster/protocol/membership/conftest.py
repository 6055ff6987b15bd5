"""A member for each test that asks for one."""

import pytest

from tests.cluster.protocol.membership.part import STATE, A, Part, participant


@pytest.fixture
def part() -> Part:
    return Part(participant(STATE.seen_by(A)))
