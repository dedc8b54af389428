import { describe, expect, it } from "vitest";
import { firstValues, jsonOf, kindOf, missing, readField, readJson, textOf } from "@/flow/run-model";

/** Values as people write them, and as they would never. */
function anything(next: () => number, depth = 3): unknown {
  const kind = Math.floor(next() * (depth > 0 ? 8 : 6));
  const texts = ["", "1", "true", "null", '"', "{}", "ü\n\u2028", " a ", "[1]", "\\", "0x1"];
  switch (kind) {
    case 0:
      return texts[Math.floor(next() * texts.length)];
    case 1:
      return Math.floor(next() * 2 ** 40) - 2 ** 39;
    case 2:
      return next() * 10 ** Math.floor(next() * 40 - 20);
    case 3:
      return next() < 0.5;
    case 4:
      return null;
    case 5:
      return -0;
    case 6:
      return Array.from({ length: Math.floor(next() * 4) }, () => anything(next, depth - 1));
    default:
      return Object.fromEntries(
        Array.from({ length: Math.floor(next() * 4) }, (_, index) => [
          `k${index}`,
          anything(next, depth - 1),
        ]),
      );
  }
}

function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1664525 + 1013904223) % 2 ** 32;
    return state / 2 ** 32;
  };
}

const asJson = (value: unknown) => JSON.parse(JSON.stringify(value));

describe("fields and JSON are two faces of one model", () => {
  it("a value survives its field, whatever it is", () => {
    const next = numbers(7);
    for (let round = 0; round < 3000; round += 1) {
      const value = asJson(anything(next));
      expect(readField(kindOf(value), textOf(value))).toEqual({ value });
    }
  });

  it("values survive the way from fields to JSON and back", () => {
    const next = numbers(11);
    for (let round = 0; round < 500; round += 1) {
      const values = asJson({ a: anything(next), b: anything(next), "c d": anything(next) });
      expect(readJson(jsonOf(values))).toEqual({ values });
    }
  });

  it("text that looks like a number stays text", () => {
    expect(readField(kindOf("1"), textOf("1"))).toEqual({ value: "1" });
    expect(readField("text", "true")).toEqual({ value: "true" });
  });

  it("what is no value yet is said, and never sent", () => {
    expect(readField("number", "1.")).toHaveProperty("error");
    expect(readField("json", "{")).toHaveProperty("error");
    expect(readJson("[1]")).toHaveProperty("error");
    expect(readJson("{")).toHaveProperty("error");
  });
});

describe("the first values of a form", () => {
  const declared = [
    { name: "day", required: true },
    { name: "size", required: false, default: 5 },
    { name: "note", required: false },
  ];

  it("are the flow's, and those of the group win", () => {
    expect(firstValues(declared, { size: 7 })).toEqual({ size: 7, note: null });
  });

  it("leave out what is required, and it is missing until somebody gives it", () => {
    expect(missing(declared, firstValues(declared, {}))).toEqual(["day"]);
    expect(missing(declared, { day: "" })).toEqual([]);
    expect(missing(declared, firstValues(declared, { day: null }))).toEqual([]);
  });
});
