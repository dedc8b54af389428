/** States: which family each belongs to, and what the families look like. */

export type Family = "waiting" | "late" | "running" | "paused" | "good" | "bad" | "ended";

const FAMILIES: Record<string, Family> = {
  Pending: "waiting",
  Scheduled: "waiting",
  Queued: "waiting",
  Submitted: "waiting",
  Resume: "waiting",
  ClientFailed: "bad",
  Running: "running",
  Cancelling: "running",
  Retrying: "running",
  Looped: "running",
  Paused: "paused",
  Success: "good",
  Cached: "good",
  Skipped: "good",
  Mapped: "good",
  Failed: "bad",
  TimedOut: "bad",
  TriggerFailed: "bad",
  ValidationFailed: "bad",
  Cancelled: "ended",
  Aborted: "ended",
};

/** From the API's names to words: `TriggerFailed` is `Trigger failed`. */
const WORDS: Record<string, string> = {
  TimedOut: "Timed out",
  TriggerFailed: "Trigger failed",
  ValidationFailed: "Validation failed",
};

export const FAILED = ["Failed", "TimedOut", "TriggerFailed", "ValidationFailed"];
/** A trigger that failed is a victim, never the cause. */
export const FAILED_BY_ITSELF = ["Failed", "TimedOut", "ValidationFailed"];
export const GOOD = ["Success", "Cached", "Skipped", "Mapped"];
export const ACTIVE = ["Running", "Cancelling", "Submitted", "Retrying"];
export const WAITING = ["Scheduled", "Queued", "Resume", "Pending"];
export const ENDED = [...FAILED, "Success", "Cached", "Skipped", "Mapped", "Looped", "Cancelled", "Aborted"];

export const family = (state: string | null | undefined): Family => FAMILIES[state ?? "Pending"] ?? "waiting";

export const word = (state: string | null | undefined): string => WORDS[state ?? ""] ?? state ?? "Pending";

export const hasEnded = (state: string | null | undefined): boolean => ENDED.includes(state ?? "");

/** Due for more than this long and still not taken: late. */
export const LATE_MS = 15_000;

export function isLate(state: string | null | undefined, due: number | undefined, now: number): boolean {
  return state === "Scheduled" && due !== undefined && now - due > LATE_MS;
}

/** Families in the order in which bars stack them, and people ask for them. */
export const GROUPS: { key: Family; label: string; states: string[] }[] = [
  { key: "bad", label: "Failed", states: [...FAILED, "ClientFailed"] },
  { key: "paused", label: "Paused", states: ["Paused"] },
  { key: "running", label: "Running", states: ["Running", "Cancelling", "Retrying", "Looped"] },
  { key: "waiting", label: "Waiting", states: ["Pending", "Scheduled", "Queued", "Submitted", "Resume"] },
  { key: "good", label: "Success", states: ["Success", "Cached", "Skipped"] },
  { key: "ended", label: "Cancelled", states: ["Cancelled", "Aborted"] },
];

/** The colour of a family, as the page's theme has it; for canvases. */
export function colourOf(name: Family): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--s-${name}`).trim();
}
