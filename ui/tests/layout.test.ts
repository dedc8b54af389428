import { describe, expect, it } from "vitest";
import { place } from "@/parts/layout";

const WIDTH = 172;
const HEIGHT = 44;

function large(tasks: number) {
  const ids = Array.from({ length: tasks }, (_, index) => `t${index}`);
  const edges = ids.flatMap((to, index) =>
    index < 20
      ? []
      : [0, 7].map((offset) => ({ from: `t${index - 20 - (index % 20) + ((index + offset) % 20)}`, to })),
  );
  return { ids, edges };
}

describe("a layout", () => {
  const cases: [string, string[], [string, string][]][] = [
    [
      "of a chain",
      ["a", "b", "c"],
      [
        ["a", "b"],
        ["b", "c"],
      ],
    ],
    [
      "of a diamond",
      ["a", "b", "c", "d"],
      [
        ["a", "b"],
        ["a", "c"],
        ["b", "d"],
        ["c", "d"],
      ],
    ],
    [
      "of an edge over layers",
      ["a", "b", "c"],
      [
        ["a", "b"],
        ["b", "c"],
        ["a", "c"],
      ],
    ],
    ["of tasks without edges", ["a", "b", "c"], []],
    ["of one task", ["a"], []],
    [
      "of two edges between two tasks",
      ["a", "b"],
      [
        ["a", "b"],
        ["a", "b"],
      ],
    ],
  ];

  for (const [name, ids, pairs] of cases) {
    it(`${name} points down, and no boxes overlap`, () => {
      check(
        ids,
        pairs.map(([from, to]) => ({ from, to })),
      );
    });
  }

  it("of 2,000 tasks points down, and no boxes overlap", () => {
    const { ids, edges } = large(2000);
    const started = performance.now();
    check(ids, edges);
    console.info(`2,000 tasks: ${Math.round(performance.now() - started)} ms`);
  });

  it("puts a parameter right above what needs it", () => {
    const { places } = place(
      ["a", "b", "c", "p"],
      [
        { from: "a", to: "b" },
        { from: "b", to: "c" },
        { from: "p", to: "c" },
      ],
      WIDTH,
      HEIGHT,
    );
    expect(places.p!.y).toBe(places.b!.y);
  });

  it("of nothing is nothing", () => {
    expect(place([], [], WIDTH, HEIGHT)).toEqual({ places: {} });
  });

  function check(ids: string[], edges: { from: string; to: string }[]) {
    const { places } = place(ids, edges, WIDTH, HEIGHT);
    expect(Object.keys(places).sort()).toEqual([...ids].sort());
    for (const edge of edges) expect(places[edge.to]!.y).toBeGreaterThan(places[edge.from]!.y);
    const layers = new Map<number, number[]>();
    for (const { x, y } of Object.values(places)) layers.set(y, [...(layers.get(y) ?? []), x]);
    for (const xs of layers.values()) {
      xs.sort((a, b) => a - b);
      for (let index = 1; index < xs.length; index += 1)
        expect(xs[index]! - xs[index - 1]!).toBeGreaterThanOrEqual(WIDTH);
    }
  }
});
