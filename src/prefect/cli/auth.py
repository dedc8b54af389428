"""`prefect auth`: log in, and manage API keys and tenants."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from prefect.cli import _exit_codes
from prefect.cli._api import api_errors, connect
from prefect.cli._errors import CommandError
from prefect.cli._find import is_uuid
from prefect.cli._group import Group
from prefect.cli._output import may_ask, note, write
from prefect.cli._table import (
    Column,
    age,
    output_option,
    output_option_for,
    short_age,
    show_document,
    show_rows,
)

if TYPE_CHECKING:
    from prefect.client.client import Client

__all__ = ["abort_on_config_api_key", "auth", "check_override_auth_token"]


@click.group(
    cls=Group,
    removed={
        "create-token": "Tokens were replaced by keys: `prefect auth create-key --name NAME`.",
        "list-tokens": "Tokens were replaced by keys: `prefect auth list-keys`.",
        "revoke-token": "Tokens were replaced by keys: `prefect auth revoke-key --id UUID`.",
    },
)
def auth() -> None:
    """Log in, and manage API keys and tenants."""


@auth.command()
@click.option("--key", "-k", metavar="KEY", help="The API key; asked for in a terminal if missing.")
@click.option("--api", metavar="URL", help="Address of the API, kept as `prefect backend URL` does.")
def login(key: str | None, api: str | None) -> None:
    """Log in to the API with a key, which is kept for programs on this machine.

    You work in the key's default tenant then; `prefect auth switch-tenants` chooses another one.
    """
    abort_on_config_api_key()
    check_override_auth_token()
    if key is None:
        if not may_ask():
            raise CommandError("Give the API key: --key KEY.", exit_code=_exit_codes.USAGE)
        key = str(click.prompt("API key", hide_input=True, err=True))
    address = _chosen(api)
    client = _client_of(key, address)
    with api_errors():
        tenant_id = client.tenant_id
        tenant = next((t for t in client.get_available_tenants() if t["id"] == tenant_id), None)
    client.save_auth_to_disk()
    if address is not None:
        from prefect.utilities.backend import save_backend

        save_backend("cloud", address)
    name = f"{tenant['name']!r} ({tenant['slug']})" if tenant else tenant_id
    write(f"Logged in to Prefect tenant {name}")


def _chosen(api: str | None) -> str | None:
    if api is None:
        return None
    from prefect.cli.backend import address_of

    return address_of(api)


def _client_of(key: str, address: str | None) -> Client:
    """A client with this key, in the key's own tenant."""
    from prefect.utilities.configuration import set_temporary_config

    if address is None:
        return _without_tenant(key)
    with set_temporary_config({"cloud.api": address}):
        return _without_tenant(key)


def _without_tenant(key: str) -> Client:
    client = connect(api_key=key)
    # What an earlier login chose is not meant: the key may belong to somebody else.
    client._tenant_id = None  # pyright: ignore[reportPrivateUsage]
    return client


def _refuse_environment(setting: str) -> None:
    """Refuse to store what a variable or the configuration file would win over.

    Raises:
        CommandError: it is set.
    """
    from prefect.utilities.context import context

    if not context.config.cloud.get(setting):
        return
    variable = f"PREFECT__CLOUD__{setting.upper()}"
    raise CommandError(
        f"The environment variable {variable} (or cloud.{setting} in config.toml) is set, and wins over what this "
        "command would store.",
        hint=f"Unset it first: `unset {variable}`.",
        exit_code=_exit_codes.CONFLICT,
    )


def abort_on_config_api_key(message: str | None = None) -> None:
    """Refuse to go on while the environment or the configuration file sets an API key.

    Args:
        message: what to say; a sentence that names the variable by default.

    Raises:
        CommandError: it is set.
    """
    from prefect.utilities.context import context

    if message is not None and context.config.cloud.get("api_key"):
        raise CommandError(message, exit_code=_exit_codes.CONFLICT)
    _refuse_environment("api_key")


def check_override_auth_token() -> None:
    """Say so if the environment sets an API token of Prefect before 1.0, which has no effect any more."""
    import os

    if os.environ.get("PREFECT__CLOUD__AUTH_TOKEN"):
        note("PREFECT__CLOUD__AUTH_TOKEN is set, and has no effect: tokens were replaced by keys.")


@auth.command()
@click.option("--token", "-t", is_flag=True, help="Forget an API token of Prefect before 1.0 instead.")
@click.option("--yes", "-y", is_flag=True, help="Do not ask.")
def logout(token: bool, yes: bool) -> None:
    """Forget the API key and the tenant that are kept on this machine."""
    from prefect.client import _credentials
    from prefect.client.client import Client
    from prefect.utilities.context import context

    with api_errors():
        client = Client()
    stored = _credentials.load(client.api_server)
    if stored and not token:
        if not yes and may_ask():
            click.confirm(
                "Log out? This removes your API key from this machine.", default=True, abort=True, err=True
            )
        _credentials.save(client.api_server, None, None)
        write(f"Logged out of {client.api_server}")
        return
    if context.config.cloud.get("api_key") and not token:
        raise CommandError(
            "Your API key is set by the environment variable PREFECT__CLOUD__API_KEY or by config.toml, and not by "
            "`prefect auth login`.",
            hint="Unset it there.",
            exit_code=_exit_codes.CONFLICT,
        )
    _logout_token()


def _logout_token() -> None:
    from prefect.cli._old_tokens import forget_token

    done = forget_token()
    if done == "none":
        raise CommandError("You are not logged in!", exit_code=_exit_codes.UNAUTHORIZED)
    if done == "reset":
        write("Logged out of the tenant of your API token. The token is still on this machine.")
        note("API tokens are of no use any more. `prefect auth logout` again deletes the token.")
    else:
        write("The API token was deleted from this machine.")


@auth.command("purge-tokens")
def purge_tokens() -> None:
    """Delete API tokens of Prefect before 1.0 from this machine."""
    from prefect.cli._old_tokens import purge, tokens_path

    if purge():
        write(f"Removed {str(tokens_path())!r}.")
    else:
        write(f"There are no tokens in {str(tokens_path())!r}; nothing was removed.")


@auth.command()
@output_option_for("table", "text")
def status(output: str) -> None:
    """Print which API you use, and as whom.

    Exit status: 0 you have access, 4 you have none.
    """
    client = connect()
    with api_errors():
        found = _who(client)
        tenants = client.get_available_tenants()
    tenant = next((t for t in tenants if t["id"] == found["tenant_id"]), None)
    facts: dict[str, Any] = {
        "api": client.api_server,
        "has_key": bool(client.api_key),
        "key_from": _key_source(client),
        "user_id": found.get("user_id"),
        "role": found.get("role"),
        "tenant": tenant,
    }
    if output not in ("table", "text"):
        show_document({"id": tenant["id"] if tenant else None, **facts}, output)
        return
    write(f"You are connecting to {facts['api']}")
    if facts["has_key"]:
        write(f"You are authenticating with an API key from {facts['key_from']}")
    else:
        write("You are not logged in; this server does not ask for a key.")
    if tenant:
        write(f"Your tenant is {tenant['name']!r} ({tenant['slug']})")
    if facts["role"]:
        write(f"Your role is {facts['role']}")


def _who(client: Client) -> dict[str, Any]:
    from prefect.exceptions import ClientError

    try:
        answer = client.graphql("query { auth_info { tenant_id user_id role } }")
    except ClientError as error:
        if "role" not in str(error):
            raise
        answer = client.graphql("query { auth_info { tenant_id user_id } }")
    return dict(answer.data.auth_info or {"tenant_id": None})


def _key_source(client: Client) -> str | None:
    from prefect.utilities.context import context

    if not client.api_key:
        return None
    if context.config.cloud.get("api_key"):
        return "the configuration (PREFECT__CLOUD__API_KEY or config.toml)"
    return "`prefect auth login`"


@auth.command("list-tenants")
@output_option
def list_tenants(output: str) -> None:
    """List the tenants that you may use; the one you work in is marked."""
    client = connect()
    with api_errors():
        current = client.tenant_id
        rows: list[dict[str, Any]] = [
            {**tenant, "current": tenant["id"] == current} for tenant in client.get_available_tenants()
        ]
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"]),
        Column("SLUG", lambda row: row["slug"]),
        Column("ID", lambda row: row["id"], whole=True),
        Column("CURRENT", lambda row: "*" if row["current"] else ""),
    ]
    show_rows(rows, columns, output, empty="There are no tenants that you may use.")


@auth.command("switch-tenants")
@click.option("--id", "-i", metavar="UUID", help="Id of the tenant.")
@click.option("--slug", "-s", metavar="SLUG", help="Slug of the tenant.")
@click.option("--default", "-d", is_flag=True, help="The default tenant of your key.")
def switch_tenants(id: str | None, slug: str | None, default: bool) -> None:
    """Choose the tenant to work in."""
    if sum((id is not None, slug is not None, default)) != 1:
        raise CommandError("Give one of --id, --slug and --default.", exit_code=_exit_codes.USAGE)
    _refuse_environment("tenant_id")
    _refuse_environment("api_key")
    client = connect()
    with api_errors():
        tenants = client.get_available_tenants()
        if default:
            client._tenant_id = None  # pyright: ignore[reportPrivateUsage]
            wanted = client.tenant_id
            tenant = next((t for t in tenants if t["id"] == wanted), None)
        else:
            tenant = next((t for t in tenants if id == t["id"] or slug == t["slug"]), None)
        if tenant is None:
            known = ", ".join(t["slug"] for t in tenants)
            raise CommandError(
                f"There is no tenant {slug or id!r} that your key may use.",
                hint=f"You may use: {known}.",
                exit_code=_exit_codes.NOT_FOUND,
            )
        client.switch_tenant(tenant_id=tenant["id"])
    client.save_auth_to_disk()
    write(f"Tenant switched to {tenant['name']!r} ({tenant['slug']})")


@auth.command("create-key")
@click.option("--name", "-n", required=True, metavar="NAME", help="Name of the key.")
@click.option("--expire", "-e", metavar="DATE", help="When it stops working, such as 2030-01-31; never by default.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="Print the key and nothing else.")
def create_key(name: str, expire: str | None, quiet: bool) -> None:
    """Make an API key of yours. It is shown this once."""
    expires_at = _date(expire) if expire is not None else None
    client = connect()
    with api_errors():
        user_id = _who(client).get("user_id")
        if user_id is None:
            raise CommandError(
                "The server does not say who you are, so that it is not clear whose key this is to be.",
                hint="Log in with a key first: `prefect auth login --key KEY`.",
                exit_code=_exit_codes.UNAUTHORIZED,
            )
        key = client._one(  # pyright: ignore[reportPrivateUsage]
            "create_api_key",
            {
                "user_id": user_id,
                "name": name,
                "expires_at": expires_at,
                "default_tenant_id": client.tenant_id,
            },
            "key",
        ).key
    if quiet:
        write(key)
        return
    note("Keep the key in a safe place: it is not shown again.")
    write(f"Successfully created key {name}\n\n\tThe key is: {key}")


def _date(text: str) -> str:
    """A date in any usual form, in UTC if it names no zone.

    Raises:
        CommandError: it is none, or it is over.
    """
    import datetime

    from dateutil import parser

    try:
        when = parser.parse(text)
    except (ValueError, OverflowError):
        raise CommandError(f"--expire {text!r} is no date.", exit_code=_exit_codes.USAGE) from None
    if when.tzinfo is None:
        when = when.replace(tzinfo=datetime.timezone.utc)
    if when <= datetime.datetime.now(datetime.timezone.utc):
        raise CommandError(f"--expire {text!r} is over already.", exit_code=_exit_codes.USAGE)
    return when.isoformat()


@auth.command("list-keys")
@output_option
def list_keys(output: str) -> None:
    """List your API keys, and those of others if you are an admin."""
    from prefect.backend._query import rows

    client = connect()
    with api_errors():
        found: list[dict[str, Any]] = [
            row.to_dict()
            for row in rows(
                "auth_api_key", {}, "id name expires_at created", order_by={"created": "asc"}, client=client
            )
        ]
    columns: list[Column] = [
        Column("NAME", lambda row: row["name"]),
        Column("ID", lambda row: row["id"], whole=True),
        Column("AGE", lambda row: age(row["created"]), short=lambda row: short_age(row["created"])),
        Column("EXPIRES", lambda row: age(row["expires_at"]) or "never"),
    ]
    show_rows(found, columns, output, empty="There are no API keys. `prefect auth create-key` makes one.")


@auth.command("revoke-key")
@click.option(
    "--id", "-i", required=True, metavar="UUID", help="Id of the key; see `prefect auth list-keys`."
)
def revoke_key(id: str) -> None:
    """End an API key: it does not work any more."""
    if not is_uuid(id):
        raise CommandError(
            f"--id {id!r} is no UUID.",
            hint="`prefect auth list-keys` lists the keys with their ids.",
            exit_code=_exit_codes.USAGE,
        )
    client = connect()
    with api_errors():
        done = client._one("delete_api_key", {"key_id": id}, "success").success  # pyright: ignore[reportPrivateUsage]
    if not done:
        raise CommandError(f"The API key {id} could not be revoked.")
    write("Successfully revoked key")
