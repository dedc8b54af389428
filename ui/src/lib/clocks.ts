/** Clocks as they are edited, and as the API takes them. */
import type { Clock } from "./schedule";

export type ClockKind = "cron" | "interval" | "rrule";

export interface ClockDraft {
  kind: ClockKind;
  /** A cron line, a number of minutes, or a recurrence rule. */
  text: string;
  /** Parameters of its runs, as JSON. */
  parameters: string;
  /** Labels of its runs, with commas between; nothing leaves those of the flow. */
  labels: string;
}

export const FIRST: Record<ClockKind, string> = {
  cron: "0 6 * * *",
  interval: "60",
  rrule: "FREQ=MONTHLY;BYDAY=1MO;BYHOUR=9;BYMINUTE=0;BYSECOND=0",
};

export const newClock = (): ClockDraft => ({ kind: "cron", text: FIRST.cron, parameters: "", labels: "" });

interface RuleJson {
  type?: string;
  rr?: string;
}

/** A rule of one line, as it is written by hand; rules of many parts are no such. */
function ruleText(rule: unknown): string | undefined {
  const { type, rr } = (rule ?? {}) as RuleJson;
  return type === "rrule" && typeof rr === "string" ? rr.replace(/^\s*RRULE:/i, "") : undefined;
}

/** The draft of a clock, or nothing if it can only be written in code. */
export function draftOf(clock: Clock): ClockDraft | undefined {
  const given = {
    parameters:
      clock.parameter_defaults && Object.keys(clock.parameter_defaults).length
        ? JSON.stringify(clock.parameter_defaults)
        : "",
    labels: (clock.labels ?? []).join(", "),
  };
  if (clock.cron) return { kind: "cron", text: clock.cron, ...given };
  if (clock.interval) return { kind: "interval", text: String(clock.interval / 60_000_000), ...given };
  const rule = ruleText(clock.rrule_obj);
  return rule === undefined ? undefined : { kind: "rrule", text: rule, ...given };
}

interface Given {
  parameter_defaults?: unknown;
  labels?: string[];
}

export interface ClockInputs {
  cron_clocks: ({ cron: string } & Given)[];
  interval_clocks: ({ interval: number } & Given)[];
  rrule_clocks: ({ rrule: string } & Given)[];
}

/** What is wrong with a draft that can be seen without the server. */
export function problemOf(draft: ClockDraft): string | undefined {
  if (draft.parameters.trim()) {
    try {
      const value = JSON.parse(draft.parameters);
      if (value === null || typeof value !== "object" || Array.isArray(value))
        return 'Parameters are a JSON object such as {"a": 1}.';
    } catch {
      return "The parameters are no JSON yet.";
    }
  }
  if (!draft.text.trim()) return "Something has to stand here.";
  if (draft.kind === "interval" && !(Number(draft.text) >= 1)) return "An interval is a minute or more.";
  return undefined;
}

/** Drafts without a problem, as the API takes them. */
export function inputsOf(drafts: ClockDraft[]): ClockInputs {
  const inputs: ClockInputs = { cron_clocks: [], interval_clocks: [], rrule_clocks: [] };
  for (const draft of drafts) {
    const labels = draft.labels
      .split(",")
      .map((one) => one.trim())
      .filter(Boolean);
    const given: Given = {
      ...(draft.parameters.trim() ? { parameter_defaults: JSON.parse(draft.parameters) } : {}),
      ...(labels.length ? { labels } : {}),
    };
    const text = draft.text.trim();
    if (draft.kind === "cron") inputs.cron_clocks.push({ cron: text, ...given });
    else if (draft.kind === "interval")
      inputs.interval_clocks.push({ interval: Math.round(Number(text) * 60), ...given });
    else inputs.rrule_clocks.push({ rrule: text, ...given });
  }
  return inputs;
}
