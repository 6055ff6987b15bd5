"""`ClusterConfig` as seed 004 writes it: with the figures of the failure detector `swim` among its arguments."""

from dataclasses import replace
from typing import Any

from casty.config import schema
from casty.config.schema import FailureDetectorConfig
from casty.errors import ConfigError

SWIM = "swim"


class ClusterConfig(schema.ClusterConfig):
    """`[cluster]`. With one of these figures the failure detector is `swim`; they are options of it otherwise:

    `protocol_period`, seconds between two probes; `ping_timeout`, seconds that a probed node has to reply;
    `ping_req_fanout`, how many other nodes then probe it; `suspicion_mult`, how long it may refute a suspicion.
    """

    def __init__(
        self,
        *,
        protocol_period: float | None = None,
        ping_timeout: float | None = None,
        ping_req_fanout: int | None = None,
        suspicion_mult: int | None = None,
        **settings: Any,
    ) -> None:
        figures = {
            "protocol_period": protocol_period,
            "ping_timeout": ping_timeout,
            "ping_req_fanout": ping_req_fanout,
            "suspicion_mult": suspicion_mult,
        }
        given = {name: figure for name, figure in figures.items() if figure is not None}
        if given:
            detector = settings.get("failure_detector", FailureDetectorConfig(kind=SWIM))
            if detector.kind != SWIM:
                raise ConfigError(
                    f"{', '.join(given)} are figures of the failure detector 'swim', and failure_detector names "
                    f"{detector.kind!r}; leave one of them out"
                )
            settings["failure_detector"] = replace(detector, options={**detector.options, **given})
        super().__init__(**settings)
