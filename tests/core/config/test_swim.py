"""The figures of `swim` as arguments of `ClusterConfig`."""

import casty
import pytest
from casty import CastyConfig, ConfigError
from casty.cluster import ClusterConfig
from casty.config import ClusterConfig as Table
from casty.config import FailureDetectorConfig


def test_with_a_figure_the_failure_detector_is_swim() -> None:
    config = ClusterConfig(protocol_period=1.0, ping_timeout=0.5, ping_req_fanout=3, suspicion_mult=5, port=0)
    figures = {"protocol_period": 1.0, "ping_timeout": 0.5, "ping_req_fanout": 3, "suspicion_mult": 5}
    assert config.failure_detector == FailureDetectorConfig(kind="swim", options=figures)
    assert config.port == 0
    assert CastyConfig(cluster=config).cluster is config
    given = FailureDetectorConfig(kind="swim", options={"ping_timeout": 0.1, "suspicion_mult": 2})
    both = ClusterConfig(failure_detector=given, suspicion_mult=3)
    assert both.failure_detector.options == {"ping_timeout": 0.1, "suspicion_mult": 3}


def test_without_them_it_is_the_table() -> None:
    config = ClusterConfig(port=1)
    assert isinstance(config, Table)
    assert config.failure_detector == Table().failure_detector
    assert casty.ClusterConfig is ClusterConfig


def test_figures_of_another_detector_are_refused() -> None:
    with pytest.raises(ConfigError, match="suspicion_mult are figures of the failure detector 'swim'"):
        ClusterConfig(suspicion_mult=3, failure_detector=FailureDetectorConfig())
    with pytest.raises(ConfigError, match="port must be"):
        ClusterConfig(port=-1)
