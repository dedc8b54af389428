"""Registers the flows of some files and runs them, by whichever Prefect this interpreter has.

    python _play.py PROJECT OUTPUT FILE...

Every file says in `RUNS` how its flows are run: `{name of the flow: [options of a run, ...]}`. Options are
those of `create_flow_run`, and `then`, which names what happens when the run has stopped for the first
time. OUTPUT gets one line of JSON for each run: `{"flow", "number", "id", "error", "results"}`.

Only public names of 1.4.1 are used here, because that version runs this file too.
"""

import json
import runpy
import sys
import time
import traceback

import pendulum
import prefect
from prefect import Client
from prefect.backend import FlowRunView
from prefect.backend.execution import execute_flow_run
from prefect.engine.state import Pending, Resume, Scheduled
from prefect.storage import Local


def main():
    project, output, files = sys.argv[1], sys.argv[2], sys.argv[3:]
    client = Client()
    client.create_project(project)
    with open(output, "w") as stream:
        for file in files:
            values = runpy.run_path(file, run_name="__prefect_flows__")
            registered = {}
            for flow in values.values():
                if isinstance(flow, prefect.Flow):
                    flow.storage = Local(path=file, stored_as_script=True, add_default_labels=False)
                    registered[flow.name] = flow.register(project, labels=["by-hand"], no_url=True)
            for name, runs in values["RUNS"].items():
                for number, options in enumerate(runs):
                    line = play(client, registered[name], project, dict(options))
                    stream.write(json.dumps({"flow": name, "number": number, **line}) + "\n")
                    stream.flush()


def play(client, flow_id, project, options):
    """Make one run and run it to its end."""
    then = options.pop("then", None)
    if then == "scheduled":
        run_id = first_scheduled(client, flow_id)
    else:
        run_id = client.create_flow_run(flow_id=flow_id, **options)
    error = execute(run_id)
    if then in AGAIN:
        AGAIN[then](client, run_id, project)
        error = execute(run_id)
    return {"id": run_id, "error": error, "results": results(run_id)}


def execute(run_id):
    """Run it; the exception that came of it."""
    try:
        execute_flow_run(run_id)
    except BaseException as exc:
        traceback.print_exc()
        return type(exc).__name__
    return None


def results(run_id):
    """What every task run returned, read back through the API."""
    found = {}
    for run in FlowRunView.from_flow_run_id(run_id).get_all_task_runs():
        name = run.task_slug + ("[%d]" % run.map_index if run.map_index >= 0 else "")
        try:
            found[name] = repr(run.get_result())[:200]
        except Exception:
            found[name] = "cannot be read"
    return found


def task_runs(client, run_id):
    document = "query($id: uuid!) {task_run(where: {flow_run_id: {_eq: $id}}) {id version state child_flow_runs{id}}}"
    return client.graphql(document, variables={"id": run_id}).data.task_run


def set_all(client, run_id, states, state):
    """Put the task runs in some states into another one, and the run back on the schedule."""
    for run in task_runs(client, run_id):
        if run.state in states:
            client.set_task_run_state(run.id, state, version=run.version)
    client.set_flow_run_state(run_id, Scheduled("Once more."))


def resume(client, run_id, project):
    """Approve what waits for it."""
    set_all(client, run_id, ["Paused"], Resume("Approved."))


def restart(client, run_id, project):
    """Run what has failed once more."""
    set_all(client, run_id, ["Failed", "TriggerFailed"], Pending("Restarted."))


def run_children(client, run_id, project):
    """Run the runs that this one has made, and approve the pause in which it waits for them."""
    for run in task_runs(client, run_id):
        for child in run.child_flow_runs:
            execute(child.id)
    resume(client, run_id, project)


AGAIN = {"resume": resume, "restart": restart, "run children": run_children}


def first_scheduled(client, flow_id):
    """The first run that the schedule of a flow has made, as soon as it is due."""
    document = (
        "query($id: uuid!) {flow_run(where: {flow_id: {_eq: $id}, auto_scheduled: {_eq: true}}, limit: 1,"
        " order_by: {scheduled_start_time: asc}) {id scheduled_start_time}}"
    )
    deadline = time.time() + 60
    while time.time() < deadline:
        runs = client.graphql(document, variables={"id": flow_id}).data.flow_run
        if runs and pendulum.parse(runs[0].scheduled_start_time) <= pendulum.now("UTC"):
            return runs[0].id
        time.sleep(0.5)
    raise AssertionError("The schedule made no run that is due.")


if __name__ == "__main__":
    main()
