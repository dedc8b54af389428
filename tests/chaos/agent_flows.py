"""The flows that agents run while something is broken. Each task notes in a file what it does."""

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import prefect
from prefect import Flow, Parameter, task
from prefect.engine.signals import FAIL
from prefect.executors import ProcessPoolExecutor


def note(ledger, word):
    """One line in one write, so that processes do not mix theirs."""
    line = f"{time.time()} {word} {os.getpid()} {prefect.context.get('flow_run_id')}\n"
    descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(descriptor, line.encode())
    os.close(descriptor)


@task
def work(ledger, seconds):
    note(ledger, "begin")
    time.sleep(seconds)
    note(ledger, "end")


@task
def begin(ledger):
    """With a process of its own, which would stay behind."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(300)"])
    note(ledger, f"child:{child.pid}")
    time.sleep(0.3)
    child.kill()
    child.wait()


@task(max_retries=3, retry_delay=timedelta(seconds=1))
def fail_first(ledger):
    note(ledger, "try")
    if prefect.context.task_run_count < 2:
        raise FAIL("not yet")


@task
def die(ledger):
    note(ledger, "begin")
    os.kill(os.getpid(), signal.SIGKILL)


with Flow("working") as working:
    work(Parameter("ledger"), Parameter("seconds", default=0))

with Flow("staged") as staged:
    path = Parameter("ledger")
    first = begin(path)
    second = fail_first(path, upstream_tasks=[first])
    work(path, 1, upstream_tasks=[second])

with Flow("worker dies", executor=ProcessPoolExecutor(max_workers=1)) as worker_dies:
    path = Parameter("ledger")
    lost = die(path)
    work(path, 0)
