/** Draws a timeline on a canvas: axis, bars, what they waited for, retries, counts, and where now is. */
import { colourOf, type Family, family, GROUPS, hasEnded } from "@/lib/states";
import { clockTime, count, hourMinute } from "@/lib/time";

export interface Bar {
  id: string;
  label: string;
  state: string | null;
  /** When all that it needs was done: from then to its start it waited for a place. */
  ready?: number;
  start?: number;
  end?: number;
  /** Of a mapped task: its children by state. */
  counts?: Record<string, number>;
  /** Stands under another one: a child of a mapped task. */
  isChild?: boolean;
  /** Moments at which it was tried again. */
  retries: number[];
}

export const ROW = 26;
export const HEAD = 24;
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400].map(
  (s) => s * 1000,
);

export class Painter {
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
    this.lead(bar, top, until);
    if (bar.start !== undefined) this.block(bar, top, until);
    else if (bar.state === "TriggerFailed") this.hatched(top);
    draw.restore();
  }

  /** The time that it waited although it could have run, as a thin line. */
  private lead(bar: Bar, top: number, until: number): void {
    if (bar.ready === undefined || (bar.start === undefined && hasEnded(bar.state))) return;
    const left = this.x(bar.ready);
    const right = this.x(bar.start ?? until);
    if (right - left < 2) return;
    this.draw.fillStyle = this.colour("waiting");
    this.draw.globalAlpha = 0.7;
    this.draw.fillRect(left, top + ROW / 2 - 1, right - left, 2);
    this.draw.fillRect(left, top + ROW / 2 - 4, 1, 8);
    this.draw.globalAlpha = 1;
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
