import { useState } from "react";
import { useAct, useGql } from "@/api/query";
import { useCanEdit, useIsAdmin } from "@/app/session";
import { graphql } from "@/gql";
import { Button, cx, Field, inputClass, Time } from "@/parts/basics";
import { Json } from "@/parts/json";
import { toast } from "@/parts/toast";
import { LineForm, ListPanel } from "./list";

const VALUES = graphql(`
  query KeyValues { key_value(order_by: [{ key: asc }], limit: 2000) { id key value updated } }
`);
const SET_VALUE = graphql(`
  mutation SetKeyValue($key: String!, $value: JSON!) { set_key_value(input: { key: $key, value: $value }) { id } }
`);
const DROP_VALUE = graphql(`
  mutation DropKeyValue($id: UUID!) { delete_key_value(input: { key_value_id: $id }) { success error } }
`);
const SECRETS = graphql(`query SecretNames { secret_names }`);
const SET_SECRET = graphql(`
  mutation SetSecret($name: String!, $value: JSON!) { set_secret(input: { name: $name, value: $value }) { success error } }
`);
const DROP_SECRET = graphql(`
  mutation DropSecret($name: String!) { delete_secret(input: { name: $name }) { success error } }
`);

/** JSON where it is JSON, text where it is not: nobody wants to type quotes. */
export function readValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function KeyValues() {
  const { data } = useGql(VALUES, {}, { every: 15_000 });
  const set = useAct(SET_VALUE, "The value is set.");
  const drop = useAct(DROP_VALUE);
  const canEdit = useCanEdit();
  const [editing, setEditing] = useState<{ key: string; value: string }>();
  return (
    <ListPanel
      title="Key-value store"
      hint={
        <>
          Small values that flows share:{" "}
          <code className="font-mono text-xs">prefect.backend.get_key_value("last_loaded")</code>
        </>
      }
      what="key"
      warning="Flows that read it will not find it."
      empty="No value is set."
      columns={["Key", "Value", "Changed"]}
      items={data?.key_value.map((one) => ({
        key: one.id,
        name: one.key,
        cells: [
          canEdit ? (
            <button
              key="key"
              type="button"
              className="font-mono text-xs hover:underline"
              title="Edit"
              onClick={() => setEditing({ key: one.key, value: JSON.stringify(one.value) })}
            >
              {one.key}
            </button>
          ) : (
            <span key="key" className="font-mono text-xs">
              {one.key}
            </span>
          ),
          <Json key="value" value={one.value} />,
          <Time key="at" at={one.updated} className="text-muted" />,
        ],
        remove: () => drop.mutate({ id: one.id }),
      }))}
    >
      <form
        key={editing?.key ?? "new"}
        className="flex flex-wrap items-end gap-2"
        onSubmit={(event) => {
          event.preventDefault();
          const form = new FormData(event.currentTarget);
          set.mutate({ key: String(form.get("key")).trim(), value: readValue(String(form.get("value"))) });
          event.currentTarget.reset();
          setEditing(undefined);
        }}
      >
        <Field label="Key">
          <input
            name="key"
            required
            defaultValue={editing?.key}
            className={cx(inputClass, "!w-48 font-mono")}
          />
        </Field>
        <Field label="Value, JSON or text">
          <input
            name="value"
            required
            defaultValue={editing?.value}
            className={cx(inputClass, "!w-72 font-mono max-sm:!w-48")}
          />
        </Field>
        <Button type="submit">Set</Button>
      </form>
    </ListPanel>
  );
}

export function Secrets() {
  const { data, error } = useGql(SECRETS, {}, {});
  const set = useAct(SET_SECRET, () => toast("The secret is set. Nobody can read it here."));
  const drop = useAct(DROP_SECRET);
  const isAdmin = useIsAdmin();
  if (error) return <p className="text-sm text-muted">{error.message}</p>;
  return (
    <ListPanel
      title="Secrets"
      hint={
        <>
          Encrypted in the database, and given to flows only:{" "}
          <code className="font-mono text-xs">PrefectSecret("NAME")</code>. A value can be replaced here,
          never read.
        </>
      }
      what="secret"
      warning="Flows that need it will fail."
      empty="No secret is set."
      columns={["Name", "Value"]}
      items={(data?.secret_names ?? (data ? [] : undefined))?.map((name) => ({
        key: name,
        name,
        cells: [
          <span key="name" className="font-mono text-xs">
            {name}
          </span>,
          "••••••••",
        ],
        remove: isAdmin ? () => drop.mutate({ name }) : undefined,
      }))}
    >
      <LineForm
        onSubmit={(form) =>
          set.mutate({ name: String(form.get("name")).trim(), value: readValue(String(form.get("value"))) })
        }
      >
        <Field label="Name">
          <input name="name" required autoComplete="off" className={cx(inputClass, "!w-48 font-mono")} />
        </Field>
        <Field label="Value, JSON or text">
          <input
            name="value"
            type="password"
            required
            autoComplete="new-password"
            className={cx(inputClass, "!w-72 max-sm:!w-48")}
          />
        </Field>
        <Button type="submit">Set</Button>
      </LineForm>
    </ListPanel>
  );
}
