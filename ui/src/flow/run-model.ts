/**
 * The parameters of a run, as one model with two faces: fields and JSON.
 *
 * The model is the values. A field shows a value by what it is, not by what it was meant to be, so that every
 * JSON value survives the way from one face to the other.
 */

export interface Declared {
  name: string;
  required: boolean;
  default?: unknown;
}

export type Values = Record<string, unknown>;
export type Kind = "text" | "number" | "flag" | "json";

export function kindOf(value: unknown): Kind {
  if (typeof value === "string") return "text";
  if (typeof value === "number") return "number";
  if (typeof value === "boolean") return "flag";
  return "json";
}

/** What a field shows for a value. */
export function textOf(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}

export type Read = { value: unknown } | { error: string };

/** The value of what stands in a field. */
export function readField(kind: Kind, text: string): Read {
  if (kind === "text") return { value: text };
  try {
    const value = JSON.parse(text);
    if (kind === "number" && typeof value !== "number") return { error: "This has to be a number." };
    return { value };
  } catch {
    return { error: kind === "number" ? "This has to be a number." : "This is no JSON yet." };
  }
}

export const jsonOf = (values: Values): string => JSON.stringify(values, null, 2);

/** The values of the JSON face. */
export function readJson(text: string): { values: Values } | { error: string } {
  try {
    const value = JSON.parse(text);
    if (value === null || typeof value !== "object" || Array.isArray(value))
      return { error: 'Parameters are an object: {"name": value}.' };
    return { values: value };
  } catch (problem) {
    return { error: problem instanceof Error ? problem.message : String(problem) };
  }
}

export function firstValues(declared: Declared[], defaults: Values): Values {
  const found: Values = {};
  for (const one of declared) {
    if (Object.hasOwn(defaults, one.name)) found[one.name] = defaults[one.name];
    else if (!one.required) found[one.name] = one.default ?? null;
  }
  return found;
}

export function missing(declared: Declared[], values: Values): string[] {
  return declared.filter((one) => one.required && !Object.hasOwn(values, one.name)).map((one) => one.name);
}
