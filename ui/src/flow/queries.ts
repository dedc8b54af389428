/** What the page of a flow reads and changes. */
import { graphql } from "@/gql";

/** By the id of a group, or of one version: links of 1.x hold either. */
export const VERSIONS = graphql(`
  query Versions($id: uuid!) {
    group: flow(where: { flow_group_id: { _eq: $id } }, order_by: [{ version: desc }], limit: 500) {
      id name version archived created flow_group_id
    }
    flow_by_pk(id: $id) { id flow_group_id version }
  }
`);

export const FLOW = graphql(`
  query Flow($id: uuid!) {
    flow_by_pk(id: $id) {
      id name version archived description core_version parameters storage run_config schedule created
      is_schedule_active settings
      project { id name }
      flow_group { id name description labels schedule settings default_parameters run_config }
      tasks_aggregate { aggregate { count } }
    }
  }
`);

export const FLOW_TASKS = graphql(`
  query FlowTasks($id: uuid!) {
    task(where: { flow_id: { _eq: $id } }, limit: 20000) {
      id name slug type mapped max_retries retry_delay trigger tags cache_key is_reference_task
    }
    edge(where: { flow_id: { _eq: $id } }, limit: 100000) { upstream_task_id downstream_task_id key mapped }
    flow_by_pk(id: $id) { id version parameters }
  }
`);

export const GRID_RUNS = graphql(`
  query GridRuns($group: uuid!, $limit: Int!) {
    flow_run(
      where: { flow: { flow_group_id: { _eq: $group } }, start_time: { _is_null: false } }
      order_by: [{ start_time: desc }]
      limit: $limit
    ) { id name state start_time end_time flow { id version } }
  }
`);

export const GRID_CELLS = graphql(`
  query GridCells($runs: [uuid!]!) {
    task_run(where: { flow_run_id: { _in: $runs }, map_index: { _eq: -1 } }, limit: 60000) {
      id state flow_run_id start_time end_time task { slug }
    }
    failed: task_run(
      where: { flow_run_id: { _in: $runs }, map_index: { _gte: 0 }, state: { _in: ["Failed", "TimedOut", "ValidationFailed"] } }
      distinct_on: [flow_run_id, task_id]
      order_by: [{ flow_run_id: asc }, { task_id: asc }]
      limit: 5000
    ) { flow_run_id task { slug } }
  }
`);

export const LAST_PARAMETERS = graphql(`
  query LastParameters($group: uuid!) {
    flow_run(where: { flow: { flow_group_id: { _eq: $group } } }, order_by: [{ created: desc }], limit: 1) {
      id name parameters
    }
  }
`);

export const UPCOMING = graphql(`
  query Upcoming($group: uuid!) {
    flow_run(
      where: { flow: { flow_group_id: { _eq: $group } }, state: { _eq: "Scheduled" }, auto_scheduled: { _eq: true } }
      order_by: [{ scheduled_start_time: asc }]
      limit: 10
    ) { id scheduled_start_time }
  }
`);

export const CREATE_RUN = graphql(`
  mutation CreateRun($input: create_flow_run_input!) { create_flow_run(input: $input) { id } }
`);
export const SET_SCHEDULE = graphql(`
  mutation SetSchedule($input: set_flow_group_schedule_input!) { set_flow_group_schedule(input: $input) { success error } }
`);
export const DROP_SCHEDULE = graphql(`
  mutation DropSchedule($id: UUID!) { delete_flow_group_schedule(input: { flow_group_id: $id }) { success error } }
`);
export const SET_LABELS = graphql(`
  mutation SetLabels($id: UUID!, $labels: [String!]) {
    set_flow_group_labels(input: { flow_group_id: $id, labels: $labels }) { success error }
  }
`);
export const SET_MAX_ACTIVE_RUNS = graphql(`
  mutation SetMaxActiveRuns($input: set_flow_group_max_active_runs_input!) {
    set_flow_group_max_active_runs(input: $input) { success error }
  }
`);
export const SET_DEFAULTS = graphql(`
  mutation SetDefaults($id: UUID!, $parameters: JSON!) {
    set_flow_group_default_parameters(input: { flow_group_id: $id, parameters: $parameters }) { success error }
  }
`);
export const SET_DESCRIPTION = graphql(`
  mutation SetDescription($id: UUID!, $description: String) {
    set_flow_group_description(input: { flow_group_id: $id, description: $description }) { success error }
  }
`);
export const SET_RUN_CONFIG = graphql(`
  mutation SetRunConfig($id: UUID!, $config: JSON) {
    set_flow_group_run_config(input: { flow_group_id: $id, run_config: $config }) { success error }
  }
`);
export const MOVE = graphql(`
  mutation Move($id: UUID!, $project: UUID!) { update_flow_project(input: { flow_id: $id, project_id: $project }) { id } }
`);
export const ARCHIVE = graphql(`
  mutation Archive($id: UUID!) { archive_flow(input: { flow_id: $id }) { success error } }
`);
export const DELETE_GROUP = graphql(`
  mutation DeleteGroup($id: UUID!) { delete_flow_group(input: { flow_group_id: $id }) { success error } }
`);
export const FLAGS = {
  heartbeat_enabled: {
    label: "Heartbeats",
    hint: "Runs say that they are alive; one that is silent is failed or started again.",
    on: graphql(
      `mutation HeartbeatOn($id: UUID!) { enable_flow_heartbeat(input: { flow_id: $id }) { success error } }`,
    ),
    off: graphql(
      `mutation HeartbeatOff($id: UUID!) { disable_flow_heartbeat(input: { flow_id: $id }) { success error } }`,
    ),
  },
  lazarus_enabled: {
    label: "Start again what was lost",
    hint: "A run whose process vanished is started again, a few times.",
    on: graphql(
      `mutation LazarusOn($id: UUID!) { enable_flow_lazarus_process(input: { flow_id: $id }) { success error } }`,
    ),
    off: graphql(
      `mutation LazarusOff($id: UUID!) { disable_flow_lazarus_process(input: { flow_id: $id }) { success error } }`,
    ),
  },
  version_locking_enabled: {
    label: "Version lock",
    hint: "A task run that was started twice is run once.",
    on: graphql(
      `mutation LockOn($id: UUID!) { enable_flow_version_lock(input: { flow_id: $id }) { success error } }`,
    ),
    off: graphql(
      `mutation LockOff($id: UUID!) { disable_flow_version_lock(input: { flow_id: $id }) { success error } }`,
    ),
  },
};
