"""The public face of the distributed data structures: a door to casty-cluster."""

from typing import Any

from casty._doors import CLUSTER, resolve

_LAZY = {
    "Delivery": CLUSTER,
    "Distributed": CLUSTER,
    "LockGrant": CLUSTER,
}


def __getattr__(name: str) -> Any:
    return resolve(__name__, name, _LAZY)
