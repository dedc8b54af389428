from __future__ import annotations

import pytest

import prefect
from prefect.configuration import Config
from prefect.exceptions import ConfigurationError
from prefect.utilities.configuration import set_temporary_config


def test_settings_change_for_the_block_only() -> None:
    before = prefect.config.copy()

    with set_temporary_config({"cloud.api": "x", "brand.new": 3, "cloud.agent": {"z": 1}}) as config:
        assert config is prefect.config
        assert prefect.config.cloud.api == "x"
        assert prefect.config.brand.new == 3
        assert prefect.config.cloud.agent.z == 1
        assert prefect.context.config.cloud.api == "x"

    assert prefect.config == before


def test_what_the_block_changes_is_undone_too() -> None:
    before = prefect.config.copy()

    @set_temporary_config({})
    def block() -> None:
        prefect.config.mine = 3
        prefect.config.logging.level = "DEBUG"
        del prefect.config.flows
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        block()

    assert prefect.config == before


def test_blocks_nest() -> None:
    with set_temporary_config({"mine.a": 1}):
        with set_temporary_config({"mine.a": 2, "mine.b": 3}):
            assert prefect.config.mine == {"a": 2, "b": 3}
        assert prefect.config.mine == {"a": 1}


def test_sections_stay_the_same_objects() -> None:
    flows, agent = prefect.config.flows, prefect.config.cloud.agent

    with set_temporary_config({"flows.checkpointing": True, "cloud.agent": {}}):
        assert flows.checkpointing is True

    assert prefect.config.flows is flows
    assert prefect.config.cloud.agent is agent
    assert type(agent) is Config
    assert flows.checkpointing is False


def test_a_value_has_no_settings_below_it() -> None:
    before = prefect.config.copy()

    with (
        pytest.raises(ConfigurationError, match=r"Cannot set cloud.api.x: cloud.api is a value"),
        set_temporary_config({"debug": True, "cloud.api.x": 1}),
    ):
        pytest.fail("the block must not run")

    assert prefect.config == before


def test_is_a_decorator_too() -> None:
    @set_temporary_config({"debug": True})
    def read() -> bool:
        return prefect.config.debug

    assert read() is True
    assert prefect.config.debug is False
