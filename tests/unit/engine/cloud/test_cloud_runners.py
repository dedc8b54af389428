from __future__ import annotations

import datetime
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from api_stub import MemoryApi

import prefect
from prefect import Flow, Parameter, task
from prefect.client import Client
from prefect.engine.cloud import CloudFlowRunner
from prefect.engine.state import Failed, Queued, Running, State, Submitted, Success
from prefect.exceptions import AuthorizationError, ClientError
from prefect.testing import FakeClock
from prefect.utilities.configuration import set_temporary_config

QUEUED = {"of": {"states": [{"id": "x", "status": "QUEUED", "message": "no slot"}]}}


def locked(message: str = "stale") -> dict[str, Any]:
    error = {"message": message, "extensions": {"code": "VERSION_LOCKING_ERROR"}}
    return {"data": None, "errors": [error]}


@task
def double(x: int) -> int:
    return 2 * x


@task
def total(xs: list[int]) -> int:
    return sum(xs)


@pytest.fixture
def run_on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., State]:
    def run(flow: Flow, api: MemoryApi) -> State:
        original = Client.__init__

        def with_stub(self: Client, *args: Any, **kwargs: Any) -> None:
            original(self, "http://api.test", transport=api)

        monkeypatch.setattr(Client, "__init__", with_stub)
        with (
            set_temporary_config({"backend": "server", "cloud.check_cancellation_interval": 0.05}),
            prefect.context(flow_run_id=api.flow_run["id"]),
        ):
            return CloudFlowRunner(flow=flow).run(return_tasks=flow.tasks)

    return run


def make() -> tuple[Flow, MemoryApi]:
    with Flow("reported") as flow:
        n = Parameter("n")
        total(double.map([1, 2, 3]), upstream_tasks=[double(n)])
    return flow, MemoryApi(dict.fromkeys(flow.slugs.values()), {"n": 21})


def test_every_change_of_state_is_reported_with_versions_for_running_only(
    run_on: Callable[..., State],
) -> None:
    flow, api = make()
    state = run_on(flow, api)

    assert state.is_successful()
    by_name: dict[str, list[tuple[str, int | None]]] = {}
    for name, kind, version in api.history:
        by_name.setdefault(name, []).append((kind, version))
    assert by_name["flow"] == [("Running", 1), ("Success", None)]
    assert by_name["double-1"] == [("Mapped", None)]
    assert [by_name[f"double-1[{i}]"] for i in range(3)] == [[("Running", 1), ("Success", None)]] * 3
    assert by_name["total-1"] == [("Running", 1), ("Success", None)]
    assert api.flow_run["serialized_state"]["type"] == "Success"


def test_values_without_a_location_stay_here(run_on: Callable[..., State]) -> None:
    flow, api = make()
    run_on(flow, api)
    sent = [str(request["variables"]) for request in api.requests]
    assert not any('"value"' in text for text in sent)


def test_finished_tasks_are_not_run_again(run_on: Callable[..., State]) -> None:
    flow, api = make()
    api.task_run(api.task_ids["double-2"], -1)["serialized_state"] = Success("before").serialize()
    run_on(flow, api)
    assert not any(name == "double-2" for name, _, _ in api.history)


def test_a_queued_task_asks_again_until_it_has_a_slot(run_on: Callable[..., State]) -> None:
    flow, api = make()
    api.answers["double-2 Running"] = [QUEUED, QUEUED]
    with FakeClock("2031-01-01") as clock:
        state = run_on(flow, api)
    assert state.is_successful()
    assert [kind for name, kind, _ in api.history if name == "double-2"] == ["Running"] * 3 + ["Success"]
    assert len(clock.waited_for) == 2


def test_a_queued_flow_asks_again_until_it_has_a_slot(run_on: Callable[..., State]) -> None:
    flow, api = make()
    api.answers["flow Running"] = [QUEUED]
    with FakeClock("2031-01-01"):
        assert run_on(flow, api).is_successful()
    assert [kind for name, kind, _ in api.history if name == "flow"] == ["Running", "Running", "Success"]


def test_a_flow_that_another_process_runs_is_left_to_it(run_on: Callable[..., State]) -> None:
    flow, api = make()
    api.answers["flow Running"] = [locked()]
    api.flow_run["serialized_state"] = {"type": "Scheduled", "start_time": "2020-01-01T00:00:00+00:00"}
    original = api.do_set_flow_run_states

    def taken_meanwhile(variables: dict[str, Any]) -> dict[str, Any]:
        answer = original(variables)
        api.flow_run["serialized_state"] = {"type": "Running", "message": "elsewhere"}
        return answer

    api.do_set_flow_run_states = taken_meanwhile  # type: ignore[method-assign]
    state = run_on(flow, api)
    assert state.is_running()
    assert not any(name.startswith("double") for name, _, _ in api.history)


def test_a_short_retry_is_waited_for_here(run_on: Callable[..., State]) -> None:
    @task(max_retries=1, retry_delay=datetime.timedelta(minutes=5))
    def flaky() -> str:
        if prefect.context.task_run_count == 1:
            raise OSError("not yet")
        return "done"

    with Flow("flaky") as flow:
        flaky()
    api = MemoryApi(dict.fromkeys(flow.slugs.values()))
    with FakeClock("2031-01-01"):
        assert run_on(flow, api).is_successful()
    kinds = [kind for name, kind, _ in api.history if name == "flaky-1"]
    assert kinds == ["Running", "Failed", "Retrying", "Running", "Success"]


def test_a_long_retry_is_left_to_the_api(run_on: Callable[..., State]) -> None:
    @task(max_retries=1, retry_delay=datetime.timedelta(hours=1))
    def flaky() -> None:
        raise OSError("not yet")

    with Flow("flaky") as flow:
        flaky()
    api = MemoryApi(dict.fromkeys(flow.slugs.values()))
    with FakeClock("2031-01-01") as clock:
        assert run_on(flow, api).is_running()
        assert not clock.waited_for


def test_a_run_that_is_cancelled_is_interrupted(run_on: Callable[..., State]) -> None:
    import threading

    @task
    def wait_for_ever() -> None:
        api.flow_run["serialized_state"] = {"type": "Cancelling", "message": "stop"}
        threading.Event().wait(30)

    with Flow("long") as flow:
        wait_for_ever()
    api = MemoryApi(dict.fromkeys(flow.slugs.values()))
    state = run_on(flow, api)
    assert type(state).__name__ == "Cancelled"
    assert api.history[-1][:2] == ("flow", "Cancelled")


def test_a_flow_of_another_version_is_refused(run_on: Callable[..., State]) -> None:
    flow, _ = make()
    api = MemoryApi({"renamed-1": ""}, {"n": 1})
    state = run_on(flow, api)
    assert isinstance(state, Failed)
    assert "renamed-1" in str(state.message)


def test_errors_of_the_api_are_raised_by_their_kind() -> None:
    api = MemoryApi({})
    client = Client("http://api.test", transport=api)
    api.do_flow_run_by_pk = lambda variables: {  # type: ignore[method-assign]
        "data": None,
        "errors": [{"message": "no", "extensions": {"code": "UNAUTHENTICATED"}}],
    }
    with pytest.raises(AuthorizationError):
        client.get_flow_run_state("x")
    api.do_flow_run_by_pk = lambda variables: {"data": None, "errors": [{"message": "broken"}]}  # type: ignore[method-assign]
    with pytest.raises(ClientError, match="broken"):
        client.get_flow_run_state("x")


def test_the_key_and_tenant_travel_as_headers() -> None:
    api = MemoryApi({})
    client = Client("http://api.test", api_key="k", tenant_id="t", transport=api)
    client.attach_headers({"X-PREFECT-AGENT-ID": "a"})
    client.get_flow_run_state(api.flow_run["id"])
    sent = api.headers[-1]
    assert sent["Authorization"] == "Bearer k"
    assert sent["X-PREFECT-TENANT-ID"] == "t"
    assert sent["X-PREFECT-AGENT-ID"] == "a"


def test_a_removed_token_names_its_replacement() -> None:
    with pytest.raises(TypeError, match="api_key"):
        Client(api_token="x")


def test_an_address_of_the_old_cloud_says_what_to_set() -> None:
    with pytest.raises(ClientError, match="prefect backend server"):
        Client("https://api.prefect.io")


@pytest.mark.parametrize("is_taken_again", [False, True], ids=["waits", "submitted again"])
def test_a_run_that_had_to_queue_is_not_running_yet(
    run_on: Callable[..., State], is_taken_again: bool
) -> None:
    flow, api = make()
    queued: State = Queued("no slot", state=Running("asked for"))
    api.flow_run["serialized_state"] = (Submitted(state=queued) if is_taken_again else queued).serialize()
    api.task_run(api.task_ids["double-2"], -1)["serialized_state"] = queued.serialize()
    assert run_on(flow, api).is_successful()
    assert [kind for name, kind, _ in api.history if name == "flow"] == ["Running", "Success"]
    assert [kind for name, kind, _ in api.history if name == "double-2"] == ["Running", "Success"]


def test_lines_of_others_are_the_runs_until_it_has_ended(
    run_on: Callable[..., State], monkeypatch: pytest.MonkeyPatch
) -> None:
    import logging
    import threading

    lines: list[dict[str, Any]] = []
    manager = SimpleNamespace(enqueue=lines.append, thread=None, wake=lambda: None, stop=lambda: None)
    monkeypatch.setattr("prefect.utilities.logging.LOG_MANAGER", manager, raising=False)

    def warn(text: str) -> None:  # threads of other libraries know no context
        thread = threading.Thread(target=logging.getLogger("distributed.worker").warning, args=(text,))
        thread.start()
        thread.join()

    @task
    def losing() -> None:
        warn("a worker is gone")

    with Flow("losing") as flow:
        losing()
    api = MemoryApi(dict.fromkeys(flow.slugs.values()))
    with set_temporary_config({"cloud.send_flow_run_logs": True}):
        assert run_on(flow, api).is_successful()
        warn("somebody else's worker is gone")

    found = [(line["flow_run_id"], line["message"]) for line in lines if "worker is gone" in line["message"]]
    assert found == [(api.flow_run["id"], "a worker is gone")]
