"""Options of `prefect server`, and the settings they and the configuration add up to."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._option_list import OptionList
from prefect.cli._output import note

if TYPE_CHECKING:
    from prefect.server.limits import Limits
    from prefect.server.settings import ServerSettings

__all__ = ["database_options", "legacy_options", "server_options", "settings_of", "warn_of_legacy"]

_PATH = click.Path(path_type=Path)

#: Options that say which database is meant.
database_options = OptionList(
    click.option("--data-dir", type=_PATH, help="Directory of database, keys and log. [~/.prefect/server]"),
    click.option(
        "--postgres-url", help="PostgreSQL to use instead of SQLite: postgresql://user:password@host/name."
    ),
    click.option("--encryption-key-file", type=_PATH, help="Key ring for secrets. [in the data directory]"),
)

#: Options that say how to serve.
server_options = OptionList(
    click.option("--host", help="Address to listen on; any but loopback requires API keys. [127.0.0.1]"),
    click.option("--port", "--server-port", "server_port", type=int, help="Port to listen on. [4200]"),
    click.option("--expose", is_flag=True, help="Listen on all addresses; requires API keys."),
    click.option("--require-keys", is_flag=True, help="Require API keys on loopback too."),
    click.option("--allowed-host", multiple=True, help="Another host name to answer to without keys."),
    click.option("--root-path", help="Path that a reverse proxy serves this server under."),
    click.option("--public-url", help="Address that links point to."),
    click.option("--tls-cert", type=_PATH, help="Certificate file; serves HTTPS."),
    click.option("--tls-key", type=_PATH, help="Key file of the certificate."),
    click.option("--ui-port", type=int, help="Also send links of 1.x clients on from this port (8080)."),
    click.option("--durability", type=click.Choice(["full", "normal"]), help="What SQLite survives: power loss, or process loss only. [full]"),
    click.option("--no-services", is_flag=True, help="Serve the API only; see `prefect server services start`."),
    click.option("--zombie-after", type=float, help="Seconds without a heartbeat after which a run is dead. [120]"),
    click.option("--submitted-grace", type=float, help="Seconds that an agent of 1.x may take to start a run. [600]"),
    click.option("--cancel-grace", type=float, help="Seconds a run may take to stop. [60]"),
    click.option("--max-resurrections", type=int, help="How often a dead flow run is started again. [3]"),
)  # fmt: skip

#: What started and configured containers in 1.x: `{parameter: flags}`. No effect here.
_LEGACY: dict[str, tuple[tuple[str, ...], bool]] = {
    "version": (("--version", "-v"), False),
    "ui_version": (("--ui-version", "-uv"), False),
    "no_upgrade": (("--no-upgrade", "-n"), True),
    "no_ui": (("--no-ui", "-u"), True),
    "external_postgres": (("--external-postgres", "-ep"), True),
    "postgres_port": (("--postgres-port",), False),
    "hasura_port": (("--hasura-port",), False),
    "graphql_port": (("--graphql-port",), False),
    "no_postgres_port": (("--no-postgres-port",), True),
    "no_hasura_port": (("--no-hasura-port",), True),
    "no_graphql_port": (("--no-graphql-port",), True),
    "no_ui_port": (("--no-ui-port",), True),
    "no_server_port": (("--no-server-port",), True),
    "use_volume": (("--use-volume",), True),
    "volume_path": (("--volume-path",), False),
    "skip_pull": (("--skip-pull",), True),
}


def legacy_options(*, is_start: bool) -> OptionList:
    """Options of 1.x about containers, hidden."""
    return OptionList(
        *(
            click.option(*flags, name, is_flag=is_flag, hidden=True, expose_value=False)
            for name, (flags, is_flag) in _LEGACY.items()
            if is_start or name != "skip_pull"
        )
    )


def warn_of_legacy(ctx: click.Context) -> None:
    """Name the options that were given and have no effect."""
    given = [
        flags[0]
        for name, (flags, _) in _LEGACY.items()
        if name in {parameter.name for parameter in ctx.command.params}
        and ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if given:
        note(f"Without effect, since there are no containers any more: {', '.join(given)}.")


def settings_of(options: dict[str, Any]) -> ServerSettings:
    """The settings: options first, then `server.*` of the configuration, then defaults.

    Raises:
        CommandError: they contradict each other.
    """
    import prefect
    from prefect.server.http.gate import is_loopback
    from prefect.server.settings import ServerSettings

    config: Any = prefect.config
    configured: dict[str, Any] = dict(config.server)
    # 1.x names; `server.host` and `server.port` are where *clients* look.
    aliases = {"host": "host_ip", "port": "host_port"}
    values: dict[str, Any] = {"data_dir": Path(str(config.home_dir)).expanduser() / "server"}
    for field in fields(ServerSettings):
        value = configured.get(aliases.get(field.name, field.name))
        # False stands for "none" where a setting is no flag.
        if value not in (None, "") and not (value is False and field.type != "bool"):
            values[field.name] = _converted(field.name, value)
    url = str(configured.get("database", {}).get("connection_url") or "")
    values["connection_url"] = options.get("postgres_url") or url
    names = {
        "server_port": "port",
        "zombie_after": "zombie_after_s",
        "submitted_grace": "submitted_grace_s",
        "cancel_grace": "cancel_grace_s",
        "require_keys": "requires_keys",
        "allowed_host": "allowed_hosts",
    }
    known = {field.name for field in fields(ServerSettings)}
    for option, value in options.items():
        name = names.get(option, option)
        if name in known and value not in (None, False, ()):
            values[name] = value
    if options.get("expose") and not options.get("host"):
        values["host"] = "0.0.0.0"  # noqa: S104 # what --expose asks for
    if options.get("no_services"):
        values["runs_services"] = False
    root_path = str(values.get("root_path", "")).strip("/")
    values["root_path"] = f"/{root_path}" if root_path else ""
    settings = ServerSettings(**values)
    if (settings.tls_cert is None) != (settings.tls_key is None):
        raise CommandError("TLS needs both --tls-cert and --tls-key.", exit_code=_exit_codes.USAGE)
    if not (is_loopback(settings.host) or settings.host == "localhost"):
        settings = replace(settings, requires_keys=True)
    return settings


_PATHS = ("data_dir", "encryption_key_file", "tls_cert", "tls_key")


def _converted(name: str, value: Any) -> Any:
    if name in _PATHS:
        return Path(str(value)).expanduser()
    if name == "port":
        return int(value)
    if name == "limits":
        return _limits(value)
    if name == "allowed_hosts":
        return tuple(value.replace(",", " ").split()) if isinstance(value, str) else tuple(value)
    return value


def _limits(values: Any) -> Limits:
    from prefect.server.limits import limits_of

    try:
        return limits_of(dict(values))
    except ValueError as exc:
        raise CommandError(str(exc), exit_code=_exit_codes.USAGE) from exc
