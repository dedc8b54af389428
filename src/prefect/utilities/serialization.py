"""Schemas and fields: how objects are written to JSON and read back.

The schemas of states, flows, schedules, … are in `prefect.serialization`; these are the parts they
are made of, with the names they had in 1.x. Plain fields (`String`, `Integer`, `Nested`, …) are in
`fields`:

```python
from prefect.utilities.serialization import ObjectSchema, fields
```
"""

from __future__ import annotations

from prefect.utilities import _fields as fields
from prefect.utilities._fields import MISSING, ValidationError
from prefect.utilities._references import (
    FunctionReference,
    StatefulFunctionReference,
    from_qualified_name,
    to_qualified_name,
)
from prefect.utilities._schemas import Nested, ObjectSchema, ObjectSchemaOptions, OneOfSchema
from prefect.utilities._special_fields import UUID, Bytes, DateTimeTZ, JSONCompatible, SortedList

__all__ = [
    "MISSING",
    "UUID",
    "Bytes",
    "DateTimeTZ",
    "FunctionReference",
    "JSONCompatible",
    "Nested",
    "ObjectSchema",
    "ObjectSchemaOptions",
    "OneOfSchema",
    "SortedList",
    "StatefulFunctionReference",
    "ValidationError",
    "fields",
    "from_qualified_name",
    "to_qualified_name",
]
