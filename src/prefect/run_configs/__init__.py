"""Run configs: where and how a backend's agent runs a flow.

```python
from prefect import Flow
from prefect.run_configs import KubernetesRun

with Flow("nightly", run_config=KubernetesRun(cpu_request=2, memory_request="4Gi")) as flow:
    ...
```

A run config holds values only; the agent of its kind turns them into a process, container or job.
"""

from __future__ import annotations

from prefect.run_configs.base import RunConfig, UniversalRun
from prefect.run_configs.docker import DockerRun
from prefect.run_configs.ecs import ECSRun
from prefect.run_configs.kubernetes import KubernetesRun
from prefect.run_configs.local import LocalRun
from prefect.run_configs.vertex import VertexRun

__all__ = [
    "DockerRun",
    "ECSRun",
    "KubernetesRun",
    "LocalRun",
    "RunConfig",
    "UniversalRun",
    "VertexRun",
]
