/** Schedules in words. */
import cronstrue from "cronstrue";
import { duration } from "./time";

export interface Clock {
  type?: string;
  cron?: string;
  interval?: number;
  rrule?: unknown;
  dates?: unknown[];
  rrule_obj?: unknown;
  labels?: string[] | null;
  parameter_defaults?: Record<string, unknown>;
  start_date?: { tz?: string } | string | null;
}

export function clockWords(clock: Clock): string {
  if (clock.cron) {
    try {
      return cronstrue.toString(clock.cron, { use24HourTimeFormat: true });
    } catch {
      return clock.cron;
    }
  }
  if (clock.interval) return `Every ${duration(clock.interval / 1000).replace(/ 00[a-z]$/, "")}`;
  if (clock.dates) return `On ${clock.dates.length} dates`;
  if (clock.type === "RRuleClock") return "By a recurrence rule";
  return clock.type ?? "By a clock";
}

export const clocksOf = (schedule: unknown): Clock[] => {
  const clocks = (schedule as { clocks?: Clock[] } | null)?.clocks;
  return Array.isArray(clocks) ? clocks : [];
};

export function scheduleWords(schedule: unknown): string {
  return clocksOf(schedule).map(clockWords).join("; ") || "–";
}
