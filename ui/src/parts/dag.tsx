/** A graph of tasks. Its layout is computed in a worker, and only what is in sight is drawn. */
import {
  Background,
  Controls,
  type Edge,
  Handle,
  MiniMap,
  type Node,
  type NodeProps,
  Position,
  ReactFlow,
  type ReactFlowInstance,
} from "@xyflow/react";
import "@xyflow/react/dist/style.css";
import { type RefObject, useEffect, useMemo, useRef, useState } from "react";
import { usePrefs } from "@/lib/prefs";
import { colourOf, family } from "@/lib/states";
import { count } from "@/lib/time";
import { cx, Skeleton } from "./basics";
import { HEIGHT, type LayoutEdge, type Placed, WIDTH } from "./layout";
import LayoutWorker from "./layout.worker?worker";
import { Overview, type View } from "./overview";
import { CountsBar, StateIcon } from "./state";

export interface DagTask {
  id: string;
  name: string;
  mapped: boolean;
  isParameter: boolean;
  state?: string | null;
  counts?: Record<string, number>;
}

export interface DagProps {
  tasks: DagTask[];
  edges: LayoutEdge[];
  chosen?: string;
  /** The task that is pointed at, here or elsewhere. */
  hovered?: string;
  onHover?: (id: string | undefined) => void;
  onChoose?: (id: string | undefined) => void;
  onOpen?: (id: string) => void;
}

/** With more than this, the view begins at the top and not with all of it. */
const MANY = 150;

type TaskNode = Node<{ task: DagTask; isChosen: boolean; isHovered: boolean }, "task">;

/** Layouts by graph: a flow is laid out once, however often its states change. */
const known = new Map<string, Placed>();

function useLayout(tasks: DagTask[], edges: LayoutEdge[]): Placed | undefined {
  const key = useMemo(() => `${tasks.map((task) => task.id).join()}|${edges.length}`, [tasks, edges]);
  const [placed, setPlaced] = useState(known.get(key));
  useEffect(() => {
    const found = known.get(key);
    setPlaced(found);
    if (found || tasks.length === 0) return;
    const worker = new LayoutWorker();
    worker.onmessage = (event: MessageEvent<Placed>) => {
      if (known.size > 30) known.clear();
      known.set(key, event.data);
      setPlaced(event.data);
      worker.terminate();
    };
    worker.postMessage({ ids: tasks.map((task) => task.id), edges, width: WIDTH, height: HEIGHT });
    return () => worker.terminate();
  }, [key]);
  return placed;
}

function TaskBox({ data }: NodeProps<TaskNode>) {
  const { task, isChosen, isHovered } = data;
  const total = task.counts ? Object.values(task.counts).reduce((sum, one) => sum + one, 0) : 0;
  return (
    <div
      className={cx(
        "flex flex-col justify-center gap-1 rounded-md border bg-raised px-2.5 text-sm",
        isChosen ? "border-text" : isHovered ? "border-muted bg-hover" : "border-line-strong",
        task.isParameter && "border-dashed",
        task.mapped && "shadow-[2px_2px_0_var(--line-strong)]",
        task.state === "TriggerFailed" && "hatched",
      )}
      style={{ width: WIDTH, height: HEIGHT }}
    >
      <Handle type="target" position={Position.Top} className="!invisible" />
      <div className="flex items-center gap-1.5">
        {task.state !== undefined && <StateIcon state={task.state} size={12} />}
        <span className="truncate" title={task.name}>
          {task.name}
        </span>
        {total > 0 && <span className="ml-auto shrink-0 text-xs text-muted">{count(total)}</span>}
      </div>
      {task.counts && total > 0 && <CountsBar counts={task.counts} className="!h-1.5" />}
      <Handle type="source" position={Position.Bottom} className="!invisible" />
    </div>
  );
}

const NODES = { task: TaskBox };

/** Pixels beyond the edge of the view in which boxes are there already. */
const MARGIN = 400;
const FIRST: View = { x: 0, y: 0, zoom: 0.7 };

/** The tasks in sight, and those that edges lead to from there. */
function useInSight(
  tasks: DagTask[],
  edges: LayoutEdge[],
  placed: Placed | undefined,
  view: View,
  box: RefObject<HTMLDivElement | null>,
) {
  return useMemo(() => {
    if (!placed || tasks.length <= MANY) return { tasks, edges };
    const width = box.current?.clientWidth ?? 1200;
    const height = box.current?.clientHeight ?? 800;
    const seen = new Set<string>();
    for (const task of tasks) {
      const at = placed.places[task.id];
      if (!at) continue;
      const x = at.x * view.zoom + view.x;
      const y = at.y * view.zoom + view.y;
      if (x > -MARGIN && x < width + MARGIN && y > -MARGIN && y < height + MARGIN) seen.add(task.id);
    }
    const near = edges.filter((edge) => seen.has(edge.from) || seen.has(edge.to));
    const wanted = new Set(seen);
    for (const edge of near) {
      wanted.add(edge.from);
      wanted.add(edge.to);
    }
    return { tasks: tasks.filter((task) => wanted.has(task.id)), edges: near };
  }, [tasks, edges, placed, view]);
}

export function Dag({ tasks, edges, chosen, hovered, onHover, onChoose, onOpen }: DagProps) {
  const placed = useLayout(tasks, edges);
  const box = useRef<HTMLDivElement>(null);
  const flow = useRef<ReactFlowInstance<TaskNode>>(null);
  const overview = useRef<(view: View) => void>(null);
  const isLarge = tasks.length > MANY;
  const start = useMemo<View>(() => {
    const failed = tasks.find((task) => task.state !== undefined && family(task.state) === "bad");
    const at = placed?.places[failed?.id ?? tasks[0]?.id ?? ""] ?? { x: 0, y: 0 };
    return { x: 300 - at.x * FIRST.zoom, y: 60 - at.y * FIRST.zoom, zoom: FIRST.zoom };
  }, [placed]);
  const [moved, setMoved] = useState<View>();
  const view = moved ?? start;
  const sight = useInSight(tasks, edges, placed, view, box);
  usePrefs(); // colours of the small map change with the theme
  const nodes = useMemo<TaskNode[]>(
    () =>
      placed
        ? sight.tasks.map((task) => ({
            id: task.id,
            type: "task",
            position: placed.places[task.id] ?? { x: 0, y: 0 },
            width: WIDTH,
            height: HEIGHT,
            data: { task, isChosen: task.id === chosen, isHovered: task.id === hovered },
            ariaLabel: task.name,
          }))
        : [],
    [placed, sight, chosen, hovered],
  );
  const lines = useMemo<Edge[]>(
    () =>
      [...new Map(sight.edges.map((edge) => [`${edge.from}-${edge.to}`, edge])).entries()].map(
        ([id, edge]) => ({
          id,
          source: edge.from,
          target: edge.to,
          style: {
            stroke: edge.from === chosen || edge.to === chosen ? "var(--text)" : "var(--line-strong)",
            strokeDasharray: edge.mapped ? "4 3" : undefined,
          },
        }),
      ),
    [sight, chosen],
  );
  if (!placed) return <Skeleton rows={5} />;
  return (
    <div ref={box} className="relative h-full min-h-80 w-full" data-testid="dag" data-nodes={tasks.length}>
      <ReactFlow
        nodes={nodes}
        edges={lines}
        nodeTypes={NODES}
        fitView={!isLarge}
        fitViewOptions={{ maxZoom: 1, minZoom: 0.5, padding: 0.12 }}
        defaultViewport={isLarge ? start : undefined}
        minZoom={0.3}
        maxZoom={1.5}
        nodesDraggable={false}
        nodesConnectable={false}
        edgesFocusable={false}
        onMove={
          isLarge
            ? (_, to) => {
                overview.current?.(to);
                const far = Math.abs(to.x - view.x) + Math.abs(to.y - view.y) > MARGIN / 3;
                if (far || to.zoom !== view.zoom) setMoved(to);
              }
            : undefined
        }
        onInit={(made) => {
          flow.current = made;
        }}
        onNodeMouseEnter={(_, node) => onHover?.(node.id)}
        onNodeMouseLeave={() => onHover?.(undefined)}
        onNodeClick={(_, node) => onChoose?.(node.id === chosen ? undefined : node.id)}
        onNodeDoubleClick={(_, node) => onOpen?.(node.id)}
        onPaneClick={() => onChoose?.(undefined)}
        proOptions={{ hideAttribution: true }}
      >
        <Background color="var(--line)" gap={20} />
        <Controls showInteractive={false} showFitView={!isLarge} />
        {tasks.length > 25 && !isLarge && (
          <MiniMap
            className="max-md:hidden"
            pannable
            zoomable
            nodeColor={(node) => {
              const state = (node as TaskNode).data.task.state;
              return state === undefined ? "#9995" : colourOf(family(state));
            }}
            bgColor="var(--panel)"
            maskColor="color-mix(in srgb, var(--hover) 60%, transparent)"
          />
        )}
      </ReactFlow>
      {isLarge && (
        <Overview
          tasks={tasks}
          placed={placed}
          box={box}
          first={view}
          moved={overview}
          onMove={(to) => {
            void flow.current?.setViewport(to);
            setMoved(to);
          }}
        />
      )}
    </div>
  );
}
