from __future__ import annotations

import pytest

from prefect import Client, Flow, Task
from prefect.backend import FlowRunView, FlowView
from prefect.storage import Local


def test_runs_go_to_agents_with_the_labels_of_flow_and_storage(
    client: Client, project: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flow = Flow("labelled", tasks=[Task("x")], storage=Local(add_default_labels=False, labels=["disk"]))
    flow_id = flow.register(project_name=project, labels=["big"])
    told = capsys.readouterr().out
    assert f" └── ID: {flow_id}" in told
    assert " └── Labels: ['big', 'disk']" in told
    run = FlowRunView.from_flow_run_id(client.create_flow_run(flow_id=flow_id))
    assert run.labels == ["big", "disk"]


def test_a_registered_flow_can_be_looked_at_by_id_name_and_group(client: Client, project: str) -> None:
    flow = Flow("viewed", tasks=[Task("x")], storage=Local(add_default_labels=False))
    flow_id = flow.register(project_name=project, no_url=True)
    view = FlowView.from_flow_id(flow_id)
    assert (view.name, view.project_name, view.archived) == ("viewed", project, False)
    assert [task.name for task in view.flow.tasks] == ["x"]
    assert FlowView.from_flow_name("viewed", project_name=project) == view
    group = client.graphql(f'query {{ flow_by_pk(id: "{flow_id}") {{ flow_group_id }} }}')
    assert FlowView.from_id(group.data.flow_by_pk.flow_group_id) == view
    newer = flow.register(project_name=project, no_url=True)
    assert FlowView.from_flow_name("viewed", project_name=project).flow_id == newer
    assert FlowView.from_flow_id(flow_id).archived


def test_what_does_not_exist_is_a_value_error(client: Client) -> None:
    missing = "00000000-0000-0000-0000-000000000000"
    with pytest.raises(ValueError, match="No results found while querying for flows where"):
        FlowView.from_flow_id(missing)
    with pytest.raises(ValueError, match="is not an existing flow or flow group id"):
        FlowView.from_id(missing)
    with pytest.raises(ValueError, match="No flow runs found while querying for flow runs where"):
        FlowRunView.from_flow_run_id(missing)
