"""What `/metrics` tells Prometheus."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter

__all__ = ["Metrics"]

_BOUNDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0)


class Metrics:
    """Counts of this process. Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._buckets = [0] * (len(_BOUNDS) + 1)
        self._seconds = 0.0
        self._ticks: Counter[tuple[str, str]] = Counter()
        self._work: Counter[str] = Counter()
        self._started = time.time()
        #: Requests under way.
        self.in_flight = 0
        #: Readers of `/events`.
        self.listeners = 0

    def request(self, method: str, path: str, status: int, seconds: float) -> None:
        """Count a request that was answered."""
        with self._lock:
            self._requests[method, path, status] += 1
            self._seconds += seconds
            for position, bound in enumerate(_BOUNDS):
                if seconds <= bound:
                    self._buckets[position] += 1
                    break
            else:
                self._buckets[-1] += 1

    def tick(self, service: str, outcome: str, work: int) -> None:
        """Count a round of a service."""
        with self._lock:
            self._ticks[service, outcome] += 1
            self._work[service] += work

    def text(self) -> str:
        """All of it, in the text format of Prometheus."""
        with self._lock:
            lines = [
                "# HELP prefect_http_requests_total Requests that were answered.",
                "# TYPE prefect_http_requests_total counter",
                *(
                    f'prefect_http_requests_total{{method="{method}",path="{path}",status="{status}"}} {count}'
                    for (method, path, status), count in sorted(self._requests.items())
                ),
                "# HELP prefect_http_request_seconds How long answers took.",
                "# TYPE prefect_http_request_seconds histogram",
            ]
            total = 0
            for bound, count in zip((*map(str, _BOUNDS), "+Inf"), self._buckets, strict=True):
                total += count
                lines.append(f'prefect_http_request_seconds_bucket{{le="{bound}"}} {total}')
            lines += [
                f"prefect_http_request_seconds_sum {self._seconds:.6f}",
                f"prefect_http_request_seconds_count {total}",
                "# HELP prefect_http_requests_in_flight Requests under way.",
                "# TYPE prefect_http_requests_in_flight gauge",
                f"prefect_http_requests_in_flight {self.in_flight}",
                "# HELP prefect_event_listeners Readers of /events.",
                "# TYPE prefect_event_listeners gauge",
                f"prefect_event_listeners {self.listeners}",
                "# HELP prefect_service_ticks_total Rounds of services, by how they ended.",
                "# TYPE prefect_service_ticks_total counter",
                *(
                    f'prefect_service_ticks_total{{service="{service}",outcome="{outcome}"}} {count}'
                    for (service, outcome), count in sorted(self._ticks.items())
                ),
                "# HELP prefect_service_work_total What services did: runs scheduled, reaped, deleted, ...",
                "# TYPE prefect_service_work_total counter",
                *(
                    f'prefect_service_work_total{{service="{service}"}} {count}'
                    for service, count in sorted(self._work.items())
                ),
            ]
        usage = time.process_time()
        lines += [
            "# HELP process_cpu_seconds_total CPU time of this process.",
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {usage:.3f}",
            "# HELP process_start_time_seconds When this process started, since the epoch.",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self._started:.3f}",
        ]
        resident = _resident_bytes()
        if resident is not None:
            lines += [
                "# HELP process_resident_memory_bytes Memory of this process.",
                "# TYPE process_resident_memory_bytes gauge",
                f"process_resident_memory_bytes {resident}",
            ]
        return "\n".join(lines) + "\n"


def _resident_bytes() -> int | None:
    if sys.platform != "linux":
        return None
    import os
    from pathlib import Path

    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
