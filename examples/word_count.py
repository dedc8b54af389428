"""Counting words with map and reduce: the classic, over the texts in `examples/texts`.

    python examples/word_count.py
    prefect run -p examples/word_count.py --param longer_than=6

Each text is cut into parts, each part is counted in a process of its own, and the counts are added
up. `flatten` makes one list of the parts of all texts, so that parts and not texts are mapped over.
"""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from prefect import Flow, Parameter, flatten, task, unmapped
from prefect.executors import ProcessPoolExecutor

TEXTS = Path(__file__).resolve().parent / "texts"
LINES_IN_A_PART = 12


@task
def find_texts(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*.txt"))


@task
def cut(path: Path) -> list[str]:
    lines = path.read_text(encoding="utf-8").splitlines()
    return [
        "\n".join(lines[start : start + LINES_IN_A_PART]) for start in range(0, len(lines), LINES_IN_A_PART)
    ]


@task
def count_words(part: str, longer_than: int) -> Counter[str]:
    words = re.findall(r"[a-z]+(?:'[a-z]+)?", part.lower())
    return Counter(word for word in words if len(word) > longer_than)


@task
def add_up(counts: list[Counter[str]]) -> Counter[str]:
    total: Counter[str] = Counter()
    for count in counts:
        total.update(count)
    return total


@task(log_stdout=True)
def show(counts: Counter[str], top: int) -> None:
    print(f"{sum(counts.values()):,} words that are long enough, {len(counts):,} different ones")
    longest = max(counts.values(), default=1)
    for word, count in counts.most_common(top):
        print(f"{word:>12} {'#' * round(30 * count / longest)} {count}")


with Flow("word-count", executor=ProcessPoolExecutor()) as flow:
    folder = Parameter("folder", default=str(TEXTS))
    longer_than = Parameter("longer_than", default=3)
    top = Parameter("top", default=10)

    parts = cut.map(find_texts(folder))
    counts = count_words.map(flatten(parts), unmapped(longer_than))
    show(add_up(counts), top)


# Processes import this file anew: what must happen once belongs under this line.
if __name__ == "__main__":
    flow.run()
