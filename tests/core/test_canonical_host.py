"""One host is written in one way."""

import pytest
from casty.address import canonical_host
from casty.config.kinds import peer_address


@pytest.mark.parametrize(
    ("given", "canonical"),
    [
        ("localhost", "localhost"),
        ("LocalHost", "localhost"),
        ("shop-0.shop.svc.", "shop-0.shop.svc"),
        ("127.0.0.1", "127.0.0.1"),
        ("::1", "::1"),
        ("[::1]", "::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
        ("2001:DB8::0:1", "2001:db8::1"),
        ("::ffff:10.0.0.1", "10.0.0.1"),
        ("fe80::1%eth0", "fe80::1%eth0"),
        ("::0", "::"),
        ("", ""),
    ],
)
def test_a_host_has_one_form(given: str, canonical: str) -> None:
    assert canonical_host(given) == canonical
    assert canonical_host(canonical) == canonical


def test_seeds_of_the_configuration_are_read_in_that_form() -> None:
    assert peer_address("SHOP-0.svc.:1") == peer_address("shop-0.svc:1")
    assert peer_address("[0:0::1]:1") == peer_address("[::1]:1")
