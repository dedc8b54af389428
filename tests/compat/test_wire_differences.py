"""What differs from 1.4.1 where flows are written to JSON and read back, or loaded from files."""

from __future__ import annotations

import itertools
from pathlib import Path

import pendulum
import pytest
from dateutil import rrule

from prefect import Flow
from prefect.core.parameter import DateTimeParameter
from prefect.engine.results import SecretResult
from prefect.engine.state import Success
from prefect.run_configs import KubernetesRun, UniversalRun
from prefect.schedules.clocks import CronClock, RRuleClock
from prefect.serialization.flow import FlowSchema
from prefect.serialization.result import StateResultSchema
from prefect.serialization.schedule import ClockSchema
from prefect.storage import Local, Storage
from prefect.tasks.secrets import EnvVarSecret
from prefect.utilities.serialization import ValidationError


@pytest.mark.difference("The JSON of a state or run config of your own class")
def test_objects_of_your_own_classes_are_written_as_what_they_derive_from() -> None:
    class Partial(Success):
        pass

    class TeamRun(KubernetesRun):
        pass

    class TeamStorage(Storage):
        def add_flow(self, flow: Flow) -> str:
            return "somewhere"

    assert Partial("half").serialize()["type"] == "Success"
    assert TeamRun().serialize()["type"] == "KubernetesRun"
    with pytest.raises(ValidationError, match="Unsupported object type: TeamStorage"):
        TeamStorage().serialize()


@pytest.mark.difference("A clock in a zone without a name")
def test_clocks_in_zones_without_a_name_are_read_back() -> None:
    clock = CronClock("0 9 * * *", start_date=pendulum.datetime(2031, 1, 1, tz=5))

    again = ClockSchema().load(ClockSchema().dump(clock))

    assert again.start_date == clock.start_date


@pytest.mark.difference("A clock in a zone without a name")
def test_recurrence_rules_with_a_zone_and_an_end_are_read_back() -> None:
    start = pendulum.datetime(2031, 1, 1, 9, tz="Europe/Berlin")
    clock = RRuleClock(rrule.rrule(rrule.DAILY, dtstart=start, until=start.add(days=2)))

    again = ClockSchema().load(ClockSchema().dump(clock))

    after = pendulum.datetime(2030, 12, 1)
    assert [event.start_time for event in itertools.islice(again.events(after), 9)] == [
        event.start_time for event in itertools.islice(clock.events(after), 9)
    ]


@pytest.mark.difference("A flow with `project`")
def test_flows_keep_their_attributes_and_the_kind_of_their_parameters() -> None:
    flow = Flow("f", tasks=[DateTimeParameter("when", required=False)])
    flow.project = "p"  # type: ignore[attr-defined]

    again = FlowSchema().load(flow.serialize())

    assert again.project == "p"
    assert [type(parameter) for parameter in again.parameters()] == [DateTimeParameter]


@pytest.mark.difference("A `SecretResult` that came back")
def test_secret_results_read_the_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_A_TEST", "t")
    result = StateResultSchema().load(StateResultSchema().dump(SecretResult(EnvVarSecret("TOKEN_OF_A_TEST"))))

    assert result.read(result.location).value == "t"


@pytest.mark.difference('`labels="prod"` of a run config')
def test_one_text_is_not_taken_for_a_list_of_labels() -> None:
    with pytest.raises(TypeError, match=r"write labels=\['prod'\]"):
        UniversalRun(labels="prod")


@pytest.mark.difference("A `flow.run()` at the end of a file")
def test_a_flow_file_does_not_run_its_flow_when_it_is_loaded(tmp_path: Path) -> None:
    script = tmp_path / "flow.py"
    script.write_text(
        "from prefect import Flow\nflow = Flow('f')\nstate = flow.run()\nflow.description = str(state)\n"
    )
    storage = Local(directory=str(tmp_path), path=str(script), stored_as_script=True)
    storage.add_flow(Flow("f"))

    with pytest.warns(UserWarning, match=r"Attempting to call `flow\.run`"):
        flow = storage.get_flow("f")

    assert flow.description == "None"  # type: ignore[attr-defined]
