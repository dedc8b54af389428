from __future__ import annotations

from typing import Any

import pytest

from prefect import Flow, flatten, mapped, task, unmapped
from prefect.utilities.edges import EdgeAnnotation


@task
def gather(x: Any = None, y: Any = None) -> Any:
    return (x, y)


@task
def same(x: Any) -> Any:
    return x


@pytest.mark.parametrize(
    ("annotation", "annotations"),
    [
        (EdgeAnnotation(1), {}),
        (mapped(1), {"mapped": True}),
        (unmapped(1), {"mapped": False}),
        (flatten(1), {"flattened": True}),
        (mapped(flatten(1)), {"mapped": True, "flattened": True}),
        (flatten(unmapped(1)), {"mapped": False, "flattened": True}),
        (mapped(unmapped(1)), {"mapped": False}),
        (unmapped(mapped(1)), {"mapped": True}),
    ],
)
def test_annotations_add_up_and_the_inner_one_wins(
    annotation: EdgeAnnotation, annotations: dict[str, bool]
) -> None:
    assert annotation.annotations == annotations
    assert annotation.value == 1


def test_nesting_does_not_change_the_classes() -> None:
    mapped(flatten(1))
    assert (mapped.annotations, flatten.annotations) == ({"mapped": True}, {"flattened": True})


def test_an_annotation_shows_what_it_wraps() -> None:
    assert repr(unmapped([1])) == "unmapped([1])"


def test_annotations_decide_how_inputs_arrive() -> None:
    with Flow("annotations") as flow:
        lists = same([[1, 2], [3]])
        results = [
            gather.map([1, 2], unmapped([3, 4])),
            gather(mapped([1, 2]), [3, 4]),
            gather.map(flatten(lists), unmapped(flatten(lists))),
            gather(flatten(lists)),
            gather.map([1, 2], upstream_tasks=[unmapped(lists)]),
        ]

    state = flow.run()
    assert [state.result[result].result for result in results] == [
        [(1, [3, 4]), (2, [3, 4])],
        [(1, [3, 4]), (2, [3, 4])],
        [(1, [1, 2, 3]), (2, [1, 2, 3]), (3, [1, 2, 3])],
        ([1, 2, 3], None),
        [(1, None), (2, None)],
    ]
