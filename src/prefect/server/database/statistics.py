"""What SQLite is told about the data, so that it chooses the same way through any database.

Without statistics SQLite takes every index for as good as another, and with those of `ANALYZE` it
takes "in some state" for no condition at all while all runs are in three states. Both walk through
the history of a tenant for the few runs that wait. What holds for every database of ours is known
beforehand: tenants are few, and names, keys and times tell rows apart.
"""

from __future__ import annotations

from typing import Any

__all__ = ["tell"]

#: Rows of tables; of others a thousand.
_ROWS = {
    "flow_run": 100_000,
    "flow_run_state": 300_000,
    "task_run": 1_000_000,
    "task_run_state": 2_000_000,
    "log": 1_000_000,
    "task": 20_000,
    "edge": 20_000,
}
#: Of a partial index: few of the rows have the column that it is for.
_FEW = 1_000
#: How many different values a column has; a hundred thousand (times, names, keys, ids) if not said.
_VALUES = {
    "tenant_id": 10,
    "user_id": 20,
    "project_id": 20,
    "agent_id": 20,
    "flow_group_id": 100,
    "flow_id": 100,
    # Not in truth, where most runs are in few of them. But lists of one state are of those that
    # wait or run, or end after some.
    "state": 500,
    "task_id": 10_000,
    "flow_run_id": 20_000,
    "version": 3,
    "map_index": 3,
    "kind": 2,
}
_MANY = 100_000


def tell(connection: Any) -> None:
    """Write the statistics of all indexes.

    Args:
        connection: a connection of `sqlite3`.
    """
    connection.execute("ANALYZE")  # makes the table, and fills it with what there is now
    connection.execute("DELETE FROM sqlite_stat1")
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        if table.startswith("sqlite_"):
            continue
        for _, index, is_unique, _, is_partial in list(connection.execute(f'PRAGMA index_list("{table}")')):
            columns = [row[2] for row in connection.execute(f'PRAGMA index_info("{index}")')]
            rows = _FEW if is_partial else _ROWS.get(table, 1_000)
            connection.execute(
                "INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES (?, ?, ?)",
                (table, index, _numbers(rows, columns, is_unique=bool(is_unique))),
            )


def _numbers(rows: int, columns: list[str], *, is_unique: bool) -> str:
    """Rows of the index, and how many of them have the same first column, first two columns, and so on."""
    numbers = [rows]
    for column in columns:
        numbers.append(max(1, numbers[-1] // _VALUES.get(column, _MANY)))
    if is_unique:
        numbers[-1] = 1
    return " ".join(map(str, numbers))
