/** One clock of a schedule to edit: when, and what its runs are given. */
import { Trash2 } from "lucide-react";
import { type ClockDraft, type ClockKind, FIRST } from "@/lib/clocks";
import { clockWords } from "@/lib/schedule";
import { cx, Field, IconButton, inputClass } from "@/parts/basics";

const NAMES: Record<ClockKind, string> = { cron: "Cron line", interval: "Minutes", rrule: "Recurrence rule" };

interface Props {
  draft: ClockDraft;
  problem?: string;
  onChange: (draft: ClockDraft) => void;
  onRemove?: () => void;
}

export function ClockFields({ draft, problem, onChange, onRemove }: Props) {
  return (
    <div className="flex flex-col gap-2 rounded-md border border-line p-2">
      <div className="flex items-center gap-2">
        <select
          aria-label="Kind of clock"
          className={cx(inputClass, "!w-auto")}
          value={draft.kind}
          onChange={(event) => {
            const kind = event.target.value as ClockKind;
            onChange({ ...draft, kind, text: FIRST[kind] });
          }}
        >
          <option value="cron">cron</option>
          <option value="interval">every … minutes</option>
          <option value="rrule">rule</option>
        </select>
        {draft.kind === "rrule" ? (
          <textarea
            aria-label={NAMES.rrule}
            rows={2}
            className={cx(inputClass, "!h-auto py-1 font-mono text-xs")}
            value={draft.text}
            onChange={(event) => onChange({ ...draft, text: event.target.value })}
          />
        ) : (
          <input
            aria-label={NAMES[draft.kind]}
            className={cx(inputClass, "font-mono")}
            value={draft.text}
            onChange={(event) => onChange({ ...draft, text: event.target.value })}
          />
        )}
        {onRemove && (
          <IconButton label="Remove the clock" onClick={onRemove}>
            <Trash2 size={14} />
          </IconButton>
        )}
      </div>
      <p className={cx("text-xs", problem ? "text-bad" : "text-muted")} role={problem ? "alert" : undefined}>
        {problem ?? wordsOf(draft)}
      </p>
      <details open={draft.parameters !== "" || draft.labels !== "" || undefined}>
        <summary className="text-xs text-muted">Parameters and labels of its runs</summary>
        <div className="mt-2 grid grid-cols-1 gap-3 sm:grid-cols-2">
          <Field label="Parameters of its runs" hint='JSON, such as {"region": "eu"}'>
            <input
              className={cx(inputClass, "font-mono text-xs")}
              value={draft.parameters}
              onChange={(event) => onChange({ ...draft, parameters: event.target.value })}
            />
          </Field>
          <Field label="Labels of its runs" hint="with commas between; those of the flow when empty">
            <input
              className={inputClass}
              value={draft.labels}
              onChange={(event) => onChange({ ...draft, labels: event.target.value })}
            />
          </Field>
        </div>
      </details>
    </div>
  );
}

function wordsOf(draft: ClockDraft): string {
  if (draft.kind === "cron") return clockWords({ cron: draft.text });
  if (draft.kind === "interval") return clockWords({ interval: Number(draft.text) * 60_000_000 });
  return "A recurrence rule of iCalendar; its moments stand beside it.";
}
