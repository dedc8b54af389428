"""`prefect backend`: choose the API to talk to."""

from __future__ import annotations

from urllib.parse import urlsplit

import click

from prefect.cli import _exit_codes
from prefect.cli._errors import CommandError
from prefect.cli._group import Command
from prefect.cli._output import note, write

__all__ = ["address_of", "backend"]


@click.command(cls=Command)
@click.argument("api")
def backend(api: str) -> None:
    """Choose the API to talk to: `server`, `cloud`, or an address such as https://prefect.example.com.

    The choice is kept for programs that start from now on. `server` is server.endpoint of the
    configuration, `cloud` is cloud.endpoint; both are http://localhost:4200 unless you set them. An
    address is kept for both.
    """
    from prefect.utilities.backend import save_backend

    if api in ("cloud", "server"):
        save_backend(api)
        write(f"Backend switched to {api}")
    else:
        address = address_of(api)
        save_backend("cloud", address)
        write(f"Backend switched to {address}")
    _warn_of_environment()


def address_of(text: str) -> str:
    """An address without the slash at its end.

    Raises:
        CommandError: the text is none.
    """
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise CommandError(
            f"{text!r} is not a valid backend API: it must be `server`, `cloud`, or an address that starts with "
            "http:// or https://.",
            exit_code=_exit_codes.USAGE,
        )
    if (parts.hostname or "").endswith(".prefect.io"):
        raise CommandError(
            f"The API at {parts.netloc} was switched off.",
            hint="Start a server of your own with `prefect server start`.",
            exit_code=_exit_codes.USAGE,
        )
    return text.rstrip("/").removesuffix("/graphql")


def _warn_of_environment() -> None:
    import os

    for name in ("PREFECT__BACKEND", "PREFECT__CLOUD__API", "PREFECT__CLOUD__ENDPOINT"):
        if name in os.environ:
            note(f"The environment variable {name} is set, and wins over this choice.")
