/** Starting a run: parameters as fields or as JSON, and the rest folded. */
import { Play, RotateCcw } from "lucide-react";
import { type FormEvent, useState } from "react";
import { useAct, useGql } from "@/api/query";
import { useGo } from "@/app/link";
import type { FlowQuery } from "@/gql/graphql";
import { Button, Field, inputClass } from "@/parts/basics";
import { Editor } from "@/parts/editor";
import { toast } from "@/parts/toast";
import { ParameterField } from "./parameter-field";
import { CREATE_RUN, LAST_PARAMETERS } from "./queries";
import { RunConfigEditor } from "./run-config";
import { type Config, withLevel } from "./run-config-model";
import { type Declared, firstValues, jsonOf, missing, readJson, type Values } from "./run-model";

type Flow = NonNullable<FlowQuery["flow_by_pk"]>;

const LEVELS = ["DEBUG", "INFO", "WARNING", "ERROR"];

export function RunForm({ flow }: { flow: Flow }) {
  const declared: Declared[] = Array.isArray(flow.parameters) ? flow.parameters : [];
  const defaults: Values = flow.flow_group?.default_parameters ?? {};
  const [values, setValues] = useState<Values>(() => firstValues(declared, defaults));
  const [isJson, setJson] = useState(false);
  /** What was typed and is no value yet, by field; the whole text for the face of JSON. */
  const [drafts, setDrafts] = useState<Record<string, string>>({});
  const [whole, setWhole] = useState<string>();
  const [wholeError, setWholeError] = useState<string>();
  const last = useGql(LAST_PARAMETERS, { group: flow.flow_group?.id ?? "" });
  const go = useGo();
  const create = useAct(CREATE_RUN, (result) => {
    toast("The run is scheduled.");
    go(`flow-run/${result.create_flow_run?.id}`);
  });
  const [advanced, setAdvanced] = useState({
    name: "",
    labels: "",
    context: "",
    level: "",
    start: "",
  });
  const [config, setConfig] = useState<Config>();
  const [isConfigInvalid, setConfigInvalid] = useState(false);
  const [problem, setProblem] = useState<string>();

  const absent = missing(declared, values);
  const isBlocked =
    wholeError !== undefined || Object.keys(drafts).length > 0 || absent.length > 0 || isConfigInvalid;

  function set(name: string, value: unknown) {
    setValues((before) => ({ ...before, [name]: value }));
    setDrafts(({ [name]: _, ...others }) => others);
  }

  function replaceAll(found: Values) {
    setValues(found);
    setDrafts({});
    setWhole(undefined);
    setWholeError(undefined);
  }

  function submit(event: FormEvent) {
    event.preventDefault();
    setProblem(undefined);
    try {
      create.mutate({
        input: {
          flow_id: flow.id,
          parameters: values,
          flow_run_name: advanced.name || undefined,
          labels: advanced.labels
            ? advanced.labels
                .split(",")
                .map((one) => one.trim())
                .filter(Boolean)
            : undefined,
          context: advanced.context ? JSON.parse(advanced.context) : undefined,
          run_config: advanced.level
            ? withLevel(config ?? flow.flow_group?.run_config ?? flow.run_config ?? undefined, advanced.level)
            : config,
          scheduled_start_time: advanced.start ? new Date(advanced.start).toISOString() : undefined,
        },
      });
    } catch (error) {
      setProblem(`The context has to be JSON: ${error instanceof Error ? error.message : error}`);
    }
  }

  const names = [
    ...declared.map((one) => one.name),
    ...Object.keys(values).filter((name) => !declared.some((one) => one.name === name)),
  ];
  return (
    <form onSubmit={submit} className="mx-auto flex max-w-2xl flex-col gap-4 p-4">
      <div className="flex items-center justify-between gap-3">
        <h2 className="font-semibold">Parameters</h2>
        <div className="flex items-center gap-2">
          {last.data?.flow_run[0] && (
            <Button
              kind="quiet"
              icon={<RotateCcw size={13} />}
              onClick={() =>
                replaceAll({ ...firstValues(declared, defaults), ...last.data?.flow_run[0]?.parameters })
              }
            >
              Last parameters
            </Button>
          )}
          <div
            role="tablist"
            aria-label="How to write parameters"
            className="flex rounded-md border border-line p-0.5"
          >
            {["Fields", "JSON"].map((face) => (
              <button
                key={face}
                type="button"
                role="tab"
                aria-selected={(face === "JSON") === isJson}
                disabled={wholeError !== undefined || Object.keys(drafts).length > 0}
                onClick={() => {
                  setWhole(undefined);
                  setJson(face === "JSON");
                }}
                className="rounded px-2 py-0.5 text-sm aria-selected:bg-hover aria-selected:font-medium disabled:opacity-50"
              >
                {face}
              </button>
            ))}
          </div>
        </div>
      </div>
      {isJson ? (
        <Field label="Parameters as JSON" error={wholeError}>
          <Editor
            label="Parameters as JSON"
            className="h-72"
            value={whole ?? jsonOf(values)}
            onChange={(text) => {
              setWhole(text);
              const read = readJson(text);
              if ("error" in read) setWholeError(read.error);
              else {
                setWholeError(undefined);
                setValues(read.values);
              }
            }}
          />
        </Field>
      ) : names.length === 0 ? (
        <p className="text-sm text-muted">This flow has no parameters.</p>
      ) : (
        names.map((name) => (
          <ParameterField
            key={name}
            name={name}
            declared={declared.find((one) => one.name === name)}
            isSet={Object.hasOwn(values, name)}
            value={values[name]}
            draft={drafts[name]}
            onValue={(value) => set(name, value)}
            onDraft={(text) => setDrafts((before) => ({ ...before, [name]: text }))}
          />
        ))
      )}
      {isJson && absent.length > 0 && (
        <p role="alert" className="text-sm text-bad">
          Missing: {absent.join(", ")}.
        </p>
      )}
      <details className="rounded-md border border-line p-3">
        <summary className="text-sm font-medium">Name, labels, start, context, run config</summary>
        <div className="mt-3 grid grid-cols-1 gap-4 sm:grid-cols-2">
          <Field label="Name of the run" hint="made up when empty">
            <input
              className={inputClass}
              value={advanced.name}
              onChange={(event) => setAdvanced({ ...advanced, name: event.target.value })}
            />
          </Field>
          <Field label="Start" hint="now when empty">
            <input
              type="datetime-local"
              className={inputClass}
              value={advanced.start}
              onChange={(event) => setAdvanced({ ...advanced, start: event.target.value })}
            />
          </Field>
          <Field label="Labels" hint="with commas between; those of the flow when empty">
            <input
              className={inputClass}
              value={advanced.labels}
              onChange={(event) => setAdvanced({ ...advanced, labels: event.target.value })}
            />
          </Field>
          <Field label="Log level">
            <select
              className={inputClass}
              value={advanced.level}
              onChange={(event) => setAdvanced({ ...advanced, level: event.target.value })}
            >
              <option value="">as configured</option>
              {LEVELS.map((level) => (
                <option key={level}>{level}</option>
              ))}
            </select>
          </Field>
          <div className="sm:col-span-2">
            <Field label="Context" hint="JSON; values for prefect.context">
              <textarea
                className={`${inputClass} h-24 py-1 font-mono text-xs`}
                value={advanced.context}
                onChange={(event) => setAdvanced({ ...advanced, context: event.target.value })}
              />
            </Field>
          </div>
          <div className="sm:col-span-2">
            <RunConfigEditor
              value={config}
              fallback={flow.flow_group?.run_config ?? flow.run_config}
              onChange={setConfig}
              onInvalid={setConfigInvalid}
            />
          </div>
        </div>
      </details>
      {problem && (
        <p role="alert" className="text-sm text-bad">
          {problem}
        </p>
      )}
      <Button
        kind="primary"
        type="submit"
        className="self-start"
        icon={<Play size={14} />}
        disabled={isBlocked || create.isPending || flow.archived}
      >
        Run
      </Button>
    </form>
  );
}
