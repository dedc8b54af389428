"""Names that the shell offers when Tab is pressed: of flows, projects and runs, as the API knows them.

A keystroke must not wait: a server that does not answer at once offers nothing, and what it said is
kept for half a minute.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import click

__all__ = ["complete_flows", "complete_keys", "complete_projects", "complete_runs"]

_KEPT_S = 30.0
_PATIENCE_S = 1.0
_MOST = 200

Completer = Callable[[click.Context, click.Parameter, str], list[str]]

_QUERIES = {
    "flows": (
        "query { flow(where: { archived: { _eq: false } }, order_by: [{ created: desc }], "
        f"limit: {_MOST}) {{ name }} }}"
    ),
    "projects": f"query {{ project(order_by: [{{ name: asc }}], limit: {_MOST}) {{ name }} }}",
    "runs": f"query {{ flow_run(order_by: [{{ created: desc }}], limit: {_MOST}) {{ name }} }}",
    "keys": f"query {{ key_value(order_by: [{{ key: asc }}], limit: {_MOST}) {{ name: key }} }}",
}


def _completer(what: str) -> Completer:
    def complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
        del ctx, param
        return [name for name in _names(what) if name.startswith(incomplete)]

    return complete


complete_flows = _completer("flows")
complete_projects = _completer("projects")
complete_runs = _completer("runs")
complete_keys = _completer("keys")


def _names(what: str) -> list[str]:
    import prefect

    config = cast("Any", prefect.config)
    address = str(config.cloud.api)
    digest = hashlib.sha256(f"{address} {config.cloud.get('api_key')} {what}".encode()).hexdigest()[:16]
    kept = Path(str(config.home_dir)).expanduser() / "cache" / f"completions-{digest}.json"
    try:
        if time.time() - kept.stat().st_mtime < _KEPT_S:
            return cast("list[str]", json.loads(kept.read_text(encoding="utf-8")))
    except (OSError, ValueError):
        pass
    names = _ask(what)
    if names is None:
        return []
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(names), encoding="utf-8")
    except OSError:
        pass  # without a home folder, each Tab asks
    return names


def _ask(what: str) -> list[str] | None:
    """Names, each once; None if nobody answers at once."""
    import requests

    from prefect.client._transport import HttpTransport
    from prefect.client.client import Client
    from prefect.exceptions import PrefectException
    from prefect.utilities.configuration import set_temporary_config

    try:
        with set_temporary_config({"cloud.request_timeout": _PATIENCE_S}):
            client = Client(transport=HttpTransport(max_attempts=1))
            answer = client.graphql(_QUERIES[what], retry_on_api_error=False)
    except (requests.RequestException, PrefectException, ValueError):
        return None
    rows = next(iter(answer.data.values()))
    return list(dict.fromkeys(str(row["name"]) for row in rows))
