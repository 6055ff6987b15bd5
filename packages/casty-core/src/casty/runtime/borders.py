"""What `ActorSystem` takes: each argument is checked where it is given, before anything is started."""

from collections.abc import Sequence
from typing import cast

from casty.address import ActorAddress
from casty.clock import Clock
from casty.config import CastyConfig
from casty.errors import ArgumentError


def checked_system_name(name: str) -> str:
    """Raises `ArgumentError` for what cannot be written in an address."""
    if not isinstance(cast("object", name), str) or not name or name.encode(errors="ignore").decode() != name:
        raise ArgumentError(
            f"name of ActorSystem is a text that is not empty and holds no half of a surrogate pair, not {name!r}"
        )
    return name


def checked_config(config: CastyConfig | None) -> CastyConfig:
    """The defaults where there is none."""
    if config is None:
        return CastyConfig()
    if not isinstance(cast("object", config), CastyConfig):
        raise ArgumentError(
            f"config of ActorSystem is a CastyConfig, not {config!r}; load_config(path) reads one from a file"
        )
    return config


def checked_plugins(plugins: Sequence[object]) -> Sequence[object]:
    """Raises `ArgumentError` for one plugin in place of a list of them."""
    if isinstance(plugins, str) or not isinstance(cast("object", plugins), Sequence):
        raise ArgumentError(
            f"plugins of ActorSystem is a list of modules or objects with hooks, not {plugins!r}; write [plugin]"
        )
    return plugins


def checked_clock(clock: Clock | None) -> Clock | None:
    """Raises `ArgumentError` for what cannot tell the time and call later."""
    if clock is not None and not all(callable(getattr(clock, name, None)) for name in ("time", "call_later")):
        raise ArgumentError(
            f"clock of ActorSystem has the methods time() and call_later(delay, callback, *args), as "
            f"casty.testing.manual_time() has, and {clock!r} has not"
        )
    return clock


def checked_path(path: str) -> str:
    """Raises `ArgumentError` for what is no path of an actor."""
    if not isinstance(cast("object", path), str):
        raise ArgumentError(f"lookup takes an absolute path such as '/orders/item-1', not {path!r}")
    return path


def checked_address(address: ActorAddress) -> ActorAddress:
    """Raises `ArgumentError` for what is no address."""
    if not isinstance(cast("object", address), ActorAddress):
        raise ArgumentError(
            f"resolve takes an ActorAddress, such as ref.address or ActorAddress.from_uri(uri), not {address!r}"
        )
    return address
