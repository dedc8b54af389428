import { expect, test } from "vitest";
import { type ClockDraft, draftOf, inputsOf, problemOf } from "@/lib/clocks";

test("a clock of every kind is a draft, and the draft is what the API takes", () => {
  const given = { parameter_defaults: { region: "eu" }, labels: ["a", "b"] };
  const drafts = [
    draftOf({ cron: "0 6 * * *", ...given }),
    draftOf({ interval: 5_400_000_000 }),
    draftOf({ rrule_obj: { type: "rrule", rr: "DTSTART:20260101T000000\nRRULE:FREQ=DAILY" }, ...given }),
  ].filter((one) => one !== undefined);
  expect(drafts.map(problemOf)).toEqual([undefined, undefined, undefined]);
  expect(inputsOf(drafts)).toEqual({
    cron_clocks: [{ cron: "0 6 * * *", ...given }],
    interval_clocks: [{ interval: 5400 }],
    rrule_clocks: [{ rrule: "DTSTART:20260101T000000\nRRULE:FREQ=DAILY", ...given }],
  });
});

test("what can only be written in code is no draft", () => {
  expect(draftOf({ dates: ["2026-01-01"] })).toBeUndefined();
  expect(draftOf({ rrule_obj: { type: "rruleset" } })).toBeUndefined();
});

test("what is not complete is said", () => {
  const draft: ClockDraft = { kind: "cron", text: "0 6 * * *", parameters: "", labels: "" };
  expect(problemOf({ ...draft, parameters: "{" })).toMatch(/no JSON/);
  expect(problemOf({ ...draft, parameters: "[1]" })).toMatch(/object/);
  expect(problemOf({ ...draft, text: " " })).toBeDefined();
  for (const text of ["0.5", "x", "-1"])
    expect(problemOf({ ...draft, kind: "interval", text })).toMatch(/minute/);
});
