/**
 * A run config as one model with two faces: fields for what its kind has, and JSON.
 *
 * The model is the JSON that the API takes. A field reads one key of it and writes one key of it; what has no
 * field (a newer version's key, `__version__`) is kept.
 */

export type Config = Record<string, unknown>;
export type FieldKind = "text" | "list" | "numbers" | "json" | "choice";

export interface ConfigField {
  name: string;
  kind: FieldKind;
  label: string;
  hint?: string;
  choices?: string[];
}

const text = (name: string, label: string, hint?: string): ConfigField => ({
  name,
  kind: "text",
  label,
  hint,
});
const json = (name: string, label: string, hint?: string): ConfigField => ({
  name,
  kind: "json",
  label,
  hint,
});

const IMAGE = text("image", "Image", "such as registry/flows:3");
/** What every kind has. */
export const COMMON: ConfigField[] = [
  json("env", "Environment", '{"NAME": "value"}'),
  { name: "labels", kind: "list", label: "Labels", hint: "with commas between" },
];

export const CONFIG_KINDS: Record<string, ConfigField[]> = {
  UniversalRun: [],
  LocalRun: [text("working_dir", "Working directory")],
  DockerRun: [
    IMAGE,
    { name: "ports", kind: "numbers", label: "Ports", hint: "with commas between" },
    json("host_config", "Host config", '{"mem_limit": "2g"}'),
  ],
  KubernetesRun: [
    IMAGE,
    text("cpu_request", "CPU request", "such as 500m"),
    text("cpu_limit", "CPU limit"),
    text("memory_request", "Memory request", "such as 1Gi"),
    text("memory_limit", "Memory limit"),
    text("service_account_name", "Service account"),
    { name: "image_pull_secrets", kind: "list", label: "Image pull secrets", hint: "with commas between" },
    {
      name: "image_pull_policy",
      kind: "choice",
      label: "Image pull policy",
      choices: ["Always", "IfNotPresent", "Never"],
    },
    text("job_template_path", "Path of a job template"),
    json("job_template", "Job template", "a manifest, instead of a path"),
  ],
  ECSRun: [
    IMAGE,
    text("cpu", "CPU", "such as 512 or 1 vcpu"),
    text("memory", "Memory", "such as 1024 or 1 GB"),
    text("task_role_arn", "Task role ARN"),
    text("execution_role_arn", "Execution role ARN"),
    text("task_definition_arn", "Task definition ARN"),
    text("task_definition_path", "Path of a task definition"),
    json("task_definition", "Task definition", "instead of an ARN or a path"),
    json("run_task_kwargs", "Arguments of run_task", '{"overrides": {…}}'),
  ],
  VertexRun: [
    IMAGE,
    text("machine_type", "Machine type", "such as e2-standard-4"),
    text("service_account", "Service account"),
    text("network", "Network"),
    json("scheduling", "Scheduling", '{"timeout": "3600s"}'),
    json("worker_pool_specs", "Worker pool specs"),
  ],
};

export const fieldsOf = (config: Config): ConfigField[] => [
  ...(CONFIG_KINDS[String(config.type)] ?? []),
  ...COMMON,
];

const words = (value: string): string[] =>
  value
    .split(",")
    .map((one) => one.trim())
    .filter(Boolean);

const isPlainList = (value: unknown, type: "string" | "number"): boolean =>
  Array.isArray(value) &&
  value.length > 0 &&
  // A word with a comma or space around it is not what its field would write again.
  value.every(
    (one) =>
      typeof one === type &&
      (type === "number" ? Number.isInteger(one) : words(one as string).join() === one && one !== ""),
  );

/** How a field shows its value: as what it is meant to be, or as JSON if it is something else. */
export function faceOf(field: ConfigField, value: unknown): FieldKind {
  if (value === undefined || value === null) return field.kind;
  if (field.kind === "text" && typeof value === "string" && value.trim() !== "") return "text";
  if (field.kind === "choice" && field.choices?.includes(value as string)) return "choice";
  if (field.kind === "list" && isPlainList(value, "string")) return "list";
  if (field.kind === "numbers" && isPlainList(value, "number")) return "numbers";
  return "json";
}

export function shown(field: ConfigField, value: unknown): string {
  if (value === undefined || value === null) return "";
  const face = faceOf(field, value);
  if (face === "list" || face === "numbers") return (value as unknown[]).join(", ");
  return face === "json" ? JSON.stringify(value, null, 2) : String(value);
}

export type Written = { value: unknown } | { error: string };

/** The value of what stands in a field; nothing is no value. */
export function written(face: FieldKind, content: string): Written {
  if (content.trim() === "") return { value: undefined };
  if (face === "text" || face === "choice") return { value: content };
  if (face === "list") return { value: words(content) };
  if (face === "numbers") {
    const numbers = words(content).map(Number);
    return numbers.every(Number.isInteger)
      ? { value: numbers }
      : { error: "These have to be whole numbers, with commas between." };
  }
  try {
    return { value: JSON.parse(content) };
  } catch {
    return { error: "This is no JSON yet." };
  }
}

/** The config with one key set; a key without a value is left out. */
export function withKey(config: Config, name: string, value: unknown): Config {
  if (value !== undefined) return { ...config, [name]: value };
  const { [name]: _, ...others } = config;
  return others;
}

/** The config as another kind: what both have stays. */
export function withType(config: Config, type: string): Config {
  const kept = new Set([...COMMON, ...(CONFIG_KINDS[type] ?? [])].map((field) => field.name));
  return { type, ...Object.fromEntries(Object.entries(config).filter(([name]) => kept.has(name))) };
}

export function readConfig(content: string): { config: Config } | { error: string } {
  try {
    const value = JSON.parse(content);
    if (value === null || typeof value !== "object" || Array.isArray(value) || !(value.type in CONFIG_KINDS))
      return { error: `A run config is {"type": …} with one of ${Object.keys(CONFIG_KINDS).join(", ")}.` };
    return { config: value };
  } catch (problem) {
    return { error: problem instanceof Error ? problem.message : String(problem) };
  }
}

/** The config with a level of logging in its environment. */
export function withLevel(config: Config | undefined, level: string): Config {
  const base = config ?? { type: "UniversalRun" };
  const env = typeof base.env === "object" && base.env !== null ? base.env : {};
  return { ...base, env: { ...env, PREFECT__LOGGING__LEVEL: level } };
}
