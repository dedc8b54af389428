from __future__ import annotations

import re
import sys
import types
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from prefect import Flow, Parameter, Task, case, task, unmapped
from prefect.core import _visualize as module
from prefect.core._drawing import drawing_of
from prefect.core._picture import Picture
from prefect.engine.state import Cached, Failed, Mapped, Skipped, State, Success

graphviz = pytest.importorskip("graphviz")

SVG = "{http://www.w3.org/2000/svg}"


@task
def numbers(n: int) -> list[int]:
    return list(range(n))


@task
def add(x: int, y: int) -> int:
    return x + y


@task(name="total <&>")
def total(xs: list[int]) -> int:
    return sum(xs)


@pytest.fixture
def flow() -> Flow:
    with Flow("sums <b>") as flow:
        n = Parameter("n", default=3)
        total(add.map(numbers(n), unmapped(n)))
    return flow


def find(flow: Flow, name: str) -> Task:
    (found,) = flow.get_tasks(name=name)
    return found


def finished(flow: Flow, **states: State) -> State:
    known: dict[Task, State] = {each: Success() for each in flow.tasks}
    known.update({find(flow, name): state for name, state in states.items()})
    return Success(message="done", result=known)


@pytest.fixture
def without_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module.shutil, "which", lambda name: None)


@pytest.fixture
def without_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_spec", lambda name: None)


@pytest.fixture(autouse=True)
def _no_screen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_has_desktop", lambda: False)


# --- The graph that 1.x returned ---------------------------------------------------------------
def test_mapped_tasks_are_boxes_with_dashed_edges_and_edges_carry_their_argument(flow: Flow) -> None:
    graph = flow.visualize()
    assert isinstance(graph, graphviz.Digraph)
    source = graph.source
    assert re.search(r'\[label="add <map>" shape=box\]', source)
    assert re.search(r"\[label=numbers shape=ellipse\]", source)
    ids = {each.name: id(each) for each in flow.tasks}
    assert f"{ids['numbers']} -> {ids['add']} [label=x style=dashed]" in source
    assert f"{ids['n']} -> {ids['add']} [label=y]" in source
    assert source.count("->") == len(flow.edges)


def test_constants_are_not_drawn() -> None:
    with Flow("constant") as flow:
        add(1, 2)
    source = flow.visualize().source
    assert source.count("label=") == 1
    assert "->" not in source


def test_states_colour_the_graph_at_half_strength_with_one_node_for_each_child(flow: Flow) -> None:
    children = Mapped(map_states=[Success(), Failed(), Success()])
    source = flow.visualize(flow_state=finished(flow, add=children)).source
    add_id = id(find(flow, "add"))
    for index, color in enumerate((Success.color, Failed.color, Success.color)):
        assert re.search(
            rf'{add_id}{index} \[label="add <map>" color="{color}80" colorscheme=svg shape=box style=filled\]',
            source,
        )
    total_id, numbers_id = id(find(flow, "total <&>")), id(find(flow, "numbers"))
    for index in range(3):
        assert f"{numbers_id} -> {add_id}{index} [label=x style=dashed]" in source
        assert f"{add_id}{index} -> {total_id} [label=xs]" in source


def test_children_of_chained_maps_are_connected_one_to_one() -> None:
    with Flow("chained") as flow:
        first = add.map(numbers(2), unmapped(1))
        second = add.map(first, unmapped(1), task_args={"name": "again"})
    states = {
        first: Mapped(map_states=[Success(), Success()]),
        second: Mapped(map_states=[Success(), Failed()]),
    }
    source = flow.visualize(flow_state=Success(result=states)).source
    assert f"{id(first)}0 -> {id(second)}0 " in source
    assert f"{id(first)}1 -> {id(second)}1 " in source
    assert f"{id(first)}0 -> {id(second)}1 " not in source


def test_horizontal_graphs_have_a_rank_direction(flow: Flow) -> None:
    assert "rankdir=LR" in flow.visualize(horizontal=True).source
    assert "rankdir" not in flow.visualize().source


@pytest.mark.skipif(module.shutil.which("dot") is None, reason="needs the Graphviz program")
def test_the_graphviz_program_writes_the_file_and_nothing_else(flow: Flow, tmp_path: Path) -> None:
    flow.visualize(filename=str(tmp_path / "made" / "by"), format="svg")
    assert [path.name for path in (tmp_path / "made").iterdir()] == ["by.svg"]
    flow.visualize(filename=str(tmp_path / "plain"))
    assert (tmp_path / "plain.pdf").read_bytes().startswith(b"%PDF")


# --- Without the Graphviz program --------------------------------------------------------------
@pytest.mark.usefixtures("without_program")
@pytest.mark.parametrize(
    ("ending", "start"),
    [
        ("svg", b"<?xml"),
        ("html", b"<!DOCTYPE html>"),
        ("png", b"\x89PNG"),
        ("pdf", b"%PDF"),
        ("jpg", b"\xff\xd8"),
    ],
)
def test_common_formats_need_no_program(flow: Flow, tmp_path: Path, ending: str, start: bytes) -> None:
    graph = flow.visualize(flow_state=finished(flow), filename=str(tmp_path / "new" / f"flow.{ending}"))
    assert (tmp_path / "new" / f"flow.{ending}").read_bytes().startswith(start)
    assert isinstance(graph, graphviz.Digraph)
    # Notebooks show it all the same.
    assert graph._repr_mimebundle_()["image/svg+xml"].startswith("<?xml")


@pytest.mark.usefixtures("without_program")
@pytest.mark.parametrize(
    ("filename", "format", "written"),
    [
        ("flow", None, "flow.svg"),
        ("flow", "html", "flow.html"),
        ("flow.svg", None, "flow.svg"),
        ("flow.svg", "svg", "flow.svg"),
        ("flow.SVG", None, "flow.SVG"),
        ("flow.v2", None, "flow.v2.svg"),
        ("flow.svg", "HTML", "flow.svg.html"),
    ],
)
def test_the_format_is_the_one_given_or_that_of_the_file_name(
    flow: Flow, tmp_path: Path, filename: str, format: str | None, written: str
) -> None:
    flow.visualize(filename=str(tmp_path / filename), format=format)
    assert [path.name for path in tmp_path.iterdir()] == [written]


@pytest.mark.usefixtures("without_program")
def test_other_formats_name_those_that_work(flow: Flow, tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r"cannot be drawn as 'xdot' without the Graphviz program.*svg, html, png"
    ):
        flow.visualize(filename=str(tmp_path / "flow"), format="xdot")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("without_package")
def test_without_the_graphviz_package_a_picture_is_returned(flow: Flow, tmp_path: Path) -> None:
    picture = flow.visualize(filename=str(tmp_path / "flow.svg"))
    assert isinstance(picture, Picture)
    assert repr(picture) == "<Picture: flow 'sums <b>', 4 tasks>"
    assert picture._repr_svg_() == (tmp_path / "flow.svg").read_text(encoding="utf-8")


def test_pixels_without_pillow_say_what_to_install(
    flow: Flow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    with pytest.raises(ImportError, match="pip install pillow"):
        Picture(flow).save(tmp_path / "flow.png", "png")


def test_a_desktop_opens_a_viewer_and_a_notebook_does_not(
    flow: Flow, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    monkeypatch.setattr(module, "_has_desktop", lambda: True)
    flow.visualize()
    (address,) = opened
    path = Path(address.removeprefix("file://"))
    assert "<!DOCTYPE html>" in path.read_text(encoding="utf-8")
    path.unlink()
    monkeypatch.setitem(sys.modules, "IPython", types.SimpleNamespace(get_ipython=object))
    flow.visualize()
    assert len(opened) == 1


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, False),
        ("linux", {"DISPLAY": ":0"}, True),
        ("linux", {"WAYLAND_DISPLAY": "w"}, True),
        ("darwin", {}, True),
        ("win32", {}, True),
    ],
)
def test_a_desktop_is_recognised(
    monkeypatch: pytest.MonkeyPatch, platform: str, environment: dict[str, str], expected: bool
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(module.sys, "platform", platform)
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert module._has_desktop() is expected


# --- Our own drawing ---------------------------------------------------------------------------
def svg_of(flow: Flow, state: State | None = None, **kwargs: Any) -> ET.Element:
    return ET.fromstring(Picture(flow, state, **kwargs).svg().partition("?>")[2])


def texts(svg: ET.Element, css: str) -> list[str]:
    return [each.text or "" for each in svg.iter(f"{SVG}text") if each.get("class") == css]


@pytest.mark.parametrize("horizontal", [False, True])
def test_the_svg_has_a_box_for_each_task_and_an_arrow_for_each_edge(flow: Flow, horizontal: bool) -> None:
    svg = svg_of(flow, horizontal=horizontal)
    assert sorted(texts(svg, "pf-title")) == ["add", "n", "numbers", "total <&>"]
    assert "parameter = 3" in texts(svg, "pf-sub")
    edges = [each for each in svg.iter(f"{SVG}path") if "pf-edge" in each.get("class", "")]
    assert len(edges) == len(flow.edges)
    assert sum("pf-map" in each.get("class", "") for each in edges) == 1
    assert sorted(texts(svg, "pf-label")) == ["n", "x", "xs", "y"]
    dashed_boxes = [each for each in svg.iter(f"{SVG}rect") if each.get("class") == "pf-box pf-map"]
    assert len(dashed_boxes) == 1


def test_the_svg_is_coloured_by_states_and_counts_the_children_of_maps(flow: Flow) -> None:
    children = Mapped(map_states=[Success(), Failed(), Success(), Skipped()])
    svg = svg_of(flow, finished(flow, add=children, numbers=Cached()))
    assert "map \N{MULTIPLICATION SIGN}4 · 2 Success · 1 Failed · 1 Skipped" in texts(svg, "pf-sub")
    assert "Cached" in texts(svg, "pf-sub")
    fills = {each.get("fill") for each in svg.iter(f"{SVG}rect")}
    assert {Success.color, Failed.color, Skipped.color, Cached.color} <= fills


def test_names_cannot_break_out_of_the_svg_or_the_page() -> None:
    evil = "<script>alert('x')</script>"
    flow = Flow(evil, tasks=[Task(evil, tags={evil})])
    state = Failed(evil, result={each: Failed(evil) for each in flow.tasks})
    picture = Picture(flow, state)
    for text in (picture.svg(), picture.html()):
        assert evil not in text
        assert "&lt;script&gt;" in text


def test_the_page_tells_the_state_of_the_flow_and_its_colours(flow: Flow) -> None:
    page = Picture(flow, finished(flow)).html()
    assert "done · 4 tasks" in page
    assert f'<i style="background:{Success.color}"></i>Success' in page
    assert "http-equiv" not in page  # nothing is loaded from anywhere
    assert "src=" not in page


def test_two_edges_between_the_same_tasks_are_one_arrow_with_both_arguments() -> None:
    with Flow("twice") as flow:
        n = numbers(2)
        add(n, n)
    (arrow,) = drawing_of(flow).arrows
    assert arrow.label == "x, y"


def test_a_cyclic_flow_can_be_drawn() -> None:
    flow, a, b = Flow("cyclic"), Task("a"), Task("b")
    flow.add_edge(a, b)
    flow.add_edge(b, a)
    assert len(texts(svg_of(flow), "pf-title")) == 2


def test_an_empty_flow_and_an_empty_map_can_be_drawn(flow: Flow) -> None:
    assert texts(svg_of(Flow("empty")), "pf-title") == []
    svg = svg_of(flow, finished(flow, add=Mapped(map_states=[])))
    assert "map \N{MULTIPLICATION SIGN}0 · Mapped" in texts(svg, "pf-sub")


def test_library_tasks_and_required_parameters_are_named_as_such() -> None:
    with Flow("kinds") as flow, case(Parameter("x"), 1):
        numbers(2)
    assert {box.subtitle for box in drawing_of(flow).boxes} == {"required parameter", "CompareValue", ""}


def test_long_names_are_cut_and_kept_in_the_tooltip() -> None:
    name = "n" * 200
    (box,) = drawing_of(Flow("long", tasks=[Task(name)])).boxes
    assert len(box.title) < 40
    assert name in box.tooltip


def test_text_of_any_script_can_be_drawn_as_pixels(tmp_path: Path) -> None:
    flow = Flow("scripts", tasks=[Task("日本語 → żółć … \N{MULTIPLICATION SIGN}"), Task("plain")])
    Picture(flow).save(tmp_path / "flow.png", "png")
    assert (tmp_path / "flow.png").stat().st_size > 1000


@pytest.mark.parametrize("horizontal", [False, True])
def test_pixels_show_the_colours_of_states(flow: Flow, horizontal: bool) -> None:
    from prefect.core._png import image_of

    children = Mapped(map_states=[Success(), Failed()])
    image = image_of(Picture(flow, finished(flow, add=children), horizontal=horizontal).scene)
    assert (image.width > image.height) is horizontal
    colors = {color for _, color in image.getcolors(image.width * image.height)}
    for state in (Success, Failed):
        red, green, blue = (int(state.color[i : i + 2], 16) for i in (1, 3, 5))
        assert any(abs(r - red) + abs(g - green) + abs(b - blue) < 12 for r, g, b in colors)


def test_a_very_large_picture_is_drawn_at_a_lower_resolution(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.core import _png

    flow = Flow("large", tasks=[Task(f"t{number}") for number in range(30)])
    full = _png.image_of(Picture(flow).scene).size
    monkeypatch.setattr(_png, "_MOST_PIXELS", 100_000)
    small = _png.image_of(Picture(flow).scene).size
    assert small[0] < full[0] / 2
