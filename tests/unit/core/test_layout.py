from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from prefect.core._layout import Layout, _nearest, lay_out

Sizes = list[tuple[float, float]]
Edges = list[tuple[int, int]]


@st.composite
def graphs(draw: st.DrawFn, *, cycles: bool = False) -> tuple[Sizes, Edges]:
    count = draw(st.integers(1, 14))
    sizes = draw(
        st.lists(st.tuples(st.integers(20, 200), st.integers(20, 80)), min_size=count, max_size=count)
    )
    pairs = [(a, b) for a in range(count) for b in range(count) if (a < b or (cycles and a != b))]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=25)) if pairs else []
    return [(float(width), float(height)) for width, height in sizes], edges


def boxes(layout: Layout, sizes: Sizes) -> list[tuple[float, float, float, float]]:
    return [
        (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
        for (x, y), (width, height) in zip(layout.centers, sizes, strict=True)
    ]


@given(graphs(cycles=True), st.booleans())
def test_boxes_never_overlap_and_stay_inside_the_picture(
    graph: tuple[Sizes, Edges], horizontal: bool
) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges, horizontal=horizontal)
    found = boxes(layout, sizes)
    for (a0, b0, a1, b1), (c0, d0, c1, d1) in itertools.combinations(found, 2):
        assert a1 <= c0 + 1e-6 or c1 <= a0 + 1e-6 or b1 <= d0 + 1e-6 or d1 <= b0 + 1e-6
    for left, top, right, bottom in found:
        assert left >= -1e-6
        assert top >= -1e-6
        assert right <= layout.width + 1e-6
        assert bottom <= layout.height + 1e-6


@given(graphs())
def test_every_edge_of_an_acyclic_graph_points_down(graph: tuple[Sizes, Edges]) -> None:
    sizes, edges = graph
    found = boxes(lay_out(sizes, edges), sizes)
    for source, target in edges:
        assert found[source][3] < found[target][1]


@given(graphs(cycles=True))
def test_every_edge_leads_from_border_to_border(graph: tuple[Sizes, Edges]) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    found = boxes(layout, sizes)
    for (source, target), route in zip(edges, layout.routes, strict=True):
        (x0, y0), (x1, y1) = route.segments[0][0], route.segments[-1][1]
        assert found[source][0] <= x0 <= found[source][2]
        assert min(abs(y0 - found[source][1]), abs(y0 - found[source][3])) < 1e-6
        assert found[target][0] <= x1 <= found[target][2]
        assert min(abs(y1 - found[target][1]), abs(y1 - found[target][3])) < 1e-6


@given(graphs())
def test_long_edges_pass_through_no_box(graph: tuple[Sizes, Edges]) -> None:
    sizes, edges = graph
    layout = lay_out(sizes, edges)
    found = boxes(layout, sizes)
    for route in layout.routes:
        # Between two curves the edge passes straight through a layer.
        for (_, (x, top)), ((_, bottom), _) in itertools.pairwise(route.segments):
            for left, box_top, right, box_bottom in found:
                assert not (left < x < right and box_top < bottom and top < box_bottom)


def test_the_layout_is_the_same_every_time() -> None:
    sizes = [(60.0, 30.0)] * 6
    edges = [(0, 2), (1, 2), (2, 3), (2, 4), (0, 5)]
    assert lay_out(sizes, edges) == lay_out(sizes, edges)


def test_a_chain_is_a_straight_line() -> None:
    layout = lay_out([(60.0, 30.0), (100.0, 30.0), (40.0, 30.0)], [(0, 1), (1, 2)])
    assert len({x for x, _ in layout.centers}) == 1


def test_a_source_stands_over_the_middle_of_its_targets() -> None:
    layout = lay_out([(60.0, 30.0)] * 4, [(0, 1), (0, 2), (0, 3)])
    xs = [x for x, _ in layout.centers]
    assert xs[0] == pytest.approx(sum(xs[1:]) / 3)
    assert xs[1] < xs[2] < xs[3]


spaced = st.lists(
    st.tuples(st.floats(-1e3, 1e3), st.floats(0.1, 10), st.floats(0, 50)), min_size=1, max_size=12
)


@given(spaced)
def test_places_keep_their_distances(items: list[tuple[float, float, float]]) -> None:
    wanted, weights, distances = ([item[part] for item in items] for part in range(3))
    places = _nearest(wanted, weights, distances[1:])
    for (a, b), distance in zip(itertools.pairwise(places), distances[1:], strict=True):
        assert b - a >= distance - 1e-6


@given(spaced)
def test_places_are_nearest_to_the_wanted_ones(items: list[tuple[float, float, float]]) -> None:
    wanted, weights, distances = ([item[part] for item in items] for part in range(3))
    places = _nearest(wanted, weights, distances[1:])

    def cost(at: list[float]) -> float:
        return sum(weight * (x - want) ** 2 for x, want, weight in zip(at, wanted, weights, strict=True))

    # No block at one end can move alone to a better place: the problem is convex, so this is the best.
    for cut in range(1, len(places)):
        for step in (-0.01, 0.01):
            moved = [x + step * (i >= cut) for i, x in enumerate(places)]
            keeps = all(
                b - a >= distance - 1e-9
                for (a, b), distance in zip(itertools.pairwise(moved), distances[1:], strict=True)
            )
            assert not keeps or cost(moved) >= cost(places) - 1e-6
    shifted = [x + 0.01 for x in places], [x - 0.01 for x in places]
    assert all(cost(at) >= cost(places) - 1e-6 for at in shifted)


def test_horizontal_layers_run_from_left_to_right() -> None:
    layout = lay_out([(60.0, 30.0)] * 3, [(0, 1), (1, 2)], horizontal=True)
    assert [y for _, y in layout.centers] == [15.0] * 3
    first, second, third = (x for x, _ in layout.centers)
    assert first < second < third


def test_two_crossing_pairs_are_uncrossed() -> None:
    layout = lay_out([(60.0, 30.0)] * 4, [(0, 3), (1, 2)])
    x = [x for x, _ in layout.centers]
    assert (x[0] < x[1]) == (x[3] < x[2])


def test_a_source_stands_right_above_what_uses_it() -> None:
    # 3 is used only at the end of the chain 0 - 1 - 2.
    layout = lay_out([(60.0, 30.0)] * 4, [(0, 1), (1, 2), (3, 2)])
    assert layout.centers[3][1] == layout.centers[1][1]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_a_single_node_can_be_laid_out(count: int) -> None:
    layout = lay_out([(60.0, 30.0)] * count, [])
    assert (layout.width, layout.height) == (60.0 * count, 30.0 * count)


def test_edges_over_very_many_layers_are_drawn_straight() -> None:
    count = 400
    chain = [(number, number + 1) for number in range(count - 1)]
    shortcuts = [(0, number) for number in range(2, count)]
    layout = lay_out([(10.0, 10.0)] * count, chain + shortcuts)
    assert len(layout.routes[-1].segments) == 1
