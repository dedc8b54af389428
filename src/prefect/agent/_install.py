"""Files that keep an agent running: for supervisord and for systemd. Pure: from values to text."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any, cast

__all__ = ["agent_command", "supervisor_conf", "systemd_unit"]


def agent_command(
    kind: str,
    *,
    labels: Sequence[str],
    env_vars: Mapping[str, Any],
    options: Mapping[str, Any] | None = None,
) -> list[str]:
    """The words of `prefect agent KIND start` with these options.

    Args:
        kind: kind of the agent.
        labels: its labels.
        env_vars: environment variables of every run.
        options: `{"--name": value}`; a list repeats the option, True is an option without a value.
    """
    words = ["prefect", "agent", kind, "start"]
    for option, value in (options or {}).items():
        if value is None or value is False:
            continue
        if value is True:
            words.append(option)
        else:
            several = cast("list[Any]", value) if isinstance(value, list) else [value]
            for one in several:
                words += [option, str(one)]
    for label in labels:
        words += ["--label", label]
    for name, value in env_vars.items():
        words += ["--env", f"{name}={value}"]
    return words


def supervisor_conf(
    *,
    labels: Sequence[str] = (),
    env_vars: Mapping[str, Any] | None = None,
    import_paths: Sequence[str] = (),
    show_flow_logs: bool = False,
    key: str | None = None,
    tenant_id: str | None = None,
    agent_config_id: str | None = None,
    kind: str = "local",
    options: Mapping[str, Any] | None = None,
) -> str:
    """A configuration for supervisord.

    The key, if one is given, is in the environment of the agent and not in its command line, which every
    user of a machine can read.
    """
    command = agent_command(
        kind,
        labels=labels,
        env_vars=env_vars or {},
        options={
            "--agent-config-id": agent_config_id,
            "--import-path": list(import_paths),
            "--show-flow-logs": show_flow_logs,
            **(options or {}),
        },
    )
    environment = ",".join(
        f'{name}="{_for_supervisor(value)}"' for name, value in _identity(key, tenant_id).items()
    )
    lines = [
        "[unix_http_server]",
        "file=/tmp/supervisor.sock",
        "",
        "[supervisord]",
        "loglevel=debug",
        "",
        "[rpcinterface:supervisor]",
        "supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface",
        "",
        "[supervisorctl]",
        "serverurl=unix:///tmp/supervisor.sock",
        "",
        "[program:prefect-agent]",
        f"command={_for_supervisor(shlex.join(command))}",
        *([f"environment={environment}"] if environment else []),
        "autostart=true",
        "autorestart=true",
        "; the agent takes no more runs and ends when those that go on have ended",
        "stopsignal=TERM",
        "stopwaitsecs=3600",
        "",
    ]
    return "\n".join(lines)


def systemd_unit(
    kind: str,
    *,
    python: str,
    labels: Sequence[str] = (),
    env_vars: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    api: str | None = None,
    key_file: str | None = None,
) -> str:
    """A unit for systemd.

    Args:
        kind: kind of the agent.
        python: the interpreter.
        labels: its labels.
        env_vars: environment variables of every run.
        options: further options of `prefect agent KIND start`.
        api: address of the API.
        key_file: file with a line `PREFECT__CLOUD__API_KEY=...`, readable by root only.
    """
    words = agent_command(kind, labels=labels, env_vars=env_vars or {}, options=options)
    command = " ".join(_for_systemd(word) for word in [python, "-m", *words])
    lines = [
        "[Unit]",
        f"Description=Prefect {kind} agent",
        "After=network-online.target",
        "Wants=network-online.target",
        "",
        "[Service]",
        *([f"Environment=PREFECT__CLOUD__API={_for_systemd(api)}"] if api else []),
        *([f"EnvironmentFile={key_file}"] if key_file else []),
        f"ExecStart={command}",
        "Restart=always",
        "RestartSec=5",
        "# SIGTERM: the agent takes no more runs and ends when those that go on have ended.",
        "KillMode=mixed",
        "TimeoutStopSec=1h",
        "",
        "[Install]",
        "WantedBy=multi-user.target",
        "",
    ]
    return "\n".join(lines)


def compose_service(
    kind: str,
    *,
    image: str,
    labels: Sequence[str] = (),
    env_vars: Mapping[str, Any] | None = None,
    options: Mapping[str, Any] | None = None,
    api: str | None = None,
    key: str | None = None,
    tenant_id: str | None = None,
) -> str:
    """A file for Docker Compose whose only service is an agent, which starts containers beside its own.

    Args:
        kind: kind of the agent.
        image: an image with Prefect.
        labels: its labels.
        env_vars: environment variables of every run.
        options: further options of `prefect agent KIND start`.
        api: address of the API, as containers reach it.
        key: API key; that of the variable PREFECT__CLOUD__API_KEY where the file is used by default.
        tenant_id: tenant of the agent.
    """
    import json

    words = agent_command(kind, labels=labels, env_vars=env_vars or {}, options=options)
    environment = {
        **({"PREFECT__CLOUD__API": api} if api else {}),
        **_identity(key, tenant_id),
    }
    environment.setdefault("PREFECT__CLOUD__API_KEY", "")
    # JSON is YAML, and quotes whatever has to be quoted. A $ would be a variable for Compose.
    values = {name: json.dumps(_for_compose(value)) for name, value in environment.items()}
    if not key:
        values["PREFECT__CLOUD__API_KEY"] = '"${PREFECT__CLOUD__API_KEY:-}"'
    lines = [
        "services:",
        f"  {kind}-agent:",
        f"    image: {json.dumps(_for_compose(image))}",
        f"    command: {json.dumps([_for_compose(word) for word in words])}",
        "    environment:",
        *(f"      {name}: {value}" for name, value in values.items()),
        "    # Whoever may use this socket is root on the machine.",
        '    volumes: ["/var/run/docker.sock:/var/run/docker.sock"]',
        "    # The number of the group that the socket belongs to: stat --format %g /var/run/docker.sock",
        '    group_add: ["${DOCKER_GROUP:-0}"]',
        "    restart: unless-stopped",
        "    # Containers of runs go on without the agent, and the next one finds them again.",
        "    stop_grace_period: 30s",
        "",
    ]
    return "\n".join(lines)


def _for_compose(text: str) -> str:
    return text.replace("$", "$$")


def _identity(key: str | None, tenant_id: str | None) -> dict[str, str]:
    found = {"PREFECT__CLOUD__API_KEY": key, "PREFECT__CLOUD__TENANT_ID": tenant_id}
    return {name: value for name, value in found.items() if value}


def _for_supervisor(text: str) -> str:
    return text.replace("%", "%%")


def _for_systemd(word: str) -> str:
    text = word.replace("%", "%%").replace("$", "$$")
    if not text or any(character.isspace() or character in "\"'\\;" for character in text):
        escaped = text.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return text
