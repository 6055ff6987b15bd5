"""Options from a free table: the texts for what does not fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn

import pytest
from casty.errors import PluginError
from casty.plugins import InstrumentProvider, NoOptions, build_options


@dataclass(frozen=True, slots=True)
class MeterOptions:
    endpoint: str
    pool_size: int = 4
    interval: float = 1.0
    labels: tuple[str, ...] = ()
    prefix: str | None = None
    derived: int = field(init=False, default=0)

    def __post_init__(self) -> None:
        if self.pool_size < 1:
            raise ValueError("pool_size must be at least 1")


def never(options: object) -> NoReturn:
    raise AssertionError(options)


def provider(options: type[Any] = MeterOptions) -> InstrumentProvider[Any]:
    return InstrumentProvider(names=("meter",), create=never, options=options)


def test_a_table_becomes_the_dataclass_with_its_types_and_defaults() -> None:
    options = build_options(provider(), {"endpoint": "here", "interval": 2, "labels": ["a", "b"]})
    assert options == MeterOptions(endpoint="here", interval=2.0, labels=("a", "b"))
    assert type(options.interval) is float


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"endpoint": "x", "pool": 1}, "instrument 'meter' has no option 'pool'; did you mean 'pool_size'?"),
        (
            {"endpoint": "x", "zzz": 1},
            ("instrument 'meter' has no option 'zzz'; its options are: endpoint, pool_size, interval, labels, prefix"),
        ),
        ({}, "instrument 'meter' needs the option 'endpoint'"),
        (
            {"endpoint": "x", "derived": 1},
            (
                "instrument 'meter' has no option 'derived'; "
                "its options are: endpoint, pool_size, interval, labels, prefix"
            ),
        ),
        (
            {"endpoint": "x", "pool_size": "4"},
            "option 'pool_size' of instrument 'meter' must be an integer; it is '4'",
        ),
        (
            {"endpoint": "x", "labels": ["a", 1]},
            "option 'labels' of instrument 'meter' item 2 must be a string; it is 1",
        ),
        (
            {"endpoint": "x", "pool_size": 0},
            "the options of instrument 'meter' do not fit together: pool_size must be at least 1",
        ),
    ],
)
def test_what_does_not_fit_is_named(table: Mapping[str, object], message: str) -> None:
    with pytest.raises(PluginError) as raised:
        build_options(provider(), table)
    assert str(raised.value) == message


def test_a_provider_without_options_takes_none() -> None:
    assert build_options(provider(NoOptions), {}) == NoOptions()
    with pytest.raises(PluginError, match=r"^instrument 'meter' has no option 'a'; it takes none$"):
        build_options(provider(NoOptions), {"a": 1})
