"""The table of commands: where each one lives and what it does, in one line.

Help and suggestions read this table; a command's module is imported only when it runs.
"""

from __future__ import annotations

from typing import NamedTuple

__all__ = ["COMMANDS", "SECTIONS", "Command"]


class Command(NamedTuple):
    """One entry of the root command."""

    module: str
    """Module that defines it."""
    attribute: str
    """Name of the click command in that module."""
    help: str
    """What it does, as one line."""


COMMANDS: dict[str, Command] = {
    "run": Command("prefect.cli.run", "run", "Run a flow of a file here, or a registered one by an agent."),
    "server": Command(
        "prefect.cli.server", "server", "Run the server: API, scheduling and all that watches runs."
    ),
    "agent": Command("prefect.cli.agent", "agent", "Take flow runs from the API and start them."),
    "register": Command("prefect.cli.build_register", "register", "Register flows with the API."),
    "build": Command(
        "prefect.cli.build_register", "build", "Build flows into a file that can be registered later."
    ),
    "create": Command("prefect.cli.create", "create", "Make projects."),
    "get": Command("prefect.cli.get", "get", "List flows, runs, projects, tasks, agents and log lines."),
    "describe": Command(
        "prefect.cli.describe", "describe", "Print everything about a flow, its tasks, or a flow run."
    ),
    "delete": Command("prefect.cli.delete", "delete", "Delete projects, flows and flow runs."),
    "watch": Command("prefect.cli.logs", "watch", "Follow a flow run until it has ended."),
    "logs": Command("prefect.cli.logs", "logs", "Print the log of a flow run, or follow it."),
    "why": Command("prefect.cli.runs", "why", "Say why a flow run does not run."),
    "cancel": Command("prefect.cli.runs", "cancel", "Cancel flow runs."),
    "restart": Command("prefect.cli.runs", "restart", "Run again what failed in a flow run."),
    "set-state": Command("prefect.cli.runs", "set_state", "Set the state of a flow run or a task run."),
    "schedule": Command(
        "prefect.cli.schedule", "schedule", "Pause, resume and fill up the schedules of flows."
    ),
    "concurrency": Command(
        "prefect.cli.concurrency", "concurrency", "Limit how many runs of a label or a tag run at once."
    ),
    "artifact": Command(
        "prefect.cli.artifact", "artifact", "Look at the links and texts that tasks left for people."
    ),
    "open": Command("prefect.cli.open_page", "open_command", "Open pages of the web UI."),
    "kv": Command("prefect.cli.kv_store", "kv", "Read and write values by name, which the API keeps."),
    "backend": Command("prefect.cli.backend", "backend", "Choose the API to talk to."),
    "auth": Command("prefect.cli.auth", "auth", "Log in, and manage API keys and tenants."),
    "execute": Command(
        "prefect.cli.execute", "execute", "Run a flow run of the API here; agents start this."
    ),
    "heartbeat": Command("prefect.cli.heartbeat", "heartbeat", "Tell the API that a flow run is alive."),
    "repl": Command("prefect.cli.repl", "repl", "Type commands one after the other."),
    "config": Command("prefect.cli.config", "config", "Print the configuration in use, as JSON."),
    "diagnostics": Command(
        "prefect.cli.diagnostics", "diagnostics", "Print facts for a bug report, without any value of yours."
    ),
    "completions": Command(
        "prefect.cli.completions", "completions", "Print the script with which a shell completes words."
    ),
    "version": Command("prefect.cli.version", "version", "Print the version."),
    "help": Command("prefect.cli.help", "help_command", "Help on a command, or on `exit-codes`."),
}

#: The sections of the help of `prefect`; each command is in one.
SECTIONS: dict[str, tuple[str, ...]] = {
    "Flows": ("run", "register", "build", "schedule"),
    "Flow runs": ("watch", "logs", "why", "cancel", "restart", "set-state", "artifact"),
    "What the API keeps": ("get", "describe", "create", "delete", "kv", "concurrency", "open"),
    "Servers and agents": ("server", "agent", "backend", "auth"),
    "Started by agents and runs": ("execute", "heartbeat"),
    "Other commands": ("config", "diagnostics", "completions", "version", "repl", "help"),
}
