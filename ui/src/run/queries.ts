/** What the page of a flow run reads. */
import { graphql } from "@/gql";

export const RUN = graphql(`
  query Run($id: uuid!) {
    flow_run_by_pk(id: $id) {
      id name state state_message state_timestamp state_start_time start_time end_time created
      scheduled_start_time auto_scheduled parameters context labels run_config version
      times_resurrected heartbeat idempotency_key
      flow { id name version flow_group_id archived project { id name } }
      agent { id name }
      created_by { username }
      parent_task_run { id flow_run { id name } task { name } }
    }
  }
`);

export const RUN_COUNTS = graphql(`
  query RunCounts($id: uuid!) {
    Success: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Success" } }) { aggregate { count } }
    Cached: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Cached" } }) { aggregate { count } }
    Skipped: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Skipped" } }) { aggregate { count } }
    Mapped: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Mapped" } }) { aggregate { count } }
    Failed: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Failed" } }) { aggregate { count } }
    TimedOut: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "TimedOut" } }) { aggregate { count } }
    TriggerFailed: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "TriggerFailed" } }) { aggregate { count } }
    ValidationFailed: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "ValidationFailed" } }) { aggregate { count } }
    Running: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Running" } }) { aggregate { count } }
    Retrying: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Retrying" } }) { aggregate { count } }
    Looped: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Looped" } }) { aggregate { count } }
    Pending: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Pending" } }) { aggregate { count } }
    Queued: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Queued" } }) { aggregate { count } }
    Scheduled: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _in: ["Scheduled", "Resume", "Submitted"] } }) { aggregate { count } }
    Paused: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _eq: "Paused" } }) { aggregate { count } }
    Cancelled: task_run_aggregate(where: { flow_run_id: { _eq: $id }, state: { _in: ["Cancelled", "Aborted", "Cancelling"] } }) { aggregate { count } }
  }
`);

/** The task runs of the tasks themselves; mapped children are counted, not listed. */
export const RUN_TASKS = graphql(`
  query RunTasks($id: uuid!) {
    task_run(
      where: { flow_run_id: { _eq: $id }, map_index: { _eq: -1 } }
      order_by: [{ start_time: asc_nulls_last }, { id: asc }]
      limit: 5000
    ) {
      id name state state_message start_time end_time state_timestamp task_id
      task { id name slug mapped type }
    }
  }
`);

export const RUN_RETRIES = graphql(`
  query RunRetries($id: uuid!) {
    task_run_state(
      where: { state: { _eq: "Retrying" }, task_run: { flow_run_id: { _eq: $id }, map_index: { _eq: -1 } } }
      limit: 1000
    ) { task_run_id timestamp }
  }
`);

export const MAPPED = graphql(`
  query Mapped($id: UUID!) {
    mapped_children(task_run_id: $id) { min_start_time max_end_time state_counts }
  }
`);

/** The children of a mapped task. */
export const CHILDREN = graphql(`
  query Children($where: task_run_bool_exp!, $offset: Int!, $limit: Int!) {
    task_run(where: $where, order_by: [{ task_id: asc }, { map_index: asc }], offset: $offset, limit: $limit) {
      id map_index state start_time end_time
    }
  }
`);

export const FIRST_FAILURE = graphql(`
  query FirstFailure($id: uuid!) {
    task_run(
      where: { flow_run_id: { _eq: $id }, state: { _in: ["Failed", "TimedOut", "ValidationFailed"] } }
      order_by: [{ state_timestamp: asc }]
      limit: 1
    ) { id map_index state state_message task { id name } }
    log(
      where: { flow_run_id: { _eq: $id }, level: { _in: ["ERROR", "CRITICAL"] } }
      order_by: [{ timestamp: asc }]
      limit: 1
    ) { id message task_run_id }
  }
`);

export const WHY = graphql(`
  query Why($id: UUID!) { why_not_running(flow_run_id: $id) { code message data } }
`);

export const RUN_STATES = graphql(`
  query RunStates($id: uuid!) {
    flow_run_state(where: { flow_run_id: { _eq: $id } }, order_by: [{ version: desc }], limit: 200) {
      id timestamp state message start_time version
    }
  }
`);

export const RUN_ARTIFACTS = graphql(`
  query RunArtifacts($id: uuid!) {
    task_run_artifact(where: { task_run: { flow_run_id: { _eq: $id } } }, order_by: [{ created: asc }], limit: 200) {
      id kind data created task_run { id name map_index task { name } }
    }
  }
`);

export const RUN_CHILDREN = graphql(`
  query RunChildren($id: uuid!) {
    flow_run(where: { parent_task_run: { flow_run_id: { _eq: $id } } }, order_by: [{ created: asc }], limit: 100) {
      id name state start_time end_time flow { name } parent_task_run { id task { name } }
    }
  }
`);

export const NEIGHBOURS = graphql(`
  query Neighbours($flow: uuid!, $at: timestamptz!) {
    next: flow_run(
      where: { flow: { flow_group_id: { _eq: $flow } }, scheduled_start_time: { _gt: $at } }
      order_by: [{ scheduled_start_time: asc }] limit: 1
    ) { id }
    previous: flow_run(
      where: { flow: { flow_group_id: { _eq: $flow } }, scheduled_start_time: { _lt: $at } }
      order_by: [{ scheduled_start_time: desc }] limit: 1
    ) { id }
  }
`);

export const RUN_EDGES = graphql(`
  query RunEdges($flow: uuid!) {
    task(where: { flow_id: { _eq: $flow } }, limit: 20000) { id name slug mapped type }
    edge(where: { flow_id: { _eq: $flow } }, limit: 100000) { upstream_task_id downstream_task_id mapped key }
  }
`);

export const RESTART = graphql(`
  mutation Restart($id: UUID!, $fromStart: Boolean) {
    restart_flow_run(input: { flow_run_id: $id, from_start: $fromStart }) { id task_runs }
  }
`);
export const RESTART_FROM = graphql(`
  mutation RestartFrom($id: UUID!, $taskRun: UUID!) {
    restart_flow_run(input: { flow_run_id: $id, task_run_id: $taskRun }) { id task_runs }
  }
`);
export const CANCEL = graphql(`
  mutation Cancel($id: UUID!) { cancel_flow_run(input: { flow_run_id: $id }) { id state } }
`);
export const DELETE_RUN = graphql(`
  mutation DeleteRun($id: UUID!) { delete_flow_run(input: { flow_run_id: $id }) { success error } }
`);
export const RENAME_RUN = graphql(`
  mutation RenameRun($id: UUID!, $name: String!) { set_flow_run_name(input: { flow_run_id: $id, name: $name }) { success error } }
`);
export const SET_RUN_STATE = graphql(`
  mutation SetRunState($id: UUID!, $state: JSON!) {
    set_flow_run_states(input: { states: [{ flow_run_id: $id, state: $state }] }) { states { id status message } }
  }
`);
export const SET_TASK_RUN_STATES = graphql(`
  mutation SetTaskRunStates($states: [set_task_run_state_input!]!) {
    set_task_run_states(input: { states: $states }) { states { id status message } }
  }
`);
export const SET_RUN_STATES = graphql(`
  mutation SetRunStates($states: [set_flow_run_state_input!]!) {
    set_flow_run_states(input: { states: $states }) { states { id status message } }
  }
`);
