import { expect, test } from "vitest";
import { type RunTask, withReady } from "@/run/tasks";

const task = (taskId: string, start?: number, end?: number, state = "Success"): RunTask => ({
  id: `run of ${taskId}`,
  taskId,
  label: taskId,
  state,
  start,
  end,
  retries: [],
});
const edge = (from: string, to: string) => ({ upstream_task_id: from, downstream_task_id: to });

test("a task is ready when the last of those that it needs has ended", () => {
  const bars = [task("a", 10, 20), task("b", 10, 35), task("c", 40, 50)];
  const found = withReady(bars, [edge("a", "c"), edge("b", "c"), edge("parameter", "c")], 5);
  expect(found.map((bar) => bar.ready)).toEqual([5, 5, 35]);
});

test("a task is not ready while one that it needs goes on, whatever came first", () => {
  const bars = [
    task("a", 10, undefined, "Running"),
    task("b", 10, 35),
    task("c", undefined, undefined, "Pending"),
  ];
  for (const edges of [
    [edge("a", "c"), edge("b", "c")],
    [edge("b", "c"), edge("a", "c")],
  ])
    expect(withReady(bars, edges, 5)[2]?.ready).toBeUndefined();
});

test("nothing is ready in a run that has not begun", () => {
  expect(withReady([task("a")], [], undefined)[0]?.ready).toBeUndefined();
});
