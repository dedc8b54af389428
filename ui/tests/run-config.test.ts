import { expect, test } from "vitest";
import {
  CONFIG_KINDS,
  faceOf,
  fieldsOf,
  readConfig,
  shown,
  withKey,
  withLevel,
  withType,
  written,
} from "@/flow/run-config-model";

/** The same numbers each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 4294967296;
    return state / 4294967296;
  };
}

const TEXTS = ["a", "", " ", "a, b", "7", "true", "null", "[1]", "x,", " x", "Always", "é\n", '{"a": 1}'];

function anything(next: () => number, depth = 0): unknown {
  const kind = Math.floor(next() * (depth > 2 ? 5 : 8));
  if (kind === 0) return TEXTS[Math.floor(next() * TEXTS.length)];
  if (kind === 1) return Math.floor(next() * 1e6) - 5e5;
  if (kind === 2) return next() * 100;
  if (kind === 3) return next() < 0.5;
  if (kind === 4) return TEXTS[Math.floor(next() * TEXTS.length)];
  if (kind < 7) return Array.from({ length: Math.floor(next() * 4) }, () => anything(next, depth + 1));
  return Object.fromEntries(
    Array.from({ length: Math.floor(next() * 4) }, (_, index) => [`k${index}`, anything(next, depth + 1)]),
  );
}

test("what a field shows is what it writes, for any value in any field of any kind", () => {
  const next = numbers(14);
  for (let round = 0; round < 80; round += 1) {
    for (const [type, own] of Object.entries(CONFIG_KINDS)) {
      for (const field of [...own, ...fieldsOf({ type }).slice(own.length)]) {
        const value = anything(next);
        const read = written(faceOf(field, value), shown(field, value));
        expect(read).toEqual({ value });
      }
    }
  }
});

test("a config goes from fields to JSON and back without change", () => {
  const next = numbers(3);
  for (let round = 0; round < 200; round += 1) {
    const type = Object.keys(CONFIG_KINDS)[round % 6]!;
    const config = {
      type,
      __version__: "1.4.1",
      later: anything(next),
      image: anything(next),
      labels: ["b", "a"],
    };
    const read = readConfig(JSON.stringify(config, null, 2));
    expect(read).toEqual({ config });
    let again = read && "config" in read ? read.config : {};
    for (const field of fieldsOf(again)) {
      const value = again[field.name];
      if (value === undefined) continue;
      const wrote = written(faceOf(field, value), shown(field, value));
      again = withKey(again, field.name, "value" in wrote ? wrote.value : undefined);
    }
    expect(again).toEqual(config);
  }
});

test("another kind keeps what both have, and a field without a value is no key", () => {
  const docker = { type: "DockerRun", image: "a:1", ports: [1], env: { A: "1" }, labels: ["x"] };
  expect(withType(docker, "KubernetesRun")).toEqual({
    type: "KubernetesRun",
    image: "a:1",
    env: { A: "1" },
    labels: ["x"],
  });
  expect(withType(docker, "UniversalRun")).toEqual({ type: "UniversalRun", env: { A: "1" }, labels: ["x"] });
  expect(withKey(docker, "ports", undefined)).not.toHaveProperty("ports");
});

test("what is no config is said", () => {
  for (const text of ["", "[]", "null", "{", "{}", '{"type": "FargateRun"}'])
    expect(readConfig(text)).toHaveProperty("error");
  expect(written("numbers", "1, x")).toHaveProperty("error");
  expect(written("json", "{")).toHaveProperty("error");
});

test("a level of logging joins the environment that is there", () => {
  expect(withLevel({ type: "LocalRun", env: { A: "1" } }, "DEBUG").env).toEqual({
    A: "1",
    PREFECT__LOGGING__LEVEL: "DEBUG",
  });
  expect(withLevel(undefined, "INFO")).toEqual({
    type: "UniversalRun",
    env: { PREFECT__LOGGING__LEVEL: "INFO" },
  });
});
