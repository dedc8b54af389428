import { useAct, useGql } from "@/api/query";
import { To } from "@/app/link";
import { useCanEdit, useIsAdmin, useSession } from "@/app/session";
import { graphql } from "@/gql";
import { Button, cx, Facts, Field, Id, inputClass, Panel } from "@/parts/basics";
import { LineForm, ListPanel } from "./list";

const PROJECTS = graphql(`
  query Projects {
    project(order_by: [{ name: asc }], limit: 1000) {
      id name description flows_aggregate(where: { archived: { _eq: false } }) { aggregate { count } }
    }
  }
`);
const CREATE = graphql(`
  mutation CreateProject($name: String!, $description: String) { create_project(input: { name: $name, description: $description }) { id } }
`);
const RENAME = graphql(`
  mutation RenameProject($id: UUID!, $name: String!) { set_project_name(input: { project_id: $id, name: $name }) { id } }
`);
const DROP = graphql(`
  mutation DropProject($id: UUID!) { delete_project(input: { project_id: $id }) { success error } }
`);
const TENANT = graphql(`query TenantNow($id: uuid!) { tenant_by_pk(id: $id) { id name slug settings } }`);
const PAUSE = graphql(`mutation PauseQueue { pause_tenant_work_queue(input: {}) { success error } }`);
const RESUME = graphql(`mutation ResumeQueue { resume_tenant_work_queue(input: {}) { success error } }`);
const SET = graphql(`
  mutation TenantSettings($settings: JSON!) { update_tenant_settings(input: { settings: $settings }) { id } }
`);

export function Projects() {
  const { data } = useGql(PROJECTS, {}, { live: ["flow"], every: 15_000 });
  const create = useAct(CREATE, "The project is created.");
  const rename = useAct(RENAME, "The project is renamed.");
  const drop = useAct(DROP);
  const canEdit = useCanEdit();
  return (
    <ListPanel
      title="Projects"
      hint="Folders for flows."
      what="project"
      warning="Its flows go with it, with all their runs. This cannot be undone."
      empty="No project yet."
      columns={["Name", "Flows", "Description"]}
      items={data?.project.map((one) => ({
        key: one.id,
        name: one.name,
        cells: [
          canEdit ? (
            <input
              key="name"
              aria-label={`Name of project ${one.name}`}
              defaultValue={one.name}
              className={cx(inputClass, "!w-48 !border-transparent hover:!border-line-strong")}
              onBlur={(event) => {
                const name = event.target.value.trim();
                if (name && name !== one.name) rename.mutate({ id: one.id, name });
              }}
              onKeyDown={(event) => event.key === "Enter" && event.currentTarget.blur()}
            />
          ) : (
            one.name
          ),
          <To key="flows" to="flows" search={{ project: one.id }} className="text-link hover:underline">
            {one.flows_aggregate.aggregate?.count ?? 0}
          </To>,
          <span key="about" className="text-muted">
            {one.description}
          </span>,
        ],
        remove: () => drop.mutate({ id: one.id }),
      }))}
    >
      <LineForm
        onSubmit={(form) =>
          create.mutate({
            name: String(form.get("name")).trim(),
            description: String(form.get("description")).trim() || null,
          })
        }
      >
        <Field label="Name">
          <input name="name" required className={cx(inputClass, "!w-48")} />
        </Field>
        <Field label="Description">
          <input name="description" className={cx(inputClass, "!w-72 max-sm:!w-48")} />
        </Field>
        <Button type="submit">Create</Button>
      </LineForm>
    </ListPanel>
  );
}

export function TenantSettings() {
  const { tenant } = useSession();
  const isAdmin = useIsAdmin();
  const { data } = useGql(TENANT, { id: tenant.id }, { live: ["tenant"] });
  const pause = useAct(PAUSE, "No run is handed to agents any more.");
  const resume = useAct(RESUME, "Runs are handed to agents again.");
  const set = useAct(SET, "Saved.");
  const settings = (data?.tenant_by_pk?.settings ?? {}) as Record<string, unknown>;
  const isPaused = settings.work_queue_paused === true;
  const days = (name: string) => (typeof settings[name] === "number" ? String(settings[name]) : "");
  return (
    <>
      <Panel title="Tenant">
        <Facts
          facts={[
            ["Name", tenant.name],
            [
              "Slug",
              <span key="slug" className="font-mono text-xs">
                {tenant.slug}
              </span>,
            ],
            ["Id", <Id key="id" id={tenant.id} />],
          ]}
        />
      </Panel>
      <Panel title="Work queue">
        <div className="flex items-center justify-between gap-3 p-3 text-sm">
          <span className={isPaused ? "text-late" : ""}>
            {isPaused ? "Paused: agents get no runs." : "Runs are handed to agents."}
          </span>
          {isAdmin && (
            <Button onClick={() => (isPaused ? resume : pause).mutate({})}>
              {isPaused ? "Resume" : "Pause"}
            </Button>
          )}
        </div>
      </Panel>
      {isAdmin && data && (
        <Panel title="How long history is kept">
          <form
            className="flex flex-wrap items-end gap-2 p-3"
            onSubmit={(event) => {
              event.preventDefault();
              const form = new FormData(event.currentTarget);
              const number = (name: string) => (form.get(name) ? Number(form.get(name)) : null);
              set.mutate({
                settings: {
                  flow_run_retention_days: number("flow_run_retention_days"),
                  log_retention_days: number("log_retention_days"),
                },
              });
            }}
          >
            <Field label="Days of runs" hint="empty: for ever">
              <input
                name="flow_run_retention_days"
                type="number"
                min={1}
                defaultValue={days("flow_run_retention_days")}
                className={cx(inputClass, "!w-32")}
              />
            </Field>
            <Field label="Days of logs" hint="empty: for ever">
              <input
                name="log_retention_days"
                type="number"
                min={1}
                defaultValue={days("log_retention_days")}
                className={cx(inputClass, "!w-32")}
              />
            </Field>
            <Button type="submit">Save</Button>
          </form>
        </Panel>
      )}
    </>
  );
}
