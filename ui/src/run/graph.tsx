/** The schematic of a run: its flow's tasks with the states they are in. */
import { useMemo } from "react";
import { useGql } from "@/api/query";
import { useGo } from "@/app/link";
import { Skeleton } from "@/parts/basics";
import { Dag } from "@/parts/lazy";
import { RUN_EDGES } from "./queries";
import type { RunTask } from "./tasks";

export function RunGraph({
  flowId,
  bars,
  chosen,
  hovered,
  onHover,
  onChoose,
}: {
  flowId: string;
  bars: RunTask[];
  chosen: string;
  hovered?: string;
  onHover: (taskId: string | undefined) => void;
  onChoose: (id: string | undefined) => void;
}) {
  const go = useGo();
  const { data } = useGql(RUN_EDGES, { flow: flowId });
  const edges = useMemo(
    () =>
      (data?.edge ?? []).map((edge) => ({
        from: edge.upstream_task_id,
        to: edge.downstream_task_id,
        mapped: edge.mapped,
      })),
    [data],
  );
  const tasks = useMemo(() => {
    const byTask = new Map(bars.map((bar) => [bar.taskId, bar]));
    return (data?.task ?? []).map((task) => {
      const bar = byTask.get(task.id);
      const isParameter = task.type?.endsWith("Parameter") ?? false;
      return {
        id: task.id,
        name: task.name ?? task.slug,
        mapped: task.mapped,
        isParameter,
        state: isParameter ? undefined : (bar?.state ?? null),
        counts: bar?.counts,
      };
    });
  }, [data, bars]);
  if (!data) return <Skeleton />;
  return (
    <Dag
      tasks={tasks}
      edges={edges}
      chosen={chosen}
      hovered={hovered}
      onHover={onHover}
      onChoose={onChoose}
      onOpen={(id) => {
        const bar = bars.find((one) => one.taskId === id);
        if (bar) go(`task-run/${bar.id}`);
      }}
    />
  );
}
