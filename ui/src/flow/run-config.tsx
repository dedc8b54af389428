/** A run config to edit: its kind, a field for each of its keys, or all of it as JSON. */
import { useState } from "react";
import { cx, Field, inputClass } from "@/parts/basics";
import { Editor } from "@/parts/editor";
import {
  CONFIG_KINDS,
  type Config,
  type ConfigField,
  faceOf,
  fieldsOf,
  readConfig,
  shown,
  withKey,
  withType,
  written,
} from "./run-config-model";

interface Props {
  /** Nothing: the config that holds anyway. */
  value: Config | undefined;
  /** What holds anyway. */
  fallback: Config | null | undefined;
  onChange: (config: Config | undefined) => void;
  /** Told whether something stands there that is no config yet. */
  onInvalid: (isInvalid: boolean) => void;
}

export function RunConfigEditor({ value, fallback, onChange, onInvalid }: Props) {
  const [isJson, setJson] = useState(false);
  /** What was typed and is no value yet, by field; the whole text under "". */
  const [drafts, setDrafts] = useState<Record<string, string>>({});
  /** What stands in the editor of JSON, as it was typed. */
  const [whole, setWhole] = useState<string>();
  const isInvalid = Object.keys(drafts).length > 0;

  function draft(name: string, text: string | undefined) {
    const { [name]: _, ...others } = drafts;
    const after = text === undefined ? others : { ...others, [name]: text };
    setDrafts(after);
    onInvalid(Object.keys(after).length > 0);
  }

  function choose(type: string) {
    setDrafts({});
    setWhole(undefined);
    onInvalid(false);
    onChange(type ? withType(value ?? fallback ?? {}, type) : undefined);
  }

  const own = typeof fallback?.type === "string" ? fallback.type : "UniversalRun";
  const error = "" in drafts ? readConfig(drafts[""]!) : undefined;
  return (
    <fieldset className="flex flex-col gap-3 rounded-md border border-line p-3">
      <legend className="px-1 text-sm font-medium">Run config</legend>
      <div className="flex items-center gap-2">
        <select
          aria-label="Kind of run config"
          className={inputClass}
          value={value ? String(value.type) : ""}
          disabled={isInvalid}
          onChange={(event) => choose(event.target.value)}
        >
          <option value="">that of the flow ({own})</option>
          {Object.keys(CONFIG_KINDS).map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
        {value && (
          <button
            type="button"
            aria-pressed={isJson}
            disabled={isInvalid}
            onClick={() => {
              setWhole(undefined);
              setJson(!isJson);
            }}
            className="shrink-0 rounded-md border border-line-strong px-2 py-1 text-sm hover:bg-hover disabled:opacity-50"
          >
            {isJson ? "as fields" : "as JSON"}
          </button>
        )}
      </div>
      {value &&
        (isJson ? (
          <Field label="Run config as JSON" error={error && "error" in error ? error.error : undefined}>
            <Editor
              label="Run config as JSON"
              className="h-56"
              value={whole ?? JSON.stringify(value, null, 2)}
              onChange={(text) => {
                setWhole(text);
                const read = readConfig(text);
                draft("", "error" in read ? text : undefined);
                if ("config" in read) onChange(read.config);
              }}
            />
          </Field>
        ) : (
          <div className="grid grid-cols-1 gap-3 sm:grid-cols-2">
            {fieldsOf(value).map((field) => (
              <OneField
                key={`${String(value.type)} ${field.name}`}
                field={field}
                value={value[field.name]}
                draft={drafts[field.name]}
                onValue={(next) => {
                  draft(field.name, undefined);
                  onChange(withKey(value, field.name, next));
                }}
                onDraft={(text) => draft(field.name, text)}
              />
            ))}
          </div>
        ))}
    </fieldset>
  );
}

interface OneFieldProps {
  field: ConfigField;
  value: unknown;
  draft?: string;
  onValue: (value: unknown) => void;
  onDraft: (text: string) => void;
}

function OneField({ field, value, draft, onValue, onDraft }: OneFieldProps) {
  // While one types, what was typed stands there: a list would lose the comma at its end.
  const [typed, setTyped] = useState<string>();
  const face = faceOf(field, value);
  const text = draft ?? typed ?? shown(field, value);
  const problem = draft === undefined ? undefined : written(face, draft);
  function change(next: string) {
    setTyped(next);
    const read = written(face, next);
    if ("error" in read) onDraft(next);
    else onValue(read.value);
  }
  const shared = {
    value: text,
    "aria-invalid": problem !== undefined,
    onBlur: () => setTyped(undefined),
  };
  return (
    <Field
      label={field.label}
      hint={field.hint}
      error={problem && "error" in problem ? problem.error : undefined}
    >
      {face === "choice" ? (
        <select className={inputClass} {...shared} onChange={(event) => change(event.target.value)}>
          <option value="">not said</option>
          {field.choices?.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      ) : face === "json" ? (
        <textarea
          className={cx(inputClass, "h-20 py-1 font-mono text-xs")}
          {...shared}
          onChange={(event) => change(event.target.value)}
        />
      ) : (
        <input className={inputClass} {...shared} onChange={(event) => change(event.target.value)} />
      )}
    </Field>
  );
}
