/** One parameter of a run as a field. */
import { Field, inputClass } from "@/parts/basics";
import { type Declared, kindOf, readField, textOf } from "./run-model";

interface ParameterProps {
  name: string;
  declared?: Declared;
  isSet: boolean;
  value: unknown;
  draft?: string;
  onValue: (value: unknown) => void;
  onDraft: (text: string) => void;
}

export function ParameterField({ name, declared, isSet, value, draft, onValue, onDraft }: ParameterProps) {
  // A required parameter is text until somebody writes something else in JSON.
  const kind = isSet ? kindOf(value) : "text";
  const text = draft ?? textOf(value);
  const error = draft !== undefined ? readField(kind, draft) : undefined;
  function change(written: string) {
    const read = readField(kind, written);
    if ("error" in read) onDraft(written);
    else onValue(read.value);
  }
  const label = (
    <span className="flex items-baseline gap-2">
      <span className="font-mono text-xs">{name}</span>
      <span className="text-xs font-normal text-muted">
        {declared?.required ? "required" : declared ? kind : "not declared by the flow"}
      </span>
    </span>
  );
  return (
    <Field
      label={label}
      error={
        error && "error" in error
          ? error.error
          : !isSet && declared?.required
            ? "A value is needed."
            : undefined
      }
    >
      {kind === "flag" ? (
        <select
          className={inputClass}
          value={String(value)}
          onChange={(event) => onValue(event.target.value === "true")}
        >
          <option>true</option>
          <option>false</option>
        </select>
      ) : kind === "json" ? (
        <textarea
          className={`${inputClass} h-20 py-1 font-mono text-xs`}
          value={text}
          aria-invalid={Boolean(error)}
          onChange={(event) => change(event.target.value)}
        />
      ) : (
        <input
          className={inputClass}
          inputMode={kind === "number" ? "decimal" : undefined}
          value={text}
          aria-invalid={Boolean(error)}
          onChange={(event) => change(event.target.value)}
        />
      )}
    </Field>
  );
}
