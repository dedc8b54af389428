"""Where to draw the nodes of a directed graph: layers, order within them, coordinates.

The classic layered method: every edge points down from one layer to a later one, long edges get
a bend in each layer they cross, orders that cross less are found by barycenters, and each node is
then put as near to its neighbours as the distances allow. Pure arithmetic on indexes; knows
nothing of flows.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

__all__ = ["Layout", "Point", "Route", "lay_out"]

Point = tuple[float, float]

#: Space between neighbours in a layer, and between a node and a passing edge.
_GAP, _EDGE_GAP = 28.0, 16.0
_ORDER_SWEEPS = 12
_PLACE_SWEEPS = 24
#: Above this many bends the longest edges are drawn straight: they could not be followed anyway.
_MOST_BENDS = 20_000


@dataclass(frozen=True)
class Route:
    """The way of one edge, from the border of its source to the border of its target.

    Attributes:
        segments: `(start, end)` of its curves; between two of them it goes straight on.
    """

    segments: tuple[tuple[Point, Point], ...]


@dataclass(frozen=True)
class Layout:
    """Where everything is, measured from the top left corner.

    Attributes:
        centers: center of each node.
        routes: way of each edge, in the order of the edges given.
        width: width of the whole.
        height: height of the whole.
    """

    centers: list[Point]
    routes: list[Route]
    width: float
    height: float


def lay_out(
    sizes: Sequence[tuple[float, float]],
    edges: Sequence[tuple[int, int]],
    *,
    layer_gap: float = 56.0,
    horizontal: bool = False,
) -> Layout:
    """Find a place for every node and a way for every edge.

    Args:
        sizes: `(width, height)` of each node.
        edges: `(source, target)` as indexes of nodes; no duplicates. Cycles are allowed: an edge
            that closes one points up.
        layer_gap: space between two layers.
        horizontal: layers from left to right instead of top to bottom.
    """
    # Everything below thinks in "across" (within a layer) and "along" (from layer to layer).
    across = [height if horizontal else width for width, height in sizes]
    along = [width if horizontal else height for width, height in sizes]
    graph = _Graph.of(across, edges)
    graph.order_layers()
    graph.place()

    extents = [
        max((along[node] for node in layer if node < len(sizes)), default=0.0) for layer in graph.layers
    ]
    tops: list[float] = []
    top = 0.0
    for extent in extents:
        tops.append(top)
        top += extent + layer_gap
    total_along = max(top - layer_gap, 0.0)
    left = min((graph.x[node] - graph.widths[node] / 2 for node in range(len(graph.x))), default=0.0)
    right = max((graph.x[node] + graph.widths[node] / 2 for node in range(len(graph.x))), default=0.0)

    def point(position: float, depth: float) -> Point:
        return (depth, position - left) if horizontal else (position - left, depth)

    def middle(node: int) -> float:
        layer = graph.layer_of[node]
        return tops[layer] + extents[layer] / 2

    centers = [point(graph.x[node], middle(node)) for node in range(len(sizes))]
    ports = _ports(graph, edges, across)
    routes: list[Route] = []
    for number, (source, target) in enumerate(edges):
        points = _bends(graph, number, source, target, tops, extents, along, middle)
        points[0] = (ports[number][0], points[0][1])
        points[-1] = (ports[number][1], points[-1][1])
        pairs = [(point(*points[i]), point(*points[i + 1])) for i in range(0, len(points), 2)]
        routes.append(Route(tuple(pairs)))
    breadth = right - left
    return Layout(
        centers,
        routes,
        width=total_along if horizontal else breadth,
        height=breadth if horizontal else total_along,
    )


def _bends(
    graph: _Graph,
    number: int,
    source: int,
    target: int,
    tops: Sequence[float],
    extents: Sequence[float],
    along: Sequence[float],
    middle: Callable[[int], float],
) -> list[tuple[float, float]]:
    """`(across, along)` of the start and end of each curve of an edge, one after the other."""
    sign = 1 if graph.layer_of[source] <= graph.layer_of[target] else -1
    points = [(graph.x[source], middle(source) + sign * along[source] / 2)]
    for bend in graph.bends[number][::sign]:
        layer = graph.layer_of[bend]
        before, after = tops[layer], tops[layer] + extents[layer]
        points.append((graph.x[bend], before if sign > 0 else after))
        points.append((graph.x[bend], after if sign > 0 else before))
    points.append((graph.x[target], middle(target) - sign * along[target] / 2))
    return points


def _ports(
    graph: _Graph, edges: Sequence[tuple[int, int]], across: Sequence[float]
) -> list[tuple[float, float]]:
    """Where on the borders each edge begins and ends, so that edges of one node do not lie on another."""
    ends: dict[tuple[int, bool], list[tuple[float, int]]] = defaultdict(list)
    for number, (source, target) in enumerate(edges):
        way = graph.bends[number]
        is_down = graph.layer_of[source] <= graph.layer_of[target]
        first, last = (way[0], way[-1]) if is_down and way else (way[-1], way[0]) if way else (target, source)
        ends[source, is_down].append((graph.x[first], number))
        ends[target, not is_down].append((graph.x[last], number))
    found = [(graph.x[source], graph.x[target]) for source, target in edges]
    for (node, _), members in ends.items():
        members.sort()
        step = min(14.0, across[node] * 0.7 / max(len(members) - 1, 1))
        for place, (_, number) in enumerate(members):
            offset = (place - (len(members) - 1) / 2) * step
            begin, end = found[number]
            if edges[number][0] == node:
                found[number] = (graph.x[node] + offset, end)
            else:
                found[number] = (begin, graph.x[node] + offset)
    return found


@dataclass
class _Graph:
    """Nodes and bends in layers; a bend is a node that belongs to a long edge."""

    widths: list[float]
    layer_of: list[int]
    layers: list[list[int]]
    #: Neighbours in the layer above and below, with the weight of their pull.
    above: list[list[tuple[int, float]]]
    below: list[list[tuple[int, float]]]
    #: Bends of each edge, from the upper end to the lower.
    bends: list[list[int]]
    x: list[float] = field(default_factory=list)

    @classmethod
    def of(cls, widths: Sequence[float], edges: Sequence[tuple[int, int]]) -> _Graph:
        """Layers and bends for the given edges."""
        count = len(widths)
        downward = _without_cycles(count, edges)
        layer_of = _layers(count, downward)
        spans = sorted(layer_of[b] - layer_of[a] for a, b in downward)
        longest = max(spans, default=1)
        while longest > 1 and sum(span - 1 for span in spans if 1 < span <= longest) > _MOST_BENDS:
            longest //= 2
        graph = cls(
            list(widths), list(layer_of), [[] for _ in range(max(layer_of, default=-1) + 1)], [], [], []
        )
        links: list[tuple[int, int, float]] = []
        for upper, lower in downward:
            way: list[int] = []
            if 1 < layer_of[lower] - layer_of[upper] <= longest:
                for layer in range(layer_of[upper] + 1, layer_of[lower]):
                    way.append(len(graph.widths))
                    graph.widths.append(0.0)
                    graph.layer_of.append(layer)
            graph.bends.append(way)
            path = [upper, *way, lower]
            # Long edges pull hardest in their middle, which makes them straight there.
            for a, b in pairwise(path):
                links.append(
                    (a, b, 1.0 if a < count and b < count else 2.0 if a < count or b < count else 8.0)
                )
        graph.above = [[] for _ in graph.widths]
        graph.below = [[] for _ in graph.widths]
        for a, b, weight in links:
            graph.below[a].append((b, weight))
            graph.above[b].append((a, weight))
        for node, layer in enumerate(graph.layer_of):
            graph.layers[layer].append(node)
        return graph

    def order_layers(self) -> None:
        """Order each layer so that few edges cross."""
        positions = [0] * len(self.widths)
        self._note_positions(positions)
        best, fewest = [layer[:] for layer in self.layers], self._crossings(positions)
        for sweep in range(_ORDER_SWEEPS):
            if not fewest:
                break
            is_down = sweep % 2 == 0
            neighbours = self.above if is_down else self.below
            for layer in self.layers if is_down else reversed(self.layers):
                keys = {
                    node: (
                        sum(positions[other] for other, _ in neighbours[node]) / len(neighbours[node])
                        if neighbours[node]
                        else positions[node]
                    )
                    for node in layer
                }
                layer.sort(key=keys.__getitem__)
                for place, node in enumerate(layer):
                    positions[node] = place
            crossings = self._crossings(positions)
            if crossings < fewest:
                best, fewest = [layer[:] for layer in self.layers], crossings
        self.layers = best

    def _note_positions(self, positions: list[int]) -> None:
        for layer in self.layers:
            for place, node in enumerate(layer):
                positions[node] = place

    def _crossings(self, positions: Sequence[int]) -> int:
        """Number of pairs of links that cross."""
        total = 0
        for layer in self.layers:
            ends = [
                place for node in layer for place in sorted(positions[other] for other, _ in self.below[node])
            ]
            total += _inversions(ends)
        return total

    def place(self) -> None:
        """Give each node its coordinate within the layer."""
        self.x = [0.0] * len(self.widths)
        for layer in self.layers:
            x = 0.0
            for index, node in enumerate(layer):
                if index:
                    x += self._distance(layer[index - 1], node)
                self.x[node] = x
        for sweep in range(_PLACE_SWEEPS):
            is_last = sweep >= _PLACE_SWEEPS // 2
            is_down = sweep % 2 == 0
            for layer in self.layers if is_down else reversed(self.layers):
                self._pull(layer, use_above=is_down or is_last, use_below=not is_down or is_last)
        for _ in range(2):
            self._straighten()

    def _straighten(self) -> None:
        """Put the bends of each long edge above one another where there is room for that."""
        place = {node: index for layer in self.layers for index, node in enumerate(layer)}
        for way in self.bends:
            if len(way) < 2:
                continue
            low, high = -math.inf, math.inf
            for bend in way:
                layer, index = self.layers[self.layer_of[bend]], place[bend]
                if index:
                    low = max(low, self.x[layer[index - 1]] + self._distance(layer[index - 1], bend))
                if index + 1 < len(layer):
                    high = min(high, self.x[layer[index + 1]] - self._distance(bend, layer[index + 1]))
            if low <= high:
                middle = sum(self.x[bend] for bend in way) / len(way)
                for bend in way:
                    self.x[bend] = min(max(middle, low), high)

    def _pull(self, layer: Sequence[int], *, use_above: bool, use_below: bool) -> None:
        wanted: list[float] = []
        weights: list[float] = []
        for node in layer:
            pulls = [*(self.above[node] if use_above else ()), *(self.below[node] if use_below else ())]
            weight = sum(pull for _, pull in pulls)
            # Without a neighbour on that side a node gives way, but does not wander.
            wanted.append(
                sum(self.x[other] * pull for other, pull in pulls) / weight if weight else self.x[node]
            )
            weights.append(weight or 0.01)
        distances = [self._distance(a, b) for a, b in pairwise(layer)]
        for node, x in zip(layer, _nearest(wanted, weights, distances), strict=True):
            self.x[node] = x

    def _distance(self, a: int, b: int) -> float:
        gap = _GAP if self.widths[a] and self.widths[b] else _EDGE_GAP
        return (self.widths[a] + self.widths[b]) / 2 + gap


def _without_cycles(count: int, edges: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """The edges, with those turned around that close a cycle."""
    targets: list[list[int]] = [[] for _ in range(count)]
    for source, target in edges:
        targets[source].append(target)
    new, open_, closed = 0, 1, 2
    marks = [new] * count
    back: set[tuple[int, int]] = set()
    for root in range(count):
        if marks[root] != new:
            continue
        marks[root] = open_
        stack = [(root, iter(targets[root]))]
        while stack:
            node, rest = stack[-1]
            target = next(rest, None)
            if target is None:
                marks[node] = closed
                stack.pop()
            elif marks[target] == open_:
                back.add((node, target))
            elif marks[target] == new:
                marks[target] = open_
                stack.append((target, iter(targets[target])))
    return [(target, source) if (source, target) in back else (source, target) for source, target in edges]


def _layers(count: int, edges: Sequence[tuple[int, int]]) -> list[int]:
    """The layer of each node: one below its lowest source; roots just above their first target."""
    below: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for upper, lower in edges:
        if upper != lower:
            below[upper].append(lower)
            waiting[lower] += 1
    roots = [node for node in range(count) if not waiting[node]]
    layers = [0] * count
    ready = roots[:]
    for node in ready:
        for lower in below[node]:
            layers[lower] = max(layers[lower], layers[node] + 1)
            waiting[lower] -= 1
            if not waiting[lower]:
                ready.append(lower)
    for node in roots:
        if below[node]:
            layers[node] = min(layers[lower] for lower in below[node]) - 1
    return layers


def _nearest(wanted: Sequence[float], weights: Sequence[float], distances: Sequence[float]) -> list[float]:
    """Positions in the given order and at least the given distances apart, nearest to the wanted ones.

    Nearest means the smallest weighted sum of squares. Minus the distances it is a regression by
    a monotone function, which pooling adjacent violators solves exactly in one pass.
    """
    offsets = [0.0]
    for distance in distances:
        offsets.append(offsets[-1] + distance)
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, members = want - offset, weight, 1
        while pools and pools[-1][0] >= mean:
            before, before_weight, before_members = pools.pop()
            mean = (before * before_weight + mean * total) / (before_weight + total)
            total += before_weight
            members += before_members
        pools.append((mean, total, members))
    means = [mean for mean, _, members in pools for _ in range(members)]
    return [mean + offset for mean, offset in zip(means, offsets, strict=True)]


def _inversions(values: Sequence[int]) -> int:
    """Number of pairs in the wrong order, by a tree of counts."""
    if not values:
        return 0
    size = max(values) + 1
    tree = [0] * (size + 1)
    total = 0
    for seen, value in enumerate(values):
        not_greater, index = 0, value + 1
        while index:
            not_greater += tree[index]
            index -= index & -index
        total += seen - not_greater
        index = value + 1
        while index <= size:
            tree[index] += 1
            index += index & -index
    return total
