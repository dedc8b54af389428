"""`ShellTask`: a command in a shell."""

from __future__ import annotations

import logging
import os
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from prefect.core.task import Task
from prefect.engine import signals
from prefect.utilities.tasks import defaults_from_attrs

__all__ = ["ShellTask"]


class ShellTask(Task):
    """A task that runs a command, or a script of several lines, in a shell.

    Every argument of `run` may also be given here, to be used when the call leaves it out. The command's
    standard error is read together with its standard output.

    Args:
        command: what to run.
        env: environment variables of the command, besides those of the process it runs in.
        helper_script: lines to run before the command in the same shell, such as `cd` or a function.
        shell: the shell, or any program that runs a script file: `"bash"`, `"python3"`, `"bash -e"`.
        return_all: whether the result is the list of all lines; otherwise it is the last line.
        log_stderr: whether the output of a command that failed is logged as an error.
        stream_output: whether each line is logged when it is written: True for level INFO, or a level.
        **kwargs: settings of every `Task`.

    Raises:
        TypeError: `stream_output` is no level.

    Example:
        ```python
        from prefect import Flow
        from prefect.tasks.shell import ShellTask

        shell = ShellTask(helper_script="greeting=hello", return_all=True)

        with Flow("greetings") as flow:
            lines = shell.map(command=["echo $greeting", "echo $greeting again"])

        print(flow.run().result[lines].result)
        ```
        ```output
        [['hello'], ['hello again']]
        ```
    """

    command: str | None
    env: dict[str, str] | None
    helper_script: str | None
    shell: str
    return_all: bool
    log_stderr: bool
    stream_output: int

    def __init__(
        self,
        command: str | None = None,
        env: dict[str, str] | None = None,
        helper_script: str | None = None,
        shell: str = "bash",
        return_all: bool = False,
        log_stderr: bool = False,
        stream_output: bool | int | str = False,
        **kwargs: Any,
    ) -> None:
        self.command = command
        self.env = env
        self.helper_script = helper_script
        self.shell = shell
        self.return_all = return_all
        self.log_stderr = log_stderr
        self.stream_output = _level(stream_output)
        super().__init__(**kwargs)

    @defaults_from_attrs("command", "env", "helper_script")
    def run(
        self,
        command: str | None = None,
        env: dict[str, str] | None = None,
        helper_script: str | None = None,
    ) -> str | list[str] | None:
        """Run the command.

        Args:
            command: what to run.
            env: environment variables of the command, besides those of this process.
            helper_script: lines to run before the command in the same shell.

        Returns:
            the last line of its output, or all lines; None (or no lines) when it wrote nothing.

        Raises:
            TypeError: there is no command.
            FileNotFoundError: there is no such shell.
            prefect.engine.signals.FAIL: the command failed; its result is the same as for success.
        """
        if command is None:
            raise TypeError("run() missing required argument: 'command'")
        script = command if not helper_script else f"{helper_script}\n{command}"
        exit_code, lines = self._execute(script, {**os.environ, **(env or {})})
        output: str | list[str] | None = lines if self.return_all else (lines[-1] if lines else None)
        if exit_code:
            message = f"Command failed with exit code {exit_code}"
            self.logger.error(message)
            if self.log_stderr and not self.stream_output and output is not None:
                self.logger.error("\n".join(output) if isinstance(output, list) else output)
            raise signals.FAIL(message, result=output)
        return output

    def _execute(self, script: str, env: dict[str, str]) -> tuple[int, list[str]]:
        """The exit code and the lines that were written; only the last one unless all are returned."""
        lines: list[str] = []
        # Not deleted when closed, as Windows lets nobody else open a file until then.
        with tempfile.NamedTemporaryFile(prefix="prefect-", delete=False) as file:
            file.write(script.encode())
        try:
            with subprocess.Popen(  # noqa: S603 - running what the user says is its purpose
                [*_program(self.shell), file.name],
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                env=env,
            ) as process:
                assert process.stdout is not None
                try:
                    for raw in process.stdout:
                        line = raw.decode("utf-8", errors="replace").rstrip()
                        if self.return_all or not lines:
                            lines.append(line)
                        else:
                            lines[0] = line
                        if self.stream_output:
                            self.logger.log(self.stream_output, line)
                except BaseException:
                    process.kill()  # a timeout or Ctrl-C: otherwise leaving the block waits for the end
                    raise
            return process.returncode, lines
        finally:
            Path(file.name).unlink(missing_ok=True)


def _level(stream_output: bool | int | str) -> int:
    if stream_output is True:
        return logging.INFO
    if isinstance(stream_output, str):
        # getLevelNamesMapping() exists from Python 3.11 on.
        level = getattr(logging, stream_output, None) if stream_output.isupper() else None
        if not isinstance(level, int):
            raise TypeError(f"'stream_output': Level {stream_output} is not a valid log level")
        return level
    return stream_output


def _program(shell: str) -> list[str]:
    """The shell as a command: a path that may have spaces in it, or a name with options."""
    return [shell] if shutil.which(shell) else shlex.split(shell)
