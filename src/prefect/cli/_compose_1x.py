"""Functions of 1.x around Docker Compose, for programs that import them from `prefect.cli.server`.

There are no containers any more: one process is the server. What made files and variables for
containers says so; the rest does what it did.
"""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

from prefect.exceptions import PrefectException

__all__ = [
    "ascii_welcome",
    "setup_compose_env",
    "setup_compose_file",
    "warn_for_postgres_settings_when_using_external_postgres",
]


def ascii_welcome(ui_port: str = "8080") -> str:
    """The lines that greeted whoever started the server of 1.x.

    Args:
        ui_port: port of the web interface on this machine.
    """
    return f"\n   WELCOME TO\n\n   PREFECT SERVER\n\n   Visit http://localhost:{ui_port} to get started.\n"


def setup_compose_env(
    version: str | None = None,
    ui_version: str | None = None,
    no_upgrade: bool | None = None,
    external_postgres: bool = False,
    postgres_url: str | None = None,
    postgres_port: str | None = None,
    hasura_port: str | None = None,
    graphql_port: str | None = None,
    ui_port: str | None = None,
    expose: bool = False,
    server_port: str | None = None,
    volume_path: str | None = None,
) -> dict[str, Any]:
    """Variables for the containers of 1.x.

    Raises:
        PrefectException: always; there are no containers.
    """
    _no_containers("setup_compose_env")


def setup_compose_file(
    no_ui: bool = False,
    external_postgres: bool = False,
    no_postgres_port: bool = False,
    no_hasura_port: bool = False,
    no_graphql_port: bool = False,
    no_ui_port: bool = False,
    no_server_port: bool = False,
    use_volume: bool = True,
    temp_dir: str | None = None,
) -> str:
    """The Docker Compose file of 1.x.

    Raises:
        PrefectException: always; there are no containers.
    """
    _no_containers("setup_compose_file")


def warn_for_postgres_settings_when_using_external_postgres(
    no_postgres_port: bool, postgres_port: int | str | None, use_volume: bool, volume_path: str | None
) -> None:
    """Warn of options that say nothing about a database that was there before.

    Args:
        no_postgres_port: whether its port was to be hidden.
        postgres_port: the port it was to have.
        use_volume: whether its data were to outlive it.
        volume_path: where they were to lie.
    """
    import prefect

    database: Any = prefect.config.server.database
    given = {
        "--no-postgres-port": no_postgres_port,
        "--postgres-port": postgres_port != database.host_port,
        "--use-volume": use_volume,
        "--volume-path": volume_path != database.volume_path,
    }
    for flag, is_given in given.items():
        if is_given:
            warnings.warn(
                f"Using external Postgres instance, `{flag}` flag will be ignored.", UserWarning, stacklevel=2
            )


def _no_containers(name: str) -> NoReturn:
    raise PrefectException(
        f"{name} made a server of containers, and there are none any more: `prefect server start` runs the "
        "server as one process, and `prefect server config` prints how."
    )
