import { useState } from "react";
import { useAct, useGql } from "@/api/query";
import { useIsAdmin, useSession } from "@/app/session";
import { graphql } from "@/gql";
import { Button, Command, cx, Empty, Facts, Field, Id, inputClass, Panel, Time } from "@/parts/basics";
import { toast } from "@/parts/toast";
import { LineForm, ListPanel } from "./list";

const TEAM = graphql(`
  query Team {
    membership(order_by: [{ created: asc }], limit: 1000) {
      id role created user { id username email first_name last_name account_type }
    }
  }
`);
const CREATE_USER = graphql(`
  mutation CreateUser($username: String!, $email: String, $role: String!) {
    create_user(input: { username: $username, email: $email, role: $role }) { id }
  }
`);
const CREATE_SERVICE = graphql(`
  mutation CreateService($name: String!, $role: String!) { create_service_account(input: { name: $name, role: $role }) { id } }
`);
const SET_ROLE = graphql(`
  mutation SetRole($id: UUID!, $role: String!) { set_membership_role(input: { membership_id: $id, role: $role }) { id } }
`);
const DROP_MEMBER = graphql(`
  mutation DropMember($id: UUID!) { delete_membership(input: { membership_id: $id }) { success error } }
`);
const KEYS = graphql(`
  query ApiKeys {
    auth_api_key(where: { revoked: { _is_null: true } }, order_by: [{ created: desc }], limit: 1000) {
      id name prefix user_id created last_used expires_at created_by { username }
    }
  }
`);
const CREATE_KEY = graphql(`
  mutation CreateKey($user: UUID!, $name: String!, $expires: DateTime) {
    create_api_key(input: { user_id: $user, name: $name, expires_at: $expires }) { key id }
  }
`);
const DROP_KEY = graphql(`
  mutation DropKey($id: UUID!) { delete_api_key(input: { key_id: $id }) { success error } }
`);
const ME = graphql(`
  query Me($id: uuid!) {
    user_by_pk(id: $id) { id username email first_name last_name memberships { id role tenant { name slug } } }
  }
`);
const UPDATE_ME = graphql(`
  mutation UpdateMe($first: String, $last: String, $email: String) {
    update_user_details(input: { first_name: $first, last_name: $last, email: $email }) { id }
  }
`);

const ROLES = ["read-only", "user", "admin"];

function RoleSelect(props: {
  name?: string;
  value?: string;
  label: string;
  onChange?: (role: string) => void;
  isDisabled?: boolean;
}) {
  return (
    <select
      name={props.name}
      aria-label={props.label}
      className={cx(inputClass, "!w-auto")}
      value={props.value}
      defaultValue={props.onChange ? undefined : "user"}
      disabled={props.isDisabled}
      onChange={props.onChange && ((event) => props.onChange?.(event.target.value))}
    >
      {ROLES.map((role) => (
        <option key={role}>{role}</option>
      ))}
    </select>
  );
}

export function Team() {
  const { requiresKeys } = useSession();
  const isAdmin = useIsAdmin();
  const { data, error } = useGql(TEAM, {}, { live: ["user", "membership"] });
  const create = useAct(CREATE_USER, "The user is created. Give them an API key.");
  const createService = useAct(CREATE_SERVICE, "The service account is created. Give it an API key.");
  const setRole = useAct(SET_ROLE, "The role is set.");
  const drop = useAct(DROP_MEMBER);
  if (error) return <p className="text-sm text-muted">{error.message}</p>;
  const members = data?.membership ?? [];
  const rows = (kind: string) =>
    data &&
    members
      .filter((one) => one.user?.account_type === kind)
      .map((one) => ({
        key: one.id,
        name: one.user?.username ?? one.id,
        cells: [
          one.user?.username,
          one.user?.email ?? "–",
          <RoleSelect
            key="role"
            label={`Role of ${one.user?.username}`}
            value={one.role}
            isDisabled={!isAdmin}
            onChange={(role) => setRole.mutate({ id: one.id, role })}
          />,
          <Time key="since" at={one.created} className="text-muted" />,
        ],
        remove: isAdmin ? () => drop.mutate({ id: one.id }) : undefined,
      }));
  return (
    <>
      {!requiresKeys && (
        <p className="text-sm text-muted">
          This server asks nobody for a key: whoever sits at its machine may do everything. With{" "}
          <code className="font-mono text-xs">prefect server start --require-keys</code> roles hold.
        </p>
      )}
      <ListPanel
        title="Members"
        hint="People of this tenant. A read-only member sees everything and changes nothing; an admin also manages people."
        what="the membership of"
        warning="They no longer see this tenant; their keys for it end."
        empty="No people yet."
        columns={["Name", "E-mail", "Role", "Since"]}
        items={rows("USER")}
      >
        {isAdmin && (
          <LineForm
            onSubmit={(form) =>
              create.mutate({
                username: String(form.get("username")).trim(),
                email: String(form.get("email")).trim() || null,
                role: String(form.get("role")),
              })
            }
          >
            <Field label="Name">
              <input name="username" required className={cx(inputClass, "!w-40")} />
            </Field>
            <Field label="E-mail">
              <input name="email" type="email" className={cx(inputClass, "!w-48")} />
            </Field>
            <Field label="Role">
              <RoleSelect name="role" label="Role" />
            </Field>
            <Button type="submit">Add</Button>
          </LineForm>
        )}
      </ListPanel>
      <ListPanel
        title="Service accounts"
        hint="For agents and programs."
        what="the service account"
        warning="Agents that use its keys are locked out."
        empty="No service accounts yet."
        columns={["Name", "E-mail", "Role", "Since"]}
        items={rows("SERVICE")}
      >
        {isAdmin && (
          <LineForm
            onSubmit={(form) =>
              createService.mutate({ name: String(form.get("name")).trim(), role: String(form.get("role")) })
            }
          >
            <Field label="Name">
              <input name="name" required className={cx(inputClass, "!w-40")} />
            </Field>
            <Field label="Role">
              <RoleSelect name="role" label="Role of the service account" />
            </Field>
            <Button type="submit">Add</Button>
          </LineForm>
        )}
      </ListPanel>
    </>
  );
}

export function Keys() {
  const { userId } = useSession();
  const isAdmin = useIsAdmin();
  const keys = useGql(KEYS, {}, { live: ["user"] });
  const team = useGql(TEAM, {}, { live: ["user", "membership"] });
  const [made, setMade] = useState<string>();
  const create = useAct(CREATE_KEY, (result) => setMade(result.create_api_key?.key));
  const drop = useAct(DROP_KEY, "The key is revoked.");
  const people = (team.data?.membership ?? []).filter((one) => isAdmin || one.user?.id === userId);
  if (team.data && people.length === 0)
    return (
      <Empty
        text="Keys belong to people and service accounts, and there are none yet. Add one on the page Team, or:"
        command={"prefect server create-user NAME\nprefect server create-key NAME"}
      />
    );
  return (
    <>
      {made && (
        <Panel
          title="The new key, shown this once"
          aside={
            <Button kind="quiet" onClick={() => setMade(undefined)}>
              I have it
            </Button>
          }
        >
          <div className="p-3">
            <Command text={made} />
          </div>
        </Panel>
      )}
      <ListPanel
        title="API keys"
        hint="A key is as good as its owner. Only its first characters are kept."
        what="key"
        warning="Whatever uses it is locked out at once."
        empty="No keys yet."
        columns={["Name", "Begins with", "Owner", "Last used", "Ends"]}
        items={keys.data?.auth_api_key.map((one) => ({
          key: one.id,
          name: one.name,
          cells: [
            one.name,
            <span key="prefix" className="font-mono text-xs">
              {one.prefix}…
            </span>,
            one.created_by?.username,
            one.last_used ? <Time key="used" at={one.last_used} /> : "never",
            one.expires_at ? <Time key="ends" at={one.expires_at} /> : "never",
          ],
          remove: () => drop.mutate({ id: one.id }),
        }))}
      >
        <LineForm
          onSubmit={(form) => {
            const days = Number(form.get("days"));
            create.mutate({
              user: String(form.get("user")),
              name: String(form.get("name")).trim(),
              expires: days ? new Date(Date.now() + days * 86_400_000).toISOString() : null,
            });
          }}
        >
          <Field label="What for">
            <input name="name" required className={cx(inputClass, "!w-40")} />
          </Field>
          <Field label="Whose">
            <select name="user" className={cx(inputClass, "!w-auto")} defaultValue={userId ?? undefined}>
              {people.map((one) => (
                <option key={one.id} value={one.user?.id}>
                  {one.user?.username}
                </option>
              ))}
            </select>
          </Field>
          <Field label="Days">
            <input
              name="days"
              type="number"
              min={1}
              placeholder="for ever"
              className={cx(inputClass, "!w-28")}
            />
          </Field>
          <Button type="submit">Create</Button>
        </LineForm>
      </ListPanel>
    </>
  );
}

export function Profile() {
  const { userId, role } = useSession();
  const { data } = useGql(ME, { id: userId ?? "" }, { enabled: userId !== null });
  const save = useAct(UPDATE_ME, () => toast("Your details are saved."));
  const me = data?.user_by_pk;
  if (!me) return null;
  return (
    <Panel title={me.username}>
      <Facts
        facts={[
          ["Id", <Id key="id" id={me.id} />],
          ["Role here", role],
          ["Tenants", me.memberships.map((one) => `${one.tenant?.name} (${one.role})`).join(", ")],
        ]}
      />
      <form
        className="flex flex-wrap items-end gap-2 border-t border-line p-3"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          save.mutate({
            first: String(form.get("first")),
            last: String(form.get("last")),
            email: String(form.get("email")) || null,
          });
        }}
      >
        <Field label="First name">
          <input name="first" defaultValue={me.first_name ?? ""} className={inputClass} />
        </Field>
        <Field label="Last name">
          <input name="last" defaultValue={me.last_name ?? ""} className={inputClass} />
        </Field>
        <Field label="E-mail">
          <input name="email" type="email" defaultValue={me.email ?? ""} className={inputClass} />
        </Field>
        <Button type="submit">Save</Button>
      </form>
    </Panel>
  );
}
