"""`prefect server`: start, stop and look after the server."""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from prefect.cli import _exit_codes
from prefect.cli._compose_1x import (
    ascii_welcome,
    setup_compose_env,
    setup_compose_file,
    warn_for_postgres_settings_when_using_external_postgres,
)
from prefect.cli._errors import CommandError
from prefect.cli._output import note, write
from prefect.cli._server_options import (
    database_options,
    legacy_options,
    server_options,
    settings_of,
    warn_of_legacy,
)

if TYPE_CHECKING:
    from prefect.client.client import Client
    from prefect.server.database.store import Store, Transaction
    from prefect.server.settings import ServerSettings

__all__ = [
    "ascii_welcome",
    "server",
    "setup_compose_env",
    "setup_compose_file",
    "warn_for_postgres_settings_when_using_external_postgres",
]

_STOP_S = 20.0


@click.group()
def server() -> None:
    """Run the server: API, scheduling and all that watches runs.

    `prefect server start` needs nothing else: no container and no database server.
    """


@server.command()
@server_options
@database_options
@click.option(
    "--bootstrap-key-file", type=click.Path(path_type=Path), help="Write the first admin key to this file."
)
@click.option("--detach", "-d", is_flag=True, help="Run in the background; `prefect server stop` ends it.")
@click.option("--hide-welcome", is_flag=True, help="Print no help to get started.")
@legacy_options(is_start=True)
@click.pass_context
def start(
    ctx: click.Context, bootstrap_key_file: Path | None, detach: bool, hide_welcome: bool, **options: Any
) -> None:
    """Start the server.

    Without more options: on 127.0.0.1:4200, with SQLite in ~/.prefect/server, for whoever sits at
    this machine. Other addresses need API keys; the first one is printed once.
    """
    warn_of_legacy(ctx)
    settings = settings_of(options)
    if detach:
        _start_in_background(settings)
        return
    _set_up_logging()
    from prefect.server import process

    with _database_errors():
        try:
            release = process.hold(settings.data_dir, settings.url)
        except process.AlreadyRunningError as exc:
            raise CommandError(
                str(exc), hint="`prefect server stop` ends it.", exit_code=_exit_codes.CONFLICT
            ) from exc
        try:
            _serve(settings, bootstrap_key_file, hide_welcome)
        finally:
            release()


def _serve(settings: ServerSettings, bootstrap_key_file: Path | None, hide_welcome: bool) -> None:
    from prefect.server import app

    is_new = settings.is_sqlite and not settings.sqlite_path.exists()
    try:
        listening = app.listen(settings)
    except OSError as exc:
        raise CommandError(
            f"Nothing can listen on {settings.host}:{settings.port}: {exc.strerror or exc}.",
            hint="Another program may use the port; choose one with --port.",
            exit_code=_exit_codes.CONFLICT,
        ) from exc
    store = app.open_database(settings)
    if settings.requires_keys:
        _hand_out_first_key(store, bootstrap_key_file)
        if settings.tls_cert is None and settings.host not in ("127.0.0.1", "localhost", "::1"):
            note(
                "Warning: keys and data travel unencrypted. Use --tls-cert and --tls-key, "
                "or a proxy that serves HTTPS."
            )

    def ready() -> None:
        write(_welcome(settings, is_new) if not hide_welcome else f"Prefect server at {settings.url}")

    app.serve(settings, store, listening, ready)
    note("The server has stopped.")


def _hand_out_first_key(store: Store, file: Path | None) -> None:
    from prefect.server.bootstrap import first_admin_key

    key = store.write_sync(lambda tx: first_admin_key(tx, _now()))
    if key is None:
        return
    if file is None:
        write(f"API key of the user `admin` (shown this once):\n\n    {key.key}\n")
        return
    import os

    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.fchmod(descriptor, 0o600) if hasattr(os, "fchmod") else None
    with os.fdopen(descriptor, "w", encoding="ascii") as stream:
        stream.write(key.key + "\n")
    note(f"The API key of the user `admin` is in {file}.")


def _welcome(settings: ServerSettings, is_new: bool) -> str:
    from prefect import __version__

    database = f"SQLite, {settings.sqlite_path}" if settings.is_sqlite else "PostgreSQL"
    lines = [
        f"Prefect server {__version__} is ready" + (" (new database)" if is_new else ""),
        "",
        f"  web UI      {settings.url}",
        f"  API         {settings.url}/graphql",
        f"  database    {database}",
        f"  access      {'API keys' if settings.requires_keys else 'this machine only, without keys'}",
        "",
        "To use it from another shell:",
        "",
    ]
    if settings.requires_keys:
        lines += [
            "  prefect backend cloud",
            f"  export PREFECT__CLOUD__API={settings.url}",
            "  prefect auth login --key YOUR_KEY",
        ]
    else:
        lines.append("  prefect backend server")
        if settings.url != "http://localhost:4200":
            lines.append(f"  export PREFECT__SERVER__ENDPOINT={settings.url}")
    lines += [
        "  prefect register --project demo --create-project -p flow.py",
        "  prefect agent local start",
        "  prefect run --project demo --name NAME --watch",
        "",
        "Ctrl-C stops the server.",
    ]
    return "\n".join(lines)


def _set_up_logging() -> None:
    """Lines of the server go to standard error, one for each event."""
    import logging

    from prefect.server.log_lines import one_line_each
    from prefect.utilities.logging import get_logger

    uvicorn = logging.getLogger("uvicorn")
    uvicorn.setLevel(logging.WARNING)
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s %(message)s"))
    uvicorn.addHandler(handler)
    for logger in (get_logger(), uvicorn):
        one_line_each(logger)


def _start_in_background(settings: ServerSettings) -> None:
    import subprocess

    from prefect.server import process

    found = process.running(settings.data_dir)
    if found is not None:
        raise CommandError(
            str(process.AlreadyRunningError(settings.data_dir, found)), exit_code=_exit_codes.CONFLICT
        )
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    log = settings.data_dir / "server.log"
    words = [word for word in sys.argv[1:] if word not in ("--detach", "-d")]
    with log.open("ab") as output:
        child = subprocess.Popen(  # noqa: S603 # this very command
            [sys.executable, "-m", "prefect", *words],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    deadline = time.monotonic() + 60
    while not _answers(settings):
        if child.poll() is not None or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-5:])
            raise CommandError("The server did not start.", hint=f"All of its log is in {log}.", details=tail)
        time.sleep(0.1)  # its readiness is no event that another process could wait for
    write(f"Prefect server at {settings.url} (process {child.pid}, log in {log})")


def _answers(settings: ServerSettings) -> bool:
    """Whether the server on this machine is healthy."""
    import http.client
    import ssl

    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.host, settings.host)  # noqa: S104
    try:
        if settings.tls_cert is None:
            connection = http.client.HTTPConnection(host, settings.port, timeout=2)
        else:
            # Only whether somebody answers: nothing is sent that a wrong certificate could steal.
            context = ssl._create_unverified_context()  # noqa: S323
            connection = http.client.HTTPSConnection(host, settings.port, timeout=2, context=context)
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False


@server.command()
@database_options
def stop(**options: Any) -> None:
    """Stop the server that runs with the data directory."""
    from prefect.server import process

    data_dir = settings_of(options).data_dir
    try:
        stopped = process.stop(data_dir, _STOP_S)
    except TimeoutError as exc:
        raise CommandError(str(exc), exit_code=_exit_codes.TIMEOUT) from exc
    except PermissionError as exc:
        raise CommandError("The server belongs to another user.", exit_code=_exit_codes.UNAUTHORIZED) from exc
    # compat: nothing to stop is no error.
    write("The server has stopped." if stopped else f"No server runs with the data directory {data_dir}.")


@server.command()
@server_options
@database_options
def status(**options: Any) -> None:
    """Say whether the server runs and answers; the exit status is 6 if not."""
    from prefect.server import process

    settings = settings_of(options)
    found = process.running(settings.data_dir)
    if found is None:
        raise CommandError(
            f"No server runs with the data directory {settings.data_dir}.",
            hint="`prefect server start` starts it.",
            exit_code=_exit_codes.UNREACHABLE,
        )
    write(f"Prefect server at {found.url} (process {found.pid})")


@server.command()
@server_options
@database_options
@legacy_options(is_start=False)
@click.pass_context
def config(ctx: click.Context, **options: Any) -> None:
    """Print the configuration that `start` would use with these options, as JSON."""
    warn_of_legacy(ctx)
    settings = settings_of(options)
    write(json.dumps({**settings.as_dict(), "url": settings.url}, indent=2))


@server.command("create-tenant")
@click.option("--name", "-n", required=False, help="What people read.")
@click.option("--slug", "-s", help="What stands in links: lower case, digits and dashes. Made from the name.")
@database_options
@click.pass_context
def create_tenant(ctx: click.Context, name: str | None, slug: str | None, **options: Any) -> None:
    """Create a tenant: a team that sees nothing of others.

    The server is asked for it. If none answers, or the options name a database, it is made there.
    """
    if not name:
        raise CommandError("A tenant needs a --name.", exit_code=_exit_codes.USAGE)
    chosen = slug or "-".join("".join(c if c.isalnum() else " " for c in name.lower()).split())
    client = None if _names_database(ctx, options) else _server_that_answers()
    if client is not None:
        from prefect.cli._api import api_errors

        with api_errors():
            write(f"Tenant created with ID: {client.create_tenant(name, chosen)}")
        return

    def create(tx: Transaction) -> str:
        from prefect.server.domain.tenants import add_tenant

        return add_tenant(tx, name, chosen, _now())

    # compat: the words of 1.x, which scripts read the id from.
    write(f"Tenant created with ID: {_with_store(options, create)}")


def _names_database(ctx: click.Context, options: dict[str, Any]) -> bool:
    """Whether the command line or the environment says which database is meant."""
    from click.core import ParameterSource

    return any(ctx.get_parameter_source(name) is not ParameterSource.DEFAULT for name in options)


def _server_that_answers() -> Client | None:
    """A client of the configured server; None, with a note, if there is none."""
    from prefect.cli._api import connect

    try:
        return connect()
    except CommandError as error:
        if error.exit_code != _exit_codes.UNREACHABLE:
            raise
        note(f"{error.message} The tenant is made in its database.")
        return None


@server.command("create-user")
@click.argument("username")
@click.option("--email", help="Address.")
@click.option("--role", type=click.Choice(["read-only", "user", "admin"]), default="user", show_default=True)
@click.option(
    "--tenant", multiple=True, help="Slug of a tenant to be a member of; the oldest one by default."
)
@click.option("--service", is_flag=True, help="A service account, such as an agent's.")
@database_options
def create_user(
    username: str, email: str | None, role: Any, tenant: tuple[str, ...], service: bool, **options: Any
) -> None:
    """Create a user or service account, as a member of tenants."""

    def create(tx: Transaction) -> str:
        from prefect.server.bootstrap import create_member

        return create_member(tx, username, email, tenant, role, _now(), is_service=service)

    write(f"User created with ID: {_with_store(options, create)}")


@server.command("create-key")
@click.argument("username")
@click.option("--name", "-n", default="from the command line", help="What the key is for.")
@click.option("--expires-in-days", type=int, help="Days after which it ends; never by default.")
@database_options
def create_key(username: str, name: str, expires_in_days: int | None, **options: Any) -> None:
    """Create an API key of a user; it is printed this once, on standard output."""
    ends = None if expires_in_days is None else _now() + datetime.timedelta(days=expires_in_days)

    def create(tx: Transaction) -> str:
        from prefect.server.bootstrap import add_user_key

        return add_user_key(tx, username, name, ends, _now()).key

    write(_with_store(options, create))


@server.command("seed-demo")
@click.option(
    "--mapped",
    type=click.IntRange(1, 1_000_000),
    default=1_000,
    show_default=True,
    help="Children of the largest map.",
)
@click.option("--tasks", type=click.IntRange(0, 20_000), default=0, help="Also a flow with this many tasks.")
@click.option("--log-lines", type=click.IntRange(0, 10_000_000), default=0, help="Also a log this long.")
@click.option("--days", type=click.IntRange(1, 90), default=7, show_default=True, help="Days of history.")
@database_options
def seed_demo(mapped: int, tasks: int, log_lines: int, days: int, **options: Any) -> None:
    """Fill a database with flows and runs to look at.

    \b
    To try the server without touching your own:
      prefect server seed-demo --data-dir demo
      prefect server start --data-dir demo
    """  # noqa: D301 - click reads the \b
    from prefect.cli._demo_flows import demo_flows
    from prefect.server import app
    from prefect.server.errors import UniquenessError
    from prefect.server.seed import seed

    flows = demo_flows(tasks)
    with _database_errors():
        store = app.open_database(settings_of(options))
        try:
            made = seed(store, flows, _now(), mapped=mapped, log_lines=log_lines, days=days, tell=note)
        except UniquenessError as exc:
            raise CommandError(
                "The demo is in this database already.",
                hint="Give another directory with --data-dir.",
                exit_code=_exit_codes.CONFLICT,
            ) from exc
        finally:
            store.close()
    write(f"{made.flow_runs:,} flow runs and {made.task_runs:,} task runs are there to look at.")
    for title, run_id in made.ids.items():
        write(f"  {title:12} {run_id}")


@server.command("import")
@click.option("--from", "source", required=True, help="Its database: postgresql://user:password@host/name.")
@click.option("--tenant", multiple=True, help="Slug of a tenant to import; all by default.")
@click.option("--days", type=click.IntRange(1), help="Only runs that ended in the last so many days.")
@click.option("--no-runs", is_flag=True, help="Flows only.")
@click.option("--no-logs", is_flag=True, help="Runs without their log lines, which are most of the data.")
@click.option("--activate-schedules", is_flag=True, help="Leave schedules on. Stop the old server first.")
@database_options
def import_(
    source: str,
    tenant: tuple[str, ...],
    days: int | None,
    no_runs: bool,
    no_logs: bool,
    activate_schedules: bool,
    **options: Any,
) -> None:
    """Copy flows and finished runs of a Prefect Server 1.x into this server's database.

    Projects, flow groups, all versions of flows, runs, states, logs and artifacts keep their ids. The old database is
    only read, and may be in use. Schedules come switched off, so that no run is made twice. An import that was
    interrupted is run again: what is here already stays as it is.

    What cannot come: agents (they appear when they ask for work), cloud hooks, and runs that have not finished.
    API keys and secrets the old server had not.
    """
    from prefect.cli._server_import import report
    from prefect.server import app
    from prefect.server.importing import import_from
    from prefect.server.old_database import open_old_database

    since = None if days is None else _now() - datetime.timedelta(days=days)
    with _database_errors(), open_old_database(source) as old:
        store = app.open_database(settings_of(options))
        try:
            made = import_from(
                old,
                store,
                _now(),
                tenants=tenant,
                since=since,
                with_runs=not no_runs,
                with_logs=not no_logs,
                activates_schedules=activate_schedules,
                tell=note,
            )
        finally:
            store.close()
    write(report(made, is_active=activate_schedules))


@server.command()
@click.argument("target", type=click.Path(path_type=Path, dir_okay=False))
@database_options
def backup(target: Path, **options: Any) -> None:
    """Copy the SQLite database to the file TARGET, while the server runs or not.

    The copy is the database at one moment. Keep the key ring of secrets beside it; its place is said.
    """
    from prefect.server.database.sqlite import copy_database
    from prefect.server.security.crypto import key_file

    settings = settings_of(options)
    if not settings.is_sqlite:
        raise CommandError(
            "The database is PostgreSQL, which has tools for this.",
            hint="Use pg_dump, or the backups of whoever runs it.",
            exit_code=_exit_codes.USAGE,
        )
    if not settings.sqlite_path.exists():
        raise CommandError(
            f"There is no database at {settings.sqlite_path}.",
            hint="Name its directory with --data-dir.",
            exit_code=_exit_codes.NOT_FOUND,
        )
    if target.exists():
        raise CommandError(f"{target} is there already.", exit_code=_exit_codes.CONFLICT)
    try:
        copy_database(settings.sqlite_path, target)
    except OSError as exc:
        raise CommandError(f"{target} cannot be written: {exc.strerror or exc}.") from exc
    write(f"The database is in {target}.")
    note(f"The keys of its secrets are in {key_file(settings)}: without them they cannot be read.")


@server.command("rotate-keys")
@database_options
def rotate_keys(**options: Any) -> None:
    """Encrypt all secrets with a new key, while the server runs or not.

    Old keys stay in the key ring, since backups of the database need them.
    """
    from prefect.server import app
    from prefect.server.security import crypto

    settings = settings_of(options)
    with _database_errors():
        store = app.open_database(settings)
        try:
            count = crypto.rotate(settings, store)
        finally:
            store.close()
    write(f"Secrets encrypted with a new key: {count}. The key ring is {crypto.key_file(settings)}.")


@server.command()
def schema() -> None:
    """Print the schema of the GraphQL API."""
    from prefect.server.graphql.schema import sdl

    write(sdl())


@server.group()
def services() -> None:
    """Scheduler, reaper and the others, apart from the API."""


@services.command("start")
@database_options
@server_options
def start_services(**options: Any) -> None:
    """Run the services without the API, beside servers started with --no-services.

    They share a PostgreSQL database; several of these processes take over from each other.
    """
    settings = settings_of(options)
    if settings.is_sqlite:
        raise CommandError(
            "With SQLite the services run in the server itself.",
            hint="Give a PostgreSQL database with --postgres-url to run them apart.",
            exit_code=_exit_codes.USAGE,
        )
    _set_up_logging()
    from prefect.server import app

    with _database_errors():
        app.run_services(settings, app.open_database(settings), lambda: write("The services are running."))


def _now() -> datetime.datetime:
    return datetime.datetime.now(datetime.timezone.utc)


def _with_store(options: dict[str, Any], work: Callable[[Transaction], str]) -> str:
    """What `work` returns, done on the database itself: it needs no server and no key."""
    from prefect.server import app
    from prefect.server.errors import ApiError, NotFoundError, UniquenessError

    with _database_errors():
        store = app.open_database(settings_of(options))
        try:
            return store.write_sync(work)
        except UniquenessError as exc:
            raise CommandError("There is one of that name already.", exit_code=_exit_codes.CONFLICT) from exc
        except NotFoundError as exc:
            raise CommandError(exc.message, exit_code=_exit_codes.NOT_FOUND) from exc
        except ApiError as exc:
            raise CommandError(exc.message) from exc
        finally:
            store.close()


@contextmanager
def _database_errors() -> Generator[None]:
    """A database that cannot be used ends the command with its reason."""
    from prefect.server.database.migrate import DatabaseRefused

    try:
        yield
    except DatabaseRefused as exc:
        raise CommandError(str(exc), exit_code=_exit_codes.CONFLICT) from exc
