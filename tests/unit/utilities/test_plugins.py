from __future__ import annotations

import pytest

import prefect
from prefect.utilities import plugins


@pytest.fixture(autouse=True)
def empty_registries(monkeypatch: pytest.MonkeyPatch):
    saved = {name: dict(registry) for name, registry in plugins.REGISTRY.items()}
    yield
    for name, registry in plugins.REGISTRY.items():
        registry.clear()
        registry.update(saved[name])


def test_functions_are_reachable_by_their_dotted_names() -> None:
    @plugins.register_api("flows.count")
    def count() -> int:
        return 3

    assert prefect.api.flows.count() == 3
    assert count() == 3


def test_models_and_plugins_have_registries_of_their_own() -> None:
    @plugins.register_model("Model")
    class Model:
        pass

    @plugins.register_plugin("a.b")
    class Plugin:
        pass

    assert prefect.models.Model is Model
    assert prefect.plugins.a.b is Plugin
    registered = plugins.REGISTRY.to_dict()
    assert registered == {"api": {}, "models": {"Model": Model}, "plugins": {"a": {"b": Plugin}}}


def test_registering_again_replaces() -> None:
    plugins.register_api("name")(1)
    plugins.register_api("name")(2)

    assert prefect.api.name == 2


def test_a_registered_thing_is_no_section() -> None:
    plugins.register_api("a.b")(len)

    with pytest.raises(
        ValueError, match=r"Cannot register 'a.b.c': prefect.api.a.b is <built-in function len>"
    ):
        plugins.register_api("a.b.c")(len)


def test_what_was_never_registered_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="nothing"):
        _ = prefect.api.nothing
