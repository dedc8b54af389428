"""Everything that crosses a process, as typed structs: the only shared words of clients and servers.

Each module holds the objects of one kind: `states`, `results`, `flows` (with tasks, parameters and
edges), `schedules`, `run_configs`, `storages`. Objects that say what they are by a `type` key have a
union, `AnyState` and the like, to decode them by:

```python
from prefect import _wire

state = _wire.decode(b'{"type": "Pending", "message": "x"}', _wire.AnyState)
state.message  # 'x'
_wire.encode(state)  # b'{"type":"Pending", ...}'
```

Nothing here knows flows, engines or servers.
"""

from __future__ import annotations

from prefect._wire.base import Wire, WireError, canonical, decode, encode, from_builtins, to_builtins
from prefect._wire.flows import (
    Edge,
    Flow,
    Parameter,
    Task,
    TaskInput,
    TaskReference,
    compress,
    decompress,
)
from prefect._wire.results import AnyResult
from prefect._wire.run_configs import AnyRunConfig
from prefect._wire.schedules import AnyClock, Schedule
from prefect._wire.states import AnyState
from prefect._wire.storages import AnyStorage
from prefect._wire.times import parse_time, time_text

__all__ = [
    "AnyClock",
    "AnyResult",
    "AnyRunConfig",
    "AnyState",
    "AnyStorage",
    "Edge",
    "Flow",
    "Parameter",
    "Schedule",
    "Task",
    "TaskInput",
    "TaskReference",
    "Wire",
    "WireError",
    "canonical",
    "compress",
    "decode",
    "decompress",
    "encode",
    "from_builtins",
    "parse_time",
    "time_text",
    "to_builtins",
]
