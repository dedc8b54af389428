/** Times and counts as people read them. */
import { currentPrefs } from "./prefs";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

export const millis = (text: string | null | undefined): number | undefined =>
  text ? Date.parse(text) : undefined;

const two = (value: number): string => String(Math.floor(value)).padStart(2, "0");

/** `0.4s`, `12s`, `1m 04s`, `2h 05m`, `3d 04h`. */
export function duration(ms: number | undefined): string {
  if (ms === undefined || Number.isNaN(ms)) return "–";
  if (ms < 0) return "0s";
  if (ms < 10 * SECOND) return `${(ms / SECOND).toFixed(1)}s`;
  if (ms < MINUTE) return `${Math.floor(ms / SECOND)}s`;
  if (ms < HOUR) return `${Math.floor(ms / MINUTE)}m ${two((ms % MINUTE) / SECOND)}s`;
  if (ms < DAY) return `${Math.floor(ms / HOUR)}h ${two((ms % HOUR) / MINUTE)}m`;
  return `${Math.floor(ms / DAY)}d ${two((ms % DAY) / HOUR)}h`;
}

/** `now`, `12s ago`, `in 5m`. */
export function relative(at: number, now: number): string {
  const distance = Math.abs(now - at);
  if (distance < 2 * SECOND) return "now";
  const [size, unit] =
    distance < MINUTE
      ? [SECOND, "s"]
      : distance < HOUR
        ? [MINUTE, "m"]
        : distance < DAY
          ? [HOUR, "h"]
          : [DAY, "d"];
  const text = `${Math.floor(distance / (size as number))}${unit}`;
  return at > now ? `in ${text}` : `${text} ago`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function format(at: number, options: Intl.DateTimeFormatOptions): string {
  const zone = currentPrefs().clock === "utc" ? "UTC" : undefined;
  const key = JSON.stringify([zone, options]);
  let found = formats.get(key);
  if (!found) {
    found = new Intl.DateTimeFormat("sv-SE", { ...options, timeZone: zone });
    formats.set(key, found);
  }
  return found.format(at);
}

export const clockTime = (at: number, withMillis = false): string =>
  format(at, {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    ...(withMillis ? { fractionalSecondDigits: 3 } : {}),
  }).replace(",", ".");

export const hourMinute = (at: number): string => format(at, { hour: "2-digit", minute: "2-digit" });

export const day = (at: number): string => format(at, { year: "numeric", month: "2-digit", day: "2-digit" });

export function absolute(at: number): string {
  return `${day(at)} ${clockTime(at)}${currentPrefs().clock === "utc" ? " UTC" : ""}`;
}

/** Today's times without their day. */
export const short = (at: number, now: number): string =>
  day(at) === day(now) ? clockTime(at) : `${day(at).slice(5)} ${hourMinute(at)}`;

/** `12 345`, with thin spaces. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+(?!\d))/g, "\u2009");

/** `812 kB`, `41 MB`, `1.2 GB`. */
export function bytes(value: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let at = 0;
  let rest = value;
  while (rest >= 1000 && at < units.length - 1) {
    rest /= 1000;
    at += 1;
  }
  return `${rest < 10 && at > 0 ? rest.toFixed(1) : Math.round(rest)} ${units[at]}`;
}
