"""What options and configuration of `prefect server` add up to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from prefect.cli.server import server
from prefect.utilities.configuration import set_temporary_config


def configured(*words: str) -> tuple[dict[str, Any], str]:
    done = CliRunner().invoke(server, ["config", *words])
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout), done.stderr


def test_the_defaults_are_this_machine_sqlite_and_no_keys() -> None:
    found, warnings = configured()
    assert (found["host"], found["port"], found["connection_url"]) == ("127.0.0.1", 4200, "")
    assert found["requires_keys"] is False
    assert Path(found["data_dir"]).name == "server"
    assert found["durability"] == "full"
    assert warnings == ""


@pytest.mark.parametrize(
    "words",
    [("--expose",), ("--host", "0.0.0.0"), ("--host", "192.168.1.7"), ("--host", "::"), ("--require-keys",)],
)
def test_any_other_address_requires_keys(words: tuple[str, ...]) -> None:
    assert configured(*words)[0]["requires_keys"] is True


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.9", "::1", "localhost"])
def test_loopback_addresses_require_none(host: str) -> None:
    assert configured("--host", host)[0]["requires_keys"] is False


def test_an_address_in_the_configuration_requires_keys_too() -> None:
    with set_temporary_config({"server.host_ip": "0.0.0.0", "server.host_port": "4444"}):
        found, _ = configured()
    assert (found["host"], found["port"], found["requires_keys"]) == ("0.0.0.0", 4444, True)


def test_options_win_over_the_configuration() -> None:
    with set_temporary_config(
        {"server.database.connection_url": "postgresql://a:b@c/d", "server.host_port": "4444"}
    ):
        assert configured()[0]["connection_url"] == "postgresql://a:***@c/d"
        found, _ = configured("--postgres-url", "postgresql://x:y@z/w", "--server-port", "4555")
    assert (found["connection_url"], found["port"]) == ("postgresql://x:***@z/w", 4555)


def test_options_about_containers_are_named_in_one_warning() -> None:
    _, warnings = configured(
        "--no-upgrade", "-v", "1.4.1", "--hasura-port", "3000", "--use-volume", "--volume-path", "/x"
    )
    assert warnings.count("Without effect") == 1
    for name in ("--no-upgrade", "--version", "--hasura-port", "--use-volume", "--volume-path"):
        assert name in warnings


@pytest.mark.parametrize(
    ("words", "url"),
    [
        ((), "http://localhost:4200"),
        (("--root-path", "/prefect/", "--port", "80"), "http://localhost:80/prefect"),
        (("--public-url", "https://prefect.example.org/"), "https://prefect.example.org"),
    ],
)
def test_links_point_to_where_the_server_is_seen(words: tuple[str, ...], url: str) -> None:
    assert configured(*words)[0]["url"] == url


def test_the_schema_is_printed() -> None:
    done = CliRunner().invoke(server, ["schema"])
    assert done.exit_code == 0
    assert "input create_flow_run_input" in done.stdout
    assert "type flow_run " in done.stdout


def test_the_schema_says_what_everything_is() -> None:
    """Types, operations, and all columns and members whose name alone does not."""
    from graphql import GraphQLInputObjectType, GraphQLObjectType

    from prefect.server.graphql.schema import build_schema

    schema = build_schema()
    plain = {
        "name",
        "description",
        "type",
        "key",
        "value",
        "text",
        "username",
        "email",
        "message",
        "limit",
        "tag",
    }
    plain |= {"kind", "tags", "content", "first_name", "last_name", "account_type"}
    roots = {"query_root", "mutation_root"}
    silent: list[str] = []
    for name, kind in schema.type_map.items():
        if name in roots:
            assert isinstance(kind, GraphQLObjectType)
            silent += [f"{name}.{field}" for field, made in kind.fields.items() if not made.description]
        elif isinstance(kind, GraphQLObjectType) and f"{name}_by_pk" in schema.query_type.fields:  # type: ignore[union-attr]
            columns = [
                field
                for field, made in kind.fields.items()
                if not made.args and not hasattr(made.type, "fields")
            ]
            silent += [
                f"{name}.{field}"
                for field in columns
                if not kind.fields[field].description and field not in plain
            ]
        elif isinstance(kind, GraphQLInputObjectType) and name.endswith("_input") and not kind.description:
            silent.append(name)
    assert silent == []


def test_every_setting_of_the_server_is_declared_with_its_default() -> None:
    """What the configuration says is what the server does when nobody says anything."""
    import dataclasses

    import prefect
    from prefect.server.limits import Limits
    from prefect.server.settings import ServerSettings

    declared: Any = prefect.config.server
    assert dict(declared.limits) == dataclasses.asdict(Limits())
    elsewhere = {"host": "host_ip", "port": "host_port", "connection_url": None, "limits": None}
    for field in dataclasses.fields(ServerSettings):
        name = elsewhere.get(field.name, field.name)
        if name is not None:
            assert name in declared, field.name
    found, _ = configured()
    plain = json.loads(json.dumps(ServerSettings(Path(found["data_dir"])).as_dict()))
    assert {**found, "url": None} == {**plain, "url": None}


@pytest.mark.parametrize(
    ("key", "value", "name", "expected"),
    [
        ("server.encryption_key_file", "/somewhere/ring", "encryption_key_file", "/somewhere/ring"),
        ("server.durability", "normal", "durability", "normal"),
        ("server.requires_keys", True, "requires_keys", True),
        ("server.runs_services", False, "runs_services", False),
        ("server.allowed_hosts", ["a.example"], "allowed_hosts", ["a.example"]),
        ("server.ui_port", 8080, "ui_port", 8080),
        ("server.zombie_after_s", 5.0, "zombie_after_s", 5.0),
    ],
)
def test_what_has_an_option_has_a_setting(key: str, value: Any, name: str, expected: Any) -> None:
    with set_temporary_config({key: value}):
        assert configured()[0][name] == expected
