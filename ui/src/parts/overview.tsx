/** All of a large graph in a corner, drawn once on a canvas: where one is, and where what failed is. */
import { type MutableRefObject, type PointerEvent, type RefObject, useEffect, useMemo, useRef } from "react";
import { usePrefs } from "@/lib/prefs";
import { colourOf, type Family, family } from "@/lib/states";
import type { DagTask } from "./dag";
import { HEIGHT, type Placed, WIDTH } from "./layout";

export interface View {
  x: number;
  y: number;
  zoom: number;
}

interface Props {
  tasks: DagTask[];
  placed: Placed;
  /** The element that the graph is seen through. */
  box: RefObject<HTMLDivElement | null>;
  first: View;
  /** Is given what to call when the view moves. */
  moved: MutableRefObject<((view: View) => void) | null>;
  onMove: (view: View) => void;
}

const MOST_WIDTH = 220;
const MOST_HEIGHT = 150;
/** What must not be painted over is painted last. */
const ORDER: Family[] = ["waiting", "good", "ended", "running", "paused", "bad"];

export function Overview({ tasks, placed, box, first, moved, onMove }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const frame = useRef<HTMLDivElement>(null);
  const view = useRef(first);
  const prefs = usePrefs();
  const extent = useMemo(() => {
    const places = Object.values(placed.places);
    const left = places.reduce((least, at) => Math.min(least, at.x), Number.POSITIVE_INFINITY);
    const top = places.reduce((least, at) => Math.min(least, at.y), Number.POSITIVE_INFINITY);
    const width = places.reduce((most, at) => Math.max(most, at.x), left) - left + WIDTH;
    const height = places.reduce((most, at) => Math.max(most, at.y), top) - top + HEIGHT;
    // A graph that is a long strip is not drawn true to scale: it would be a line.
    return {
      left,
      top,
      scaleX: MOST_WIDTH / width,
      scaleY: Math.min(MOST_HEIGHT / height, MOST_WIDTH / 800),
    };
  }, [placed]);
  const { left, top, scaleX, scaleY } = extent;

  useEffect(() => {
    const draw = canvas.current?.getContext("2d");
    if (!draw) return;
    const ratio = window.devicePixelRatio || 1;
    draw.canvas.width = MOST_WIDTH * ratio;
    draw.canvas.height = MOST_HEIGHT * ratio;
    draw.scale(ratio, ratio);
    const kinds = new Map<Family, DagTask[]>();
    for (const task of tasks) {
      const kind = task.state === undefined ? "waiting" : family(task.state);
      const same = kinds.get(kind);
      if (same) same.push(task);
      else kinds.set(kind, [task]);
    }
    for (const kind of ORDER) {
      draw.fillStyle = colourOf(kind);
      const least = kind === "bad" ? 4 : 1.5;
      for (const task of kinds.get(kind) ?? []) {
        const at = placed.places[task.id];
        if (!at) continue;
        const width = Math.max(least, WIDTH * scaleX * 0.8);
        const height = Math.max(least, HEIGHT * scaleY * 0.8);
        draw.fillRect((at.x - left) * scaleX, (at.y - top) * scaleY, width, height);
      }
    }
  }, [tasks, placed, extent, prefs]);

  function show(to: View): void {
    view.current = to;
    const element = frame.current;
    const around = box.current;
    if (!element || !around) return;
    element.style.left = `${(-to.x / to.zoom - left) * scaleX}px`;
    element.style.top = `${(-to.y / to.zoom - top) * scaleY}px`;
    element.style.width = `${Math.max(4, (around.clientWidth / to.zoom) * scaleX)}px`;
    element.style.height = `${Math.max(4, (around.clientHeight / to.zoom) * scaleY)}px`;
  }
  moved.current = show;
  useEffect(() => show(view.current), [extent]);

  function jump(event: PointerEvent<HTMLDivElement>): void {
    const around = box.current;
    if (!around || event.buttons === 0) return;
    const rectangle = event.currentTarget.getBoundingClientRect();
    const { zoom } = view.current;
    const to = {
      x: around.clientWidth / 2 - ((event.clientX - rectangle.left) / scaleX + left) * zoom,
      y: around.clientHeight / 2 - ((event.clientY - rectangle.top) / scaleY + top) * zoom,
      zoom,
    };
    show(to);
    onMove(to);
  }

  return (
    <div
      data-testid="overview"
      className="absolute bottom-3 right-3 cursor-crosshair overflow-hidden rounded-md border border-line-strong bg-panel max-md:hidden"
      style={{ width: MOST_WIDTH, height: MOST_HEIGHT }}
      aria-hidden
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId);
        jump(event);
      }}
      onPointerMove={jump}
    >
      <canvas ref={canvas} className="block size-full" />
      <div ref={frame} className="pointer-events-none absolute border border-text bg-text/10" />
    </div>
  );
}
