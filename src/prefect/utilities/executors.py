"""Helpers of the runners: time limits, heartbeats, recursion without a stack, upstream states of maps."""

from __future__ import annotations

from prefect.utilities._heartbeats import (
    HeartbeatThread,
    log_heartbeat_failure,
    no_heartbeat,
    run_with_heartbeat,
    send_heartbeat,
    subprocess_heartbeat,
    threaded_heartbeat,
)
from prefect.utilities._map_states import (
    flatten_mapped_children,
    flatten_upstream_state,
    prepare_upstream_states_for_mapping,
)
from prefect.utilities._tail_calls import RecursiveCall, tail_recursive
from prefect.utilities._timeouts import (
    multiprocessing_safe_run_and_retrieve,
    run_task_with_timeout,
    run_with_multiprocess_timeout,
    run_with_thread_timeout,
)

__all__ = [
    "HeartbeatThread",
    "RecursiveCall",
    "flatten_mapped_children",
    "flatten_upstream_state",
    "log_heartbeat_failure",
    "multiprocessing_safe_run_and_retrieve",
    "no_heartbeat",
    "prepare_upstream_states_for_mapping",
    "run_task_with_timeout",
    "run_with_heartbeat",
    "run_with_multiprocess_timeout",
    "run_with_thread_timeout",
    "send_heartbeat",
    "subprocess_heartbeat",
    "tail_recursive",
    "threaded_heartbeat",
]
