"""The declared settings: what each one takes and what it is for.

One table feeds the checks of values that users set and the reference page of the documentation.
Settings that are not in it are allowed and never checked: users keep their own values there.
"""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

__all__ = ["REMOVED", "SETTINGS", "Kind", "Setting", "checked", "settings_table", "warn_if_removed"]

Kind = Literal[
    "flag", "number", "seconds", "count", "text", "level", "list", "backend", "heartbeat", "durability"
]


class Setting(NamedTuple):
    """One declared setting."""

    kind: Kind
    """What values it takes."""
    help: str
    """What it does, as one sentence."""
    optional: bool = False
    """Whether `false` (none) is a value too."""


_LEGACY = "Has no effect; kept for programs that read it."

SETTINGS: dict[str, Setting] = {
    "debug": Setting("flag", "Show full tracebacks where the command line shows one sentence."),
    "home_dir": Setting("text", "Where flows, results and credentials are kept on this machine."),
    "backend": Setting("backend", "Which API to talk to: `cloud` or `server`."),
    # cloud
    "cloud.api": Setting("text", "Address of the API in use; follows `backend`."),
    "cloud.endpoint": Setting("text", "Address of the API for `backend = cloud`."),
    "cloud.graphql": Setting("text", "Address for GraphQL requests."),
    "cloud.api_key": Setting("text", "The key that identifies you to the API."),
    "cloud.tenant_id": Setting("text", "The tenant to work in; the default one of the key if empty."),
    "cloud.use_local_secrets": Setting("flag", "Do not ask the API for secrets that the context lacks."),
    "cloud.heartbeat_interval": Setting("seconds", "Time between two signs of life of a run."),
    "cloud.heartbeat_mode": Setting("heartbeat", "Who sends signs of life: `process`, `thread` or `off`."),
    "cloud.check_cancellation_interval": Setting("seconds", "Time between two checks for cancellation."),
    "cloud.diagnostics": Setting("flag", "Send diagnostics of the environment when a flow is registered."),
    "cloud.request_timeout": Setting("seconds", "Time to wait for an answer of the API."),
    "cloud.send_flow_run_logs": Setting("flag", "Send the logs of flow runs to the API."),
    "cloud.send_flow_run_output": Setting(
        "flag", "Send what flow runs print too; otherwise only tasks with `log_stdout=True` do."
    ),
    "cloud.log_spool_size": Setting(
        "count", "Bytes of disk that one process may use for log lines that the API has not taken yet."
    ),
    "cloud.logging_heartbeat": Setting("seconds", "Time between two batches of logs sent to the API."),
    "cloud.queue_interval": Setting("seconds", "Time before a queued run asks again for a place."),
    "cloud.agent.name": Setting("text", "Name that an agent reports."),
    "cloud.agent.labels": Setting("list", "Labels of an agent."),
    "cloud.agent.level": Setting("level", "Log level of an agent."),
    "cloud.agent.auth_token": Setting("text", _LEGACY),
    "cloud.agent.agent_address": Setting("text", "Address of the health check that an agent serves."),
    "cloud.agent.default_image": Setting(
        "text", "Image of runs in containers that name none; that of the version of the flow by default."
    ),
    "cloud.agent.warm_start": Setting(
        "flag", "Fork the runs of a local agent from a process that has imported Prefect (Linux)."
    ),
    "cloud.agent.kubernetes_keep_alive": Setting("flag", "Keep idle connections to Kubernetes open."),
    "cloud.agent.resource_manager.loop_interval": Setting("seconds", _LEGACY),
    "cloud.rate_limiting.backoff_s": Setting(
        "seconds", "First wait after the API refused for its rate limit."
    ),
    "cloud.rate_limiting.backoff_multiplier": Setting("number", "Factor of the waits between such attempts."),
    "cloud.rate_limiting.backoff_exponent": Setting("number", "Exponent of the waits between such attempts."),
    "cloud.rate_limiting.max_retries": Setting("count", "Number of such attempts."),
    # logging
    "logging.level": Setting("level", "Lines below this level are not written."),
    "logging.format": Setting("text", "Format of a line, as in Python's `logging`."),
    "logging.datefmt": Setting("text", "Format of the time in a line, as in Python's `time.strftime`."),
    "logging.log_attributes": Setting("list", "Names from the context that every log record carries."),
    "logging.extra_loggers": Setting("list", "Other loggers that write like Prefect's own."),
    # flows and tasks
    "flows.eager_edge_validation": Setting("flag", "Check each edge when it is added to a flow."),
    "flows.run_on_schedule": Setting("flag", "`flow.run()` waits for the schedule of the flow."),
    "flows.checkpointing": Setting("flag", "Write the results of tasks in local runs too."),
    "flows.defaults.storage.add_default_labels": Setting("flag", "Storages add their default labels."),
    "flows.defaults.storage.default_class": Setting("text", "Storage of flows that name none."),
    "tasks.defaults.max_retries": Setting("count", "Retries of tasks that do not say.", optional=True),
    "tasks.defaults.retry_delay": Setting("seconds", "Wait before a retry.", optional=True),
    "tasks.defaults.timeout": Setting("seconds", "Timeout of tasks that do not say.", optional=True),
    # engine
    "engine.executor.default_class": Setting("text", "Executor of flows that name none."),
    "engine.executor.dask.address": Setting("text", "Dask scheduler to use; one is started if empty."),
    "engine.executor.dask.cluster_class": Setting("text", "Class of the Dask cluster to start."),
    "engine.flow_runner.default_class": Setting("text", "Class that runs flows."),
    "engine.task_runner.default_class": Setting("text", "Class that runs tasks."),
    # server
    "server.host": Setting("text", "Host of the API for `backend = server`, with its scheme."),
    "server.port": Setting("count", "Port of the API for `backend = server`."),
    "server.host_port": Setting("count", "Port that the server listens on."),
    "server.host_ip": Setting("text", "Address that the server listens on."),
    "server.endpoint": Setting("text", "Address of the API for `backend = server`."),
    "server.data_dir": Setting(
        "text", "Where the server keeps its database, keys and log; `server` in `home_dir` if empty."
    ),
    "server.durability": Setting(
        "durability", "What SQLite survives: `full`, the loss of power; `normal`, the end of the process."
    ),
    "server.encryption_key_file": Setting("text", "Key ring for secrets; in the data directory if empty."),
    "server.requires_keys": Setting("flag", "Require API keys on this machine too; elsewhere always."),
    "server.allowed_hosts": Setting("list", "Host names to answer to without keys, besides localhost."),
    "server.root_path": Setting("text", "Path that a reverse proxy serves the server under."),
    "server.public_url": Setting("text", "Address that links point to; made from host and port if empty."),
    "server.tls_cert": Setting("text", "Certificate file; the server then speaks HTTPS."),
    "server.tls_key": Setting("text", "Key file of the certificate."),
    "server.ui_port": Setting("count", "Port that sends links of 1.x clients on (8080).", optional=True),
    "server.runs_services": Setting("flag", "Run scheduler, reaper and the others beside the API."),
    "server.reader_threads": Setting("count", "Threads that read from the database."),
    "server.zombie_after_s": Setting("seconds", "Time without a heartbeat after which a run is dead."),
    "server.submitted_grace_s": Setting("seconds", "Time that an agent of 1.x may take to start a run."),
    "server.max_resurrections": Setting("count", "How often a dead flow run is started again."),
    "server.cancel_grace_s": Setting("seconds", "Time a run may take to stop when it is cancelled."),
    # what one request may cost; the same as in `prefect.server.limits`
    "server.limits.body_bytes": Setting(
        "count", "Largest request body with a key, or where none are required."
    ),
    "server.limits.anonymous_body_bytes": Setting("count", "Largest request body of anybody else."),
    "server.limits.batch": Setting("count", "Requests in one body, sent as a JSON list."),
    "server.limits.header_s": Setting("seconds", "Seconds in which the head of a request has to arrive."),
    "server.limits.body_s": Setting("seconds", "Seconds in which the body of a request has to arrive."),
    "server.limits.wrong_keys_per_minute": Setting(
        "count", "Wrong API keys of one address before it has to wait."
    ),
    "server.limits.requests_per_second": Setting(
        "count", "Requests of one API key, on average; 0 for as many as it likes."
    ),
    "server.limits.characters": Setting("count", "Length of a document."),
    "server.limits.literals": Setting("count", "Literals in a document."),
    "server.limits.structure": Setting("count", "Length of a document without its literals."),
    "server.limits.tokens": Setting("count", "Tokens of a document without its literals."),
    "server.limits.depth": Setting("count", "Levels of nested selections; introspection does not count."),
    "server.limits.aliases": Setting("count", "Fields with an alias, in all."),
    "server.limits.fields": Setting(
        "count", "Fields in all, those of a fragment once for each place it stands in."
    ),
    "server.limits.root_fields": Setting("count", "Fields of the root."),
    "server.limits.directives": Setting("count", "Directives in all."),
    "server.limits.fragments": Setting("count", "Fragments that a document defines."),
    "server.limits.repeats": Setting(
        "count", "Fields that stand in one selection under a name that is there already."
    ),
    "server.limits.conditions": Setting("count", "Comparisons in the filters of one root field."),
    "server.limits.wildcards": Setting("count", "`%` in a pattern of `_like` and its relatives."),
    "server.limits.rows": Setting("count", "Rows that nested lists may come to: the cost of a document."),
    "server.limits.response_characters": Setting("count", "Length of the answer to one root field."),
    "server.limits.query_s": Setting("seconds", "Seconds that a query may take."),
    "server.limits.search_s": Setting(
        "seconds", "Seconds that a query may take that looks for a text, with `_like` and its relatives."
    ),
    "server.limits.state_bytes": Setting("count", "A state, as JSON."),
    "server.limits.artifact_bytes": Setting("count", "The data of an artifact, as JSON."),
    "server.limits.key_value_bytes": Setting("count", "A value of the key-value store, as JSON."),
    "server.limits.flow_bytes": Setting("count", "A flow, when it is unpacked."),
    "server.telemetry.enabled": Setting("flag", _LEGACY),
    "server.ui.host": Setting("text", "Host of the web interface, with its scheme."),
    "server.ui.port": Setting("count", "Port of the web interface."),
    "server.ui.host_port": Setting("count", "Port that the web interface is served on."),
    "server.ui.host_ip": Setting("text", "Address that the web interface is served on."),
    "server.ui.endpoint": Setting("text", "Address of the web interface."),
    "server.ui.apollo_url": Setting("text", "Address of the API as a browser sees it."),
    "server.database.connection_url": Setting("text", "Database of the server; a SQLite file if empty."),
    "server.database.host": Setting("text", "Host of a PostgreSQL server."),
    "server.database.port": Setting("count", "Port of a PostgreSQL server."),
    "server.database.host_port": Setting("count", _LEGACY),
    "server.database.name": Setting("text", "Name of the database."),
    "server.database.username": Setting("text", "User of the database."),
    "server.database.password": Setting("text", "Password of that user."),
    "server.database.volume_path": Setting("text", _LEGACY),
    "server.graphql.host": Setting("text", _LEGACY),
    "server.graphql.port": Setting("count", _LEGACY),
    "server.graphql.host_port": Setting("count", _LEGACY),
    "server.graphql.debug": Setting("flag", _LEGACY),
    "server.graphql.path": Setting("text", _LEGACY),
    "server.hasura.host": Setting("text", _LEGACY),
    "server.hasura.port": Setting("count", _LEGACY),
    "server.hasura.host_port": Setting("count", _LEGACY),
    "server.hasura.admin_secret": Setting("text", _LEGACY),
    "server.hasura.claims_namespace": Setting("text", _LEGACY),
    "server.hasura.graphql_url": Setting("text", _LEGACY),
    "server.hasura.ws_url": Setting("text", _LEGACY),
    "server.hasura.execute_retry_seconds": Setting("seconds", _LEGACY),
}

REMOVED: dict[str, tuple[str, str]] = {
    "logging.log_to_cloud": ("`cloud.send_flow_run_logs`", "0.14"),
    "cloud.auth_token": ("`cloud.api_key`", "1.0"),
}
"""Settings that have no effect any more: what to use instead, and the version that removed them."""

_WANTED: dict[Kind, str] = {
    "flag": "true or false",
    "number": "a number",
    "seconds": "a number of seconds",
    "count": "a whole number",
    "text": "text",
    "level": "one of DEBUG, INFO, WARNING, ERROR and CRITICAL",
    "list": "a list such as \"['a', 'b']\"",
    "backend": '"cloud" or "server"',
    "heartbeat": '"process", "thread" or "off"',
    "durability": '"full" or "normal"',
}
_FLAG_WORDS = {"yes": True, "on": True, "no": False, "off": False, "": False}
_REFUSED = object()
_LEVELS = ("CRITICAL", "FATAL", "ERROR", "WARN", "WARNING", "INFO", "DEBUG", "NOTSET")


def checked(key: str, value: Any) -> Any:
    """`value` as the setting `key` takes it; settings that are not declared take anything.

    Args:
        key: dotted name of the setting
        value: what the user set

    Raises:
        ValueError: `value` is none of those that the setting takes; the message says which it takes
    """
    setting = SETTINGS.get(key)
    if setting is None or (setting.optional and (value is None or value is False)):
        return value
    accepted = _accepted(setting.kind, value)
    if accepted is _REFUSED:
        raise ValueError(f"must be {_WANTED[setting.kind]}, not {value!r}")
    return accepted


def _accepted(kind: Kind, value: Any) -> Any:
    """`value`, converted where that is obviously meant, or `_REFUSED` if it is of another kind."""
    if kind == "flag" and isinstance(value, str):
        return _FLAG_WORDS.get(value.strip().lower(), _REFUSED)
    if kind == "level" and isinstance(value, str):
        return value.upper() if value.upper() in _LEVELS else _REFUSED
    return value if _takes(kind, value) else _REFUSED


def _takes(kind: Kind, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if kind == "flag":
        return isinstance(value, (bool, int, float))  # 0 and 1 were always understood
    if kind in ("number", "seconds"):
        return is_number
    if kind in ("count", "level"):
        return is_number and isinstance(value, int)
    if kind == "list":
        return isinstance(value, (list, tuple))
    if kind == "backend":
        return value in ("cloud", "server")
    if kind == "heartbeat":
        return value in ("process", "thread", "off")
    if kind == "durability":
        return value in ("full", "normal")
    return not isinstance(value, (dict, list))


def warn_if_removed(key: str, origin: str) -> None:
    """Say that a setting has no effect any more, if it is one of those.

    Args:
        key: dotted name of the setting
        origin: where the user set it
    """
    if key in REMOVED:
        import warnings

        new, since = REMOVED[key]
        warnings.warn(
            f"The setting {key} (set by {origin}) was removed in Prefect {since} and is ignored: use {new}.",
            UserWarning,
            stacklevel=2,
        )


def settings_table() -> str:
    """The declared settings as a Markdown table, for the documentation."""
    from prefect.configuration import DEFAULT_CONFIG, load_toml
    from prefect.utilities.collections import CompoundKey, dict_to_flatdict

    defaults = dict_to_flatdict(load_toml(DEFAULT_CONFIG))
    lines = ["| setting | default | takes | meaning |", "|---|---|---|---|"]
    for key, setting in SETTINGS.items():
        default: Any = defaults[CompoundKey(key.split("."))]
        text = str(default).lower() if isinstance(default, bool) else str(default).replace("|", "\\|")
        wanted = _WANTED[setting.kind] + (", or false for none" if setting.optional else "")
        lines.append(f"| `{key}` | {f'`{text}`' if text else 'empty'} | {wanted} | {setting.help} |")
    return "\n".join(lines) + "\n"
