"""Detectors and strategies as a configuration names them, with the options that it gives."""

from dataclasses import fields

import pytest
from casty.config import CastyConfig, DowningConfig, FailureDetectorConfig
from casty.config.convert import table_from
from casty.errors import PluginError
from casty.plugins import PluginRegistry, build_options
from casty_cluster.protocol.phi_accrual import PhiAccrualOptions
from casty_cluster.protocol.swim import SwimOptions


def detector_options(config: FailureDetectorConfig) -> object:
    provider = PluginRegistry.discover().failure_detector(config.kind)
    return build_options(provider, config.provider_options)


def strategy_options(config: DowningConfig) -> object:
    provider = PluginRegistry.discover().downing_strategy(config.strategy)
    return build_options(provider, config.options)


def test_the_defaults_of_the_configuration_are_those_of_the_detector() -> None:
    assert detector_options(FailureDetectorConfig()) == PhiAccrualOptions()


def test_each_figure_of_phi_accrual_has_its_key() -> None:
    keys = FailureDetectorConfig().provider_options
    assert [field.name for field in fields(PhiAccrualOptions) if field.name not in keys] == ["monitors"]


def test_further_options_of_phi_accrual() -> None:
    config = table_from(CastyConfig, {"cluster": {"failure_detector": {"threshold": 10, "options": {"monitors": 5}}}})
    assert detector_options(config.cluster.failure_detector) == PhiAccrualOptions(threshold=10.0, monitors=5)


def test_options_of_swim() -> None:
    config = FailureDetectorConfig(kind="swim", threshold=12.0, options={"protocol_period": 2, "suspicion_mult": 5})
    assert detector_options(config) == SwimOptions(protocol_period=2.0, suspicion_mult=5)


def test_wrong_options_name_the_nearest() -> None:
    with pytest.raises(PluginError, match="failure detector 'swim' has no option 'suspicion_mul'; did you mean 'suspi"):
        detector_options(FailureDetectorConfig(kind="swim", options={"suspicion_mul": 2}))
    with pytest.raises(PluginError, match="downing strategy 'static-quorum' needs the option 'quorum_size'"):
        strategy_options(DowningConfig(strategy="static-quorum"))
    with pytest.raises(PluginError, match="the options of downing strategy 'lease' do not fit together: url must"):
        strategy_options(DowningConfig(strategy="lease", options={"url": "postgres"}))
    with pytest.raises(PluginError, match="downing strategy 'down-all' has no option 'role'; it takes none"):
        strategy_options(DowningConfig(strategy="down-all", options={"role": "x"}))
