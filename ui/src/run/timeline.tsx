/** When each task ran, drawn on a canvas: thousands of bars cost no more than what is in sight. */
import { Minus, Plus, ScanLine } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { usePrefs } from "@/lib/prefs";
import { GROUPS, word } from "@/lib/states";
import { clockTime, count, duration } from "@/lib/time";
import { IconButton, useNow } from "@/parts/basics";
import { type Bar, HEAD, Painter, ROW } from "./painter";

/** The children of a mapped task that is opened: as many as there are, and those in sight known. */
export interface Opened {
  /** The bar that they stand under. */
  id: string;
  count: number;
  bar: (index: number) => Bar | undefined;
  show: (first: number, last: number) => void;
}

interface Props {
  bars: Bar[];
  opened?: Opened;
  hovered?: string;
  onHover?: (id: string | undefined) => void;
  begin: number;
  /** End of the run; while it goes on the clock is. */
  end?: number;
  chosen?: string;
  onChoose: (id: string | undefined) => void;
}

export function Timeline({ bars, opened, begin, end, chosen, hovered, onHover, onChoose }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const box = useRef<HTMLDivElement>(null);
  const [size, setSize] = useState({ width: 600, height: 300 });
  const [scroll, setScroll] = useState(0);
  const [zoom, setZoom] = useState<[number, number]>();
  const [hover, setHover] = useState<number>();
  const [isCritical, setCritical] = useState(false);
  const prefs = usePrefs();
  const now = useNow();
  const until = Math.max(end ?? now, begin + 1000);
  const labelWidth = size.width < 480 ? 96 : 168;
  const padding = (until - begin) * 0.02;
  const [from, to] = zoom ?? [begin, until + padding];
  const tops = useMemo(() => (isCritical ? criticalPath(bars) : bars), [bars, isCritical]);
  const openAt = opened ? tops.findIndex((bar) => bar.id === opened.id) : -1;
  const nChildren = openAt < 0 ? 0 : (opened?.count ?? 0);
  const length = tops.length + nChildren;
  /** The bar of a row; of a child that is not read yet, none. */
  const barAt = (row: number): Bar | undefined =>
    row <= openAt || openAt < 0
      ? tops[row]
      : row <= openAt + nChildren
        ? opened?.bar(row - openAt - 1)
        : tops[row - nChildren];
  const first = Math.max(0, Math.floor(scroll / ROW));
  const last = Math.min(length, Math.ceil((scroll + size.height) / ROW));
  useEffect(() => {
    if (nChildren > 0) opened?.show(Math.max(0, first - openAt - 1), Math.max(0, last - openAt - 1));
  }, [first, last, openAt, nChildren]);

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const observer = new ResizeObserver(() =>
      setSize({ width: element.clientWidth, height: element.clientHeight }),
    );
    observer.observe(element);
    return () => observer.disconnect();
  }, []);

  useEffect(() => {
    const element = canvas.current;
    const draw = element?.getContext("2d");
    if (!element || !draw) return;
    const ratio = window.devicePixelRatio || 1;
    element.width = size.width * ratio;
    element.height = size.height * ratio;
    draw.scale(ratio, ratio);
    const painter = new Painter(draw, size, labelWidth, from, to);
    painter.axis();
    for (let index = first; index < last; index += 1) {
      const bar = barAt(index);
      if (!bar) continue;
      const isHovered = index === hover || bar.id === hovered;
      painter.bar(bar, HEAD + index * ROW - scroll, isHovered, bar.id === chosen, until);
    }
    painter.cover();
    if (end === undefined) painter.now(now);
  }, [tops, opened, size, scroll, from, to, hover, hovered, chosen, now, prefs, labelWidth, until]);

  function indexAt(clientY: number): number | undefined {
    const rectangle = canvas.current?.getBoundingClientRect();
    if (!rectangle) return undefined;
    const index = Math.floor((clientY - rectangle.top - HEAD + scroll) / ROW);
    return clientY - rectangle.top >= HEAD && barAt(index) ? index : undefined;
  }

  function scale(factor: number, around = 0.5) {
    const middle = from + (to - from) * around;
    const width = Math.max(200, (to - from) * factor);
    if (width >= (until - begin) * 1.02) setZoom(undefined);
    else setZoom([middle - width * around, middle + width * (1 - around)]);
  }

  function step(by: number) {
    const at = tops.findIndex((bar) => bar.id === chosen);
    const next = tops[Math.min(tops.length - 1, Math.max(0, at + by))];
    if (next) onChoose(next.id);
  }

  function point(index: number | undefined) {
    setHover(index);
    const bar = index === undefined ? undefined : barAt(index);
    onHover?.(bar && !bar.isChild ? bar.id : undefined);
  }

  const found = hover === undefined ? undefined : barAt(hover);
  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <div className="flex h-9 shrink-0 items-center gap-1 border-b border-line px-2 text-xs text-muted">
        <span className="min-w-0 flex-1 truncate" aria-live="off">
          {found ? describe(found, until) : "Hover a bar; click to follow the task in log and graph"}
        </span>
        <button
          type="button"
          aria-pressed={isCritical}
          onClick={() => setCritical(!isCritical)}
          className={`rounded px-1.5 py-0.5 hover:bg-hover ${isCritical ? "bg-hover text-text" : ""}`}
        >
          critical path
        </button>
        <IconButton label="Zoom in" className="!size-7" onClick={() => scale(0.5)}>
          <Plus size={13} />
        </IconButton>
        <IconButton label="Zoom out" className="!size-7" onClick={() => scale(2)}>
          <Minus size={13} />
        </IconButton>
        <IconButton label="Show all" className="!size-7" onClick={() => setZoom(undefined)}>
          <ScanLine size={13} />
        </IconButton>
      </div>
      <div
        ref={box}
        className="relative min-h-0 flex-1 overflow-y-auto overflow-x-hidden"
        role="listbox"
        aria-label={`Timeline of ${tops.length} tasks; all of them are in the tab Tasks, too`}
        tabIndex={0}
        onScroll={(event) => setScroll(event.currentTarget.scrollTop)}
        onKeyDown={(event) => {
          if (event.key === "ArrowDown" || event.key === "ArrowUp") {
            event.preventDefault();
            step(event.key === "ArrowDown" ? 1 : -1);
          } else if (event.key === "Escape") onChoose(undefined);
        }}
        onWheel={(event) => {
          if (!event.ctrlKey && !event.metaKey) return;
          const rectangle = event.currentTarget.getBoundingClientRect();
          const share = (event.clientX - rectangle.left - labelWidth) / (size.width - labelWidth);
          scale(event.deltaY > 0 ? 1.25 : 0.8, Math.min(1, Math.max(0, share)));
        }}
      >
        <div style={{ height: length * ROW + HEAD + 8 }}>
          <canvas
            ref={canvas}
            data-testid="timeline"
            data-bars={length}
            className="sticky top-0 block cursor-pointer"
            style={{ width: size.width, height: size.height }}
            onMouseMove={(event) => point(indexAt(event.clientY))}
            onMouseLeave={() => point(undefined)}
            onClick={(event) => {
              const index = indexAt(event.clientY);
              const bar = index === undefined ? undefined : barAt(index);
              onChoose(bar && bar.id !== chosen ? bar.id : undefined);
            }}
          />
        </div>
      </div>
    </div>
  );
}

function describe(bar: Bar, until: number): string {
  const parts = [bar.label, word(bar.state)];
  if (bar.start !== undefined)
    parts.push(`${clockTime(bar.start)} · ${duration((bar.end ?? until) - bar.start)}`);
  const waited = bar.ready === undefined ? 0 : (bar.start ?? until) - bar.ready;
  if (waited > 500) parts.push(`waited ${duration(waited)}`);
  if (bar.retries.length) parts.push(`${bar.retries.length} retries`);
  if (bar.counts) {
    for (const group of GROUPS) {
      const number = group.states.reduce((sum, state) => sum + (bar.counts?.[state] ?? 0), 0);
      if (number) parts.push(`${count(number)} ${group.label.toLowerCase()}`);
    }
  }
  return parts.join(" · ");
}

/** The bars that decided how long it took: from the one that ended last back to what ended just before. */
function criticalPath(bars: Bar[]): Bar[] {
  const ran = bars.filter((bar) => bar.start !== undefined);
  const endOf = (bar: Bar) => bar.end ?? Number.POSITIVE_INFINITY;
  const path: Bar[] = [];
  let at = ran.reduce<Bar | undefined>(
    (best, bar) => (!best || endOf(bar) > endOf(best) ? bar : best),
    undefined,
  );
  while (at) {
    path.unshift(at);
    const start = at.start!;
    at = ran
      .filter((bar) => endOf(bar) <= start + 50 && !path.includes(bar))
      .reduce<Bar | undefined>((best, bar) => (!best || endOf(bar) > endOf(best) ? bar : best), undefined);
  }
  return path;
}
