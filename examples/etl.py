"""Extract, transform, load: orders from a CSV file into a database, without the broken ones.

    python examples/etl.py
    prefect run -p examples/etl.py --param 'rates={"EUR": 1, "USD": 0.9, "GBP": 1.2}'

A broken order fails by itself, the others go on: each order is one mapped run. `FilterTask` passes
on what succeeded, and a state handler collects the reasons of what did not.
"""

from __future__ import annotations

import csv
import datetime
import sqlite3
from datetime import timedelta
from pathlib import Path
from typing import Any

import prefect
from prefect import Flow, Parameter, Task, task, unmapped
from prefect.engine import signals
from prefect.engine.state import State
from prefect.tasks.control_flow import FilterTask
from prefect.triggers import all_finished

HERE = Path(__file__).resolve().parent
OUTPUT = HERE / "output" / "etl"


# --- Extract -----------------------------------------------------------------------------------
@task(max_retries=3, retry_delay=timedelta(seconds=1), retry_on=OSError)
def extract(path: str) -> list[dict[str, str]]:
    with Path(path).open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# --- Transform ---------------------------------------------------------------------------------
def note_rejection(task: Task, old: State, new: State) -> None:
    """Called at every change of state of the task it is given to."""
    if new.is_failed():
        prefect.context.logger.warning(f"Rejected {new.message}")


@task(state_handlers=[note_rejection])
def check(row: dict[str, str]) -> dict[str, Any]:
    order = row["order"]
    try:
        quantity, price = int(row["quantity"]), float(row["price"])
        day = datetime.date.fromisoformat(row["day"])
    except ValueError as error:
        # A failure that was foreseen: no traceback, but one sentence.
        raise signals.FAIL(f"order {order}: {error}") from error
    if quantity <= 0:
        raise signals.FAIL(f"order {order}: a quantity of {quantity}")
    return {**row, "quantity": quantity, "price": price, "day": day.isoformat()}


@task
def in_euros(order: dict[str, Any], rates: dict[str, float]) -> dict[str, Any]:
    if order["currency"] not in rates:
        raise signals.FAIL(f"order {order['order']}: no rate for {order['currency']!r}")
    return {**order, "euros": round(order["quantity"] * order["price"] * rates[order["currency"]], 2)}


# By default it drops exceptions and empty results, and runs although some upstream runs failed.
only_good = FilterTask()


# --- Load --------------------------------------------------------------------------------------
@task
def load(orders: list[dict[str, Any]], database: str) -> str:
    path = Path(database)
    path.parent.mkdir(parents=True, exist_ok=True)
    columns = ("order", "day", "customer", "item", "quantity", "euros")
    with sqlite3.connect(path) as connection:
        connection.execute(
            'CREATE TABLE IF NOT EXISTS orders ("order" PRIMARY KEY, day, customer, item, quantity, euros)'
        )
        # Running it again replaces the same orders instead of adding them twice.
        connection.executemany(
            "INSERT OR REPLACE INTO orders VALUES (?, ?, ?, ?, ?, ?)",
            [tuple(order[column] for column in columns) for order in orders],
        )
    connection.close()
    return database


@task(log_stdout=True)
def summarize(database: str) -> dict[str, float]:
    connection = sqlite3.connect(database)
    rows = connection.execute(
        "SELECT customer, sum(euros) FROM orders GROUP BY customer ORDER BY 2 DESC"
    ).fetchall()
    connection.close()
    for customer, euros in rows:
        print(f"{customer:<10}{euros:>10.2f} EUR")
    return dict(rows)


@task(trigger=all_finished, log_stdout=True)
def report_rejected(checked: list[Any], converted: list[Any]) -> int:
    rejected = [each for each in [*checked, *converted] if isinstance(each, signals.FAIL)]
    print(f"{len(rejected)} of {len(checked)} orders were rejected")
    return len(rejected)


with Flow("orders") as flow:
    path = Parameter("path", default=str(HERE / "data" / "orders.csv"))
    database = Parameter("database", default=str(OUTPUT / "orders.sqlite"))
    rates = Parameter("rates", default={"EUR": 1.0, "USD": 0.92, "GBP": 1.17})

    checked = check.map(extract(path))
    converted = in_euros.map(only_good(checked), unmapped(rates))
    totals = summarize(load(only_good(converted), database))
    report_rejected(checked, converted)

# What decides whether a run succeeded: that the good orders arrived. By default the last tasks would.
flow.set_reference_tasks([totals])


if __name__ == "__main__":
    flow.run()
