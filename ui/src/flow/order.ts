/** The order of tasks in lists. */

interface Task {
  id: string;
  name?: string | null;
  slug: string;
  type?: string | null;
}

/** Tasks in an order in which they can run; parameters, which do nothing, are left out. */
export function inOrder<T extends Task>(
  tasks: T[],
  edges: { upstream_task_id: string; downstream_task_id: string }[],
): T[] {
  const missing = new Map<string, number>();
  const below = new Map<string, string[]>();
  for (const edge of edges) {
    missing.set(edge.downstream_task_id, (missing.get(edge.downstream_task_id) ?? 0) + 1);
    const list = below.get(edge.upstream_task_id);
    if (list) list.push(edge.downstream_task_id);
    else below.set(edge.upstream_task_id, [edge.downstream_task_id]);
  }
  const byId = new Map(tasks.map((task) => [task.id, task]));
  const ready = tasks.filter((task) => !missing.get(task.id)).map((task) => task.id);
  const found: T[] = [];
  for (let index = 0; index < ready.length; index += 1) {
    const id = ready[index]!;
    const task = byId.get(id);
    if (task) found.push(task);
    for (const next of below.get(id) ?? []) {
      const left = (missing.get(next) ?? 1) - 1;
      missing.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  return found.filter((task) => !task.type?.endsWith("Parameter"));
}
