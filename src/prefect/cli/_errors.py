"""The one error that commands raise for mistakes a user can correct."""

from __future__ import annotations

from typing import IO, Any

import click

from prefect.cli import _exit_codes

__all__ = ["CommandError"]


class CommandError(click.ClickException):
    """Ends the command with one message on standard error and an exit status.

    Args:
        message: what happened, to which object, in a sentence.
        hint: what to do next, if that is not obvious.
        exit_code: see `prefect.cli._exit_codes`.
        details: lines printed above the message, such as the traceback of a flow file.
    """

    def __init__(
        self,
        message: str,
        hint: str | None = None,
        exit_code: int = _exit_codes.FAILED,
        details: str | None = None,
    ) -> None:
        super().__init__(message)
        self.hint = hint
        # click reads it from the instance, and declares it for the class.
        self.exit_code = exit_code  # pyright: ignore[reportAttributeAccessIssue]
        self.details = details

    def show(self, file: IO[Any] | None = None) -> None:
        """Print details, message and hint."""
        from prefect.cli._output import print_error

        print_error(self.message, hint=self.hint, details=self.details)
