/**
 * Places tasks in layers, so that edges point down and cross little.
 *
 * Layers by the longest path from a root; order within layers by sweeps of barycentres; then each layer is
 * moved towards the middle of its neighbours. Linear in edges for each sweep: 2,000 tasks take some tens of
 * milliseconds.
 */

export interface LayoutEdge {
  from: string;
  to: string;
  mapped?: boolean;
}

export interface Placed {
  places: Record<string, { x: number; y: number }>;
}

/** The box of a task, in pixels. */
export const WIDTH = 172;
export const HEIGHT = 44;
const SWEEPS = 12;
const GAP_X = 28;
const GAP_Y = 48;

interface Box {
  id: string;
  layer: number;
  /** Stands for a place that a long edge passes. */
  isPassage: boolean;
  up: Box[];
  down: Box[];
  order: number;
  x: number;
}

export function place(ids: string[], edges: LayoutEdge[], width: number, height: number): Placed {
  const boxes = new Map<string, Box>(
    ids.map((id) => [id, { id, layer: 0, isPassage: false, up: [], down: [], order: 0, x: 0 }]),
  );
  const pairs: [Box, Box][] = [];
  const seen = new Set<string>();
  for (const edge of edges) {
    const from = boxes.get(edge.from);
    const to = boxes.get(edge.to);
    const key = `${edge.from}>${edge.to}`;
    if (!from || !to || from === to || seen.has(key)) continue;
    seen.add(key);
    pairs.push([from, to]);
  }
  layer(boxes, pairs);
  const layers = passages(boxes, pairs);
  for (let sweep = 0; sweep < SWEEPS; sweep += 1) order(layers, sweep % 2 === 0);
  spread(layers, width);
  const places: Placed["places"] = {};
  for (const box of boxes.values())
    places[box.id] = { x: Math.round(box.x), y: box.layer * (height + GAP_Y) };
  return { places };
}

function layer(boxes: Map<string, Box>, pairs: [Box, Box][]): void {
  const below = new Map<Box, Box[]>();
  const missing = new Map<Box, number>();
  for (const [from, to] of pairs) {
    below.set(from, [...(below.get(from) ?? []), to]);
    missing.set(to, (missing.get(to) ?? 0) + 1);
  }
  const ready = [...boxes.values()].filter((box) => !missing.get(box));
  const sorted: Box[] = [];
  for (let box = ready.shift(); box; box = ready.shift()) {
    sorted.push(box);
    for (const next of below.get(box) ?? []) {
      next.layer = Math.max(next.layer, box.layer + 1);
      const left = missing.get(next)! - 1;
      missing.set(next, left);
      if (left === 0) ready.push(next);
    }
  }
  // What nothing comes before stands just above what needs it: parameters would all be at the top otherwise.
  const needy = new Set(pairs.map(([, to]) => to));
  for (const box of sorted) {
    const after = below.get(box) ?? [];
    if (after.length && !needy.has(box)) box.layer = Math.min(...after.map((next) => next.layer)) - 1;
  }
}

function passages(boxes: Map<string, Box>, pairs: [Box, Box][]): Box[][] {
  const layers: Box[][] = [];
  const add = (box: Box) => {
    layers[box.layer] ??= [];
    box.order = layers[box.layer]!.length;
    layers[box.layer]!.push(box);
  };
  for (const box of boxes.values()) add(box);
  for (const [from, to] of pairs) {
    let above = from;
    for (let at = from.layer + 1; at < to.layer; at += 1) {
      const passage: Box = { id: "", layer: at, isPassage: true, up: [above], down: [], order: 0, x: 0 };
      above.down.push(passage);
      add(passage);
      above = passage;
    }
    above.down.push(to);
    to.up.push(above);
  }
  return Array.from(layers, (boxesOf) => boxesOf ?? []);
}

function order(layers: Box[][], isDown: boolean): void {
  const sequence = isDown ? layers : [...layers].reverse();
  for (const boxes of sequence) {
    const weight = new Map<Box, number>();
    for (const box of boxes) {
      const near = isDown ? box.up : box.down;
      weight.set(box, near.length ? near.reduce((sum, one) => sum + one.order, 0) / near.length : box.order);
    }
    boxes.sort((a, b) => weight.get(a)! - weight.get(b)! || a.order - b.order);
    boxes.forEach((box, index) => {
      box.order = index;
    });
  }
}

function spread(layers: Box[][], width: number): void {
  const room = (box: Box) => (box.isPassage ? 24 : width + GAP_X);
  for (const boxes of layers) {
    const total = boxes.reduce((sum, box) => sum + room(box), 0);
    let x = -total / 2;
    for (const box of boxes) {
      box.x = x + (room(box) - (box.isPassage ? 0 : width)) / 2;
      x += room(box);
    }
  }
  const middle = (box: Box) => box.x + (box.isPassage ? 0 : width / 2);
  for (let sweep = 0; sweep < 8; sweep += 1) {
    const isDown = sweep % 2 === 0;
    for (const boxes of isDown ? layers : [...layers].reverse()) {
      const wanted = boxes.map((box) => {
        const near = isDown ? box.up : box.down;
        return near.length ? near.reduce((sum, one) => sum + middle(one), 0) / near.length : middle(box);
      });
      settle(boxes, wanted, room, width);
    }
  }
}

/** Moves boxes of a layer to where they want to be, as far as their order and width allow. */
function settle(boxes: Box[], wanted: number[], room: (box: Box) => number, width: number): void {
  // Neighbours that want to overlap become a block that stands around the mean of their wishes.
  interface Block {
    from: number;
    to: number;
    sum: number;
    left: number;
    size: number;
  }
  const blocks: Block[] = [];
  boxes.forEach((box, index) => {
    let block: Block = {
      from: index,
      to: index,
      sum: wanted[index]!,
      left: wanted[index]! - room(box) / 2,
      size: room(box),
    };
    for (let last = blocks.at(-1); last && last.left + last.size > block.left; last = blocks.at(-1)) {
      blocks.pop();
      // Each box's wish is said as the left edge that the block would have.
      const sum = last.sum + (block.sum - last.size * (block.to - block.from + 1));
      const count = block.to - last.from + 1;
      const size = last.size + block.size;
      const first = boxes[last.from]!;
      block = { from: last.from, to: block.to, sum, size, left: sum / count - room(first) / 2 };
    }
    blocks.push(block);
  });
  for (const block of blocks) {
    let x = block.left;
    for (let index = block.from; index <= block.to; index += 1) {
      const box = boxes[index]!;
      box.x = x + room(box) / 2 - (box.isPassage ? 0 : width / 2);
      x += room(box);
    }
  }
}
