"""What is old goes, where a tenant wants that; nothing else does."""

from __future__ import annotations

from typing import Any

DAY = 86_400


def done(api: Any, flow_id: str) -> str:
    run_id = api.run(flow_id)
    api.set_flow_state(run_id, "Running")
    api.set_flow_state(run_id, "Success")
    api.mutate("write_run_logs", "success", logs=[{"flow_run_id": run_id, "message": "x"}])
    task_run_id = api.task_runs(run_id)["a"]
    api.mutate("create_task_run_artifact", task_run_id=task_run_id, kind="link", data={"link": "x"})
    return run_id


def settings(api: Any, **values: Any) -> None:
    api.mutate("update_tenant_settings", settings=values)


def count(api: Any, table: str) -> int:
    return api.write(lambda tx: tx.scalar(f'SELECT count(*) FROM "{table}"'))


def test_by_default_everything_is_kept(services: Any) -> None:
    done(services.api, services.api.flow())
    services.move(4000 * DAY)
    services.round(services.retention)
    assert count(services.api, "flow_run") == 1
    assert count(services.api, "log") == 1


def test_old_runs_go_with_all_that_belongs_to_them(services: Any) -> None:
    api = services.api
    flow_id = api.flow()
    done(api, flow_id)
    waiting = api.run(flow_id)
    settings(api, flow_run_retention_days=30)
    services.move(31 * DAY)
    recent = done(api, flow_id)
    services.round(services.retention)
    assert {row["id"] for row in api.rows("flow_run", "id")} == {waiting, recent}
    assert count(api, "log") == 1
    assert count(api, "task_run_artifact") == 1
    assert count(api, "flow_run_state") == 4


def test_old_lines_go_and_their_runs_stay(services: Any) -> None:
    api = services.api
    done(api, api.flow())
    settings(api, log_retention_days=7)
    services.move(8 * DAY)
    services.round(services.retention)
    assert (count(api, "log"), count(api, "flow_run")) == (0, 1)


def test_old_artifacts_go_and_their_runs_and_lines_stay(services: Any) -> None:
    api = services.api
    flow_id = api.flow()
    done(api, flow_id)
    settings(api, artifact_retention_days=7)
    services.move(8 * DAY)
    done(api, flow_id)
    services.round(services.retention)
    assert (count(api, "task_run_artifact"), count(api, "log"), count(api, "flow_run")) == (1, 2, 2)


def test_another_tenants_wish_is_not_mine(services: Any, other: Any) -> None:
    done(services.api, services.api.flow())
    settings(other, flow_run_retention_days=1, log_retention_days=1)
    services.move(100 * DAY)
    services.round(services.retention)
    assert (count(services.api, "log"), count(services.api, "flow_run")) == (1, 1)


def test_a_large_run_goes_in_pieces(services: Any) -> None:
    api = services.api
    run_id = done(api, api.flow())
    task_id = api.rows("task", "id", '(where: {slug: {_eq: "b"}})')[0]["id"]
    for index in range(700):
        api.mutate("get_or_create_task_run_info", flow_run_id=run_id, task_id=task_id, map_index=index)
    settings(api, flow_run_retention_days=1)
    services.move(3 * DAY)
    first = api.write(lambda tx: services.retention.tick(tx, api.now[0]))
    assert 0 < first < 700
    services.round(services.retention)
    assert (count(api, "flow_run"), count(api, "task_run"), count(api, "task_run_state")) == (0, 0, 0)


def test_sessions_that_ended_are_deleted(services: Any) -> None:
    api = services.api

    def open_one(tx: Any) -> None:
        from prefect.server.bootstrap import first_admin_key
        from prefect.server.security.sessions import open_session

        key = first_admin_key(tx, api.now[0])
        assert key is not None
        open_session(tx, key.key, None, api.now[0])

    api.write(open_one)
    services.round(services.retention)
    assert count(api, "session") == 1
    services.move(8 * DAY)
    services.round(services.retention)
    assert count(api, "session") == 0
