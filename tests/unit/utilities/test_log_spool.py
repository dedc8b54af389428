from __future__ import annotations

import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import prefect
from prefect.utilities._log_spool import LogSpool, adopt, new_spool, remove_old, spool_folder
from prefect.utilities.configuration import set_temporary_config
from prefect.utilities.logging import LogManager

MEGABYTE = 1_000_000


def messages(spool: LogSpool, count: int = 10_000) -> list[str]:
    return [line["message"] for line in spool.read(count, MEGABYTE, 0)[0]]


class TestSpool:
    def test_lines_come_back_in_order_and_numbered(self, tmp_path: Path) -> None:
        spool = LogSpool(tmp_path / "a.jsonl", MEGABYTE)
        for number in range(5):
            assert spool.append({"message": f"line {number}\nand more ü"})

        lines, _ = spool.read(10, MEGABYTE, 0)

        assert [line["sequence"] for line in lines] == [0, 1, 2, 3, 4]
        assert lines[3]["message"] == "line 3\nand more ü"

    def test_what_has_arrived_is_not_read_again(self, tmp_path: Path) -> None:
        spool = LogSpool(tmp_path / "a.jsonl", MEGABYTE)
        for number in range(5):
            spool.append({"message": str(number)})
        _, place = spool.read(2, MEGABYTE, 0)
        spool.arrived(place)

        assert messages(spool) == ["2", "3", "4"]

    def test_a_file_whose_lines_have_arrived_takes_no_room(self, tmp_path: Path) -> None:
        spool = LogSpool(tmp_path / "a.jsonl", 10_000)
        for _ in range(20):
            assert spool.append({"message": "x" * 5_000})
            spool.arrived(spool.read(10, MEGABYTE, 0)[1])

        assert spool.path.stat().st_size < 100

    def test_a_full_file_refuses_lines_and_keeps_those_it_has(self, tmp_path: Path) -> None:
        spool = LogSpool(tmp_path / "a.jsonl", 1_000)
        kept = [n for n in range(100) if spool.append({"message": str(n) + "y" * 90})]

        assert kept == list(range(len(kept)))
        assert 5 < len(kept) < 20
        assert len(messages(spool)) == len(kept)

    def test_a_closed_file_stays_only_for_lines_that_wait(self, tmp_path: Path) -> None:
        done, waiting = (LogSpool(tmp_path / "run" / f"{name}.jsonl", MEGABYTE) for name in "ab")
        for spool in (done, waiting):
            spool.append({"message": "x"})
        done.arrived(done.read(9, MEGABYTE, 0)[1])
        done.close()
        waiting.close()

        assert [path.name for path in (tmp_path / "run").iterdir()] == ["b.jsonl"]

    def test_the_file_is_for_its_owner_only(self, tmp_path: Path) -> None:
        spool = LogSpool(tmp_path / "a.jsonl", MEGABYTE)
        spool.append({"message": "x"})

        if sys.platform != "win32":
            assert spool.path.stat().st_mode & 0o077 == 0

    def test_a_run_id_cannot_lead_out_of_the_folder(self, tmp_path: Path) -> None:
        folder = spool_folder(str(tmp_path), "../../etc/x")

        assert folder == tmp_path / "spool" / "etcx"


class TestLeftBehind:
    def test_files_of_living_processes_are_left_alone(self, tmp_path: Path) -> None:
        spool = new_spool(str(tmp_path), "run", MEGABYTE)
        spool.append({"message": "mine"})

        assert list(adopt(spool.path.parent)) == []

    def test_a_killed_process_loses_no_line(self, tmp_path: Path) -> None:
        code = (
            "import os, signal, sys\n"
            "from prefect.utilities._log_spool import new_spool\n"
            "spool = new_spool(sys.argv[1], 'run', 10**6)\n"
            "for n in range(100): spool.append({'message': str(n)})\n"
            "spool.arrived(spool.read(40, 10**6, 0)[1])\n"
            "os.kill(os.getpid(), 9)\n"
        )
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)

        [spool] = adopt(spool_folder(str(tmp_path), "run"))

        assert messages(spool) == [str(n) for n in range(40, 100)]

    @given(cut=st.integers(0, 200), torn=st.binary(max_size=30))
    @settings(max_examples=60, deadline=None)
    def test_whatever_the_end_of_a_file_is_whole_lines_are_read(
        self, tmp_path_factory: pytest.TempPathFactory, cut: int, torn: bytes
    ) -> None:
        folder = tmp_path_factory.mktemp("run")
        spool = LogSpool(folder / "a.jsonl", MEGABYTE)
        for number in range(3):
            spool.append({"message": str(number)})
        spool.close()
        data = spool.path.read_bytes()
        spool.path.write_bytes(data[: max(21, len(data) - cut)] + torn.replace(b"\n", b""))

        [found] = adopt(folder)
        read = messages(found)
        found.close()

        assert read == ["0", "1", "2"][: len(read)]
        assert len(read) == data[: max(21, len(data) - cut)].count(b"\n") - 1

    def test_lines_of_a_run_that_never_came_back_go_after_a_month(self, tmp_path: Path) -> None:
        for run, age_s in (("old", 31 * 86_400), ("young", 3_600)):
            spool = new_spool(str(tmp_path), run, MEGABYTE)
            spool.append({"message": "x"})
            spool.close()
            then = spool.path.stat().st_mtime - age_s
            os.utime(spool.path, (then, then))

        remove_old(str(tmp_path))

        assert [path.name for path in (tmp_path / "spool").iterdir()] == ["young"]


class Api:
    """Takes log lines unless it is away, and may lose its answer after it has taken them."""

    def __init__(self) -> None:
        self.lines: list[dict[str, Any]] = []
        self.is_away = False
        self.loses_answers = 0

    def __call__(self) -> Api:
        return self

    def takes_log_sequence(self) -> bool:
        return True

    def write_run_logs(self, logs: list[dict[str, Any]]) -> None:
        if self.is_away:
            raise ConnectionError("away")
        known = {json.dumps(line, sort_keys=True) for line in self.lines}
        self.lines += [line for line in logs if json.dumps(line, sort_keys=True) not in known]
        if self.loses_answers:
            self.loses_answers -= 1
            raise ConnectionError("the answer was lost")

    def messages(self) -> list[str]:
        return [line["message"] for line in self.lines]


@pytest.fixture
def api(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Api]:
    api = Api()
    monkeypatch.setattr(prefect, "Client", api, raising=False)
    monkeypatch.setattr("atexit.register", lambda function: function)
    with (
        set_temporary_config({"cloud.logging_heartbeat": 60, "home_dir": str(tmp_path)}),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        yield api


def line(text: object) -> dict[str, Any]:
    return {"flow_run_id": "run", "message": str(text)}


class TestManager:
    def test_the_next_process_of_a_run_sends_what_the_last_could_not(self, api: Api, tmp_path: Path) -> None:
        api.is_away = True
        first = LogManager()
        for number in range(3):
            first.enqueue(line(number))
        first.stop()
        assert len(list((tmp_path / "spool" / "run").iterdir())) == 1

        api.is_away = False
        second = LogManager()
        second.enqueue(line(3))
        second.stop()

        assert api.messages() == ["0", "1", "2", "3"]
        assert list((tmp_path / "spool").iterdir()) == []

    def test_equal_lines_are_as_many_as_were_written_though_answers_are_lost(self, api: Api) -> None:
        api.loses_answers = 3
        manager = LogManager()
        for _ in range(5):
            manager.enqueue(line("same"))
        for _ in range(4):
            manager._send_pending()
        manager.stop()

        assert api.messages() == ["same"] * 5

    def test_ten_thousand_lines_go_in_a_few_requests(self, api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
        sizes: list[int] = []
        write = api.write_run_logs
        monkeypatch.setattr(api, "write_run_logs", lambda logs: (sizes.append(len(logs)), write(logs))[1])
        manager = LogManager()
        for number in range(10_000):
            manager.enqueue(line(number))
        assert len(manager.pending_logs) == 0, "lines wait on the disk, not in memory"
        manager.stop()

        assert api.messages() == [str(n) for n in range(10_000)]
        assert sizes == [2_000] * 5

    def test_the_log_says_how_many_lines_did_not_fit(self, api: Api) -> None:
        api.is_away = True
        with set_temporary_config({"cloud.log_spool_size": 1_000}):
            manager = LogManager()
            for number in range(100):
                manager.enqueue(line(number))
        api.is_away = False
        manager.stop()

        count = len(api.messages()) - 1
        assert api.messages()[:-1] == [str(n) for n in range(count)]
        assert f"{100 - count} log lines were dropped" in api.messages()[-1]

    @pytest.mark.skipif(sys.platform == "win32" or os.getuid() == 0, reason="needs a folder one cannot write")
    def test_without_a_disk_lines_wait_in_memory(self, api: Api, tmp_path: Path) -> None:
        tmp_path.chmod(0o500)
        self._without_disk(api)
        tmp_path.chmod(0o700)

    def test_where_the_folder_cannot_be_made_lines_wait_in_memory(self, api: Api, tmp_path: Path) -> None:
        (tmp_path / "spool").write_text("a file in the way")
        self._without_disk(api)

    def _without_disk(self, api: Api) -> None:
        manager = LogManager()
        api.is_away = True
        for number in range(3):
            manager.enqueue(line(number))
        manager._send_pending()
        api.is_away = False
        manager.stop()

        assert api.messages() == ["0", "1", "2"]

    def test_a_server_that_knows_no_numbers_gets_none(
        self, api: Api, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(api, "takes_log_sequence", lambda: False)
        manager = LogManager()
        manager.enqueue(line("x"))
        manager.stop()

        assert api.lines == [line("x")]
