/** When each task ran, drawn on a canvas: thousands of bars cost no more than what is in sight. */
import { Minus, Plus, ScanLine } from "lucide-react";
import { useEffect, useMemo, useRef, useState } from "react";
import { usePrefs } from "@/lib/prefs";
import { colourOf, type Family, family, GROUPS, hasEnded, word } from "@/lib/states";
import { clockTime, count, duration, hourMinute } from "@/lib/time";
import { IconButton, useNow } from "@/parts/basics";

export interface Bar {
  id: string;
  label: string;
  state: string | null;
  start?: number;
  end?: number;
  /** Of a mapped task: its children by state. */
  counts?: Record<string, number>;
  /** Stands under another one: a child of a mapped task. */
  isChild?: boolean;
  /** Moments at which it was tried again. */
  retries: number[];
}

interface Props {
  bars: Bar[];
  begin: number;
  /** End of the run; while it goes on the clock is. */
  end?: number;
  chosen?: string;
  onChoose: (id: string | undefined) => void;
}

const ROW = 26;
const HEAD = 24;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map(
  (s) => s * 1000,
);

export function Timeline({ bars, begin, end, chosen, onChoose }: Props) {
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
  const shown = useMemo(() => (isCritical ? criticalPath(bars) : bars), [bars, isCritical]);

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
    const first = Math.max(0, Math.floor(scroll / ROW));
    const last = Math.min(shown.length, Math.ceil((scroll + size.height) / ROW));
    for (let index = first; index < last; index += 1) {
      const bar = shown[index]!;
      painter.bar(bar, HEAD + index * ROW - scroll, index === hover, bar.id === chosen, until);
    }
    painter.cover();
    if (end === undefined) painter.now(now);
  }, [shown, size, scroll, from, to, hover, chosen, now, prefs, labelWidth, until]);

  function indexAt(clientY: number): number | undefined {
    const rectangle = canvas.current?.getBoundingClientRect();
    if (!rectangle) return undefined;
    const index = Math.floor((clientY - rectangle.top - HEAD + scroll) / ROW);
    return clientY - rectangle.top >= HEAD && shown[index] ? index : undefined;
  }

  function scale(factor: number, around = 0.5) {
    const middle = from + (to - from) * around;
    const width = Math.max(200, (to - from) * factor);
    if (width >= (until - begin) * 1.02) setZoom(undefined);
    else setZoom([middle - width * around, middle + width * (1 - around)]);
  }

  function step(by: number) {
    const at = shown.findIndex((bar) => bar.id === chosen);
    const next = shown[Math.min(shown.length - 1, Math.max(0, at + by))];
    if (next) onChoose(next.id);
  }

  const found = hover === undefined ? undefined : shown[hover];
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
        aria-label={`Timeline of ${shown.length} tasks; all of them are in the tab Tasks, too`}
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
        <div style={{ height: shown.length * ROW + HEAD + 8 }}>
          <canvas
            ref={canvas}
            data-testid="timeline"
            data-bars={shown.length}
            className="sticky top-0 block cursor-pointer"
            style={{ width: size.width, height: size.height }}
            onMouseMove={(event) => setHover(indexAt(event.clientY))}
            onMouseLeave={() => setHover(undefined)}
            onClick={(event) => {
              const index = indexAt(event.clientY);
              const bar = index === undefined ? undefined : shown[index];
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

class Painter {
  private readonly style = getComputedStyle(document.documentElement);
  private readonly colours = new Map<string, string>();

  constructor(
    private readonly draw: CanvasRenderingContext2D,
    private readonly size: { width: number; height: number },
    private readonly left: number,
    private readonly from: number,
    private readonly to: number,
  ) {
    draw.clearRect(0, 0, size.width, size.height);
    draw.font = "12px system-ui, sans-serif";
    draw.textBaseline = "middle";
  }

  private variable(name: string): string {
    return this.style.getPropertyValue(name).trim();
  }

  private colour(name: Family): string {
    let found = this.colours.get(name);
    if (!found) {
      found = colourOf(name);
      this.colours.set(name, found);
    }
    return found;
  }

  x(at: number): number {
    return this.left + ((at - this.from) / (this.to - this.from)) * (this.size.width - this.left - 8);
  }

  axis(): void {
    const { draw } = this;
    const width = this.size.width - this.left;
    const step = STEPS.find((one) => ((this.to - this.from) / one) * 70 < width) ?? STEPS.at(-1)!;
    for (let at = Math.ceil(this.from / step) * step; at < this.to; at += step) {
      const x = Math.round(this.x(at)) + 0.5;
      draw.strokeStyle = this.variable("--line");
      draw.beginPath();
      draw.moveTo(x, HEAD);
      draw.lineTo(x, this.size.height);
      draw.stroke();
    }
  }

  /** What must not be painted over: the times at the top. */
  cover(): void {
    const { draw } = this;
    draw.fillStyle = this.variable("--page");
    draw.fillRect(0, 0, this.size.width, HEAD);
    const width = this.size.width - this.left;
    const step = STEPS.find((one) => ((this.to - this.from) / one) * 70 < width) ?? STEPS.at(-1)!;
    draw.fillStyle = this.variable("--muted");
    draw.textAlign = "center";
    draw.font = "11px system-ui, sans-serif";
    for (let at = Math.ceil(this.from / step) * step; at < this.to; at += step) {
      const x = this.x(at);
      if (x > this.left + 20 && x < this.size.width - 24)
        draw.fillText(step < 60_000 ? clockTime(at) : hourMinute(at), x, HEAD / 2);
    }
  }

  bar(bar: Bar, top: number, isHovered: boolean, isChosen: boolean, until: number): void {
    const { draw } = this;
    if (isHovered || isChosen) {
      draw.fillStyle = this.variable(isChosen ? "--hover" : "--panel");
      draw.fillRect(0, top, this.size.width, ROW);
    }
    draw.save();
    draw.beginPath();
    draw.rect(0, top, this.left - 8, ROW);
    draw.clip();
    draw.font = "12px system-ui, sans-serif";
    draw.textAlign = "left";
    draw.fillStyle = this.variable(bar.start === undefined ? "--muted" : "--text");
    draw.fillText(bar.label, bar.isChild ? 26 : 12, top + ROW / 2);
    draw.restore();
    draw.save();
    draw.beginPath();
    draw.rect(this.left, top, this.size.width - this.left, ROW);
    draw.clip();
    if (bar.start !== undefined) this.block(bar, top, until);
    else if (bar.state === "TriggerFailed") this.hatched(top);
    draw.restore();
  }

  private block(bar: Bar, top: number, until: number): void {
    const { draw } = this;
    const isOpen = bar.end === undefined;
    const left = this.x(bar.start!);
    const right = Math.max(this.x(bar.end ?? until), left + 3);
    const y = top + 6;
    const height = ROW - 12;
    if (bar.counts) this.stacked(bar.counts, left, right, y, height);
    else {
      draw.fillStyle = this.colour(family(bar.state));
      draw.globalAlpha = bar.state === "Cached" ? 0.6 : isOpen && !hasEnded(bar.state) ? 0.75 : 1;
      draw.beginPath();
      draw.roundRect(left, y, right - left, height, 2);
      draw.fill();
      draw.globalAlpha = 1;
    }
    draw.fillStyle = this.variable("--page");
    for (const retry of bar.retries) draw.fillRect(this.x(retry) - 1, y, 2, height);
    const text = bar.counts
      ? summary(bar.counts)
      : bar.retries.length
        ? `${bar.retries.length}× retried`
        : "";
    if (text) this.note(text, left, right, top);
  }

  private note(text: string, left: number, right: number, top: number): void {
    const { draw } = this;
    draw.font = "11px system-ui, sans-serif";
    draw.fillStyle = this.variable("--muted");
    draw.textAlign = "left";
    const width = draw.measureText(text).width;
    if (right + 8 + width < this.size.width) draw.fillText(text, right + 6, top + ROW / 2);
    else if (right - left > width + 16) {
      draw.fillStyle = this.variable("--page");
      draw.fillText(text, right - 8 - width, top + ROW / 2);
    } else if (left - 8 - width > this.left) draw.fillText(text, left - 6 - width, top + ROW / 2);
  }

  private stacked(
    counts: Record<string, number>,
    left: number,
    right: number,
    y: number,
    height: number,
  ): void {
    const { draw } = this;
    const total = Object.values(counts).reduce((sum, one) => sum + one, 0) || 1;
    let x = left;
    const order = [...GROUPS].reverse();
    for (const group of order) {
      const number = group.states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
      if (!number) continue;
      const width = Math.max((number / total) * (right - left), group.key === "bad" ? 4 : 1);
      draw.fillStyle = this.colour(group.key);
      draw.fillRect(Math.min(x, right - width), y, width, height);
      x += width;
    }
  }

  private hatched(top: number): void {
    const { draw } = this;
    draw.strokeStyle = this.colour("bad");
    draw.font = "11px system-ui, sans-serif";
    draw.fillStyle = this.variable("--muted");
    draw.textAlign = "left";
    draw.beginPath();
    for (let x = 0; x < 24; x += 5) {
      draw.moveTo(this.left + x, top + ROW - 7);
      draw.lineTo(this.left + x + 6, top + 7);
    }
    draw.stroke();
    draw.fillText("trigger failed", this.left + 36, top + ROW / 2);
  }

  now(at: number): void {
    const { draw } = this;
    const x = Math.round(this.x(at)) + 0.5;
    if (x < this.left || x > this.size.width) return;
    draw.strokeStyle = this.colour("running");
    draw.setLineDash([3, 3]);
    draw.beginPath();
    draw.moveTo(x, HEAD);
    draw.lineTo(x, this.size.height);
    draw.stroke();
    draw.setLineDash([]);
  }
}

function summary(counts: Record<string, number>): string {
  const signs: Partial<Record<Family, string>> = {
    good: "✓",
    bad: "✕",
    running: "▶",
    waiting: "○",
    ended: "■",
    paused: "✋",
  };
  const parts: string[] = [];
  for (const group of [...GROUPS].reverse()) {
    const number = group.states.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
    if (number) parts.push(`${count(number)} ${signs[group.key] ?? ""}`);
  }
  return parts.join("  ");
}
