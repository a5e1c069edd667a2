"""`recsys-lab flink`: a cluster in the background that is found again, takes jobs, and leaves no process behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from recsys_lab.flink.cluster import ask
from tests.flink.apache.running import needs_flink

pytestmark = [pytest.mark.integration, needs_flink]

SCRIPT = """\
import sys
from recsys_lab.flink import FlinkStreamProcessor, ListSink
from weights import weight

processor = FlinkStreamProcessor(parallelism=2, checkpoint_interval=None)
words = processor.add_source(sys.argv[1:], name="words").map(lambda word: (word, weight(word))).name("weigh")
words.key_by(lambda pair: pair[0]).reduce(lambda a, b: (a[0], a[1] + b[1])).sink_to(sink := ListSink())
result = processor.execute("weighed")
print(max(count for _, count in sink), result.records_in, result.records_out)
"""


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder of this test's own; what still runs in it is ended."""
    yield tmp_path / "cache"
    flink(tmp_path / "cache", "down")


def flink(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recsys_lab.cli", "flink", *arguments],
        env=os.environ | {"RECSYS_LAB_CACHE": str(cache)}, capture_output=True, text=True, timeout=200, check=False,
    )  # fmt: skip


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def note(cache: Path) -> dict[str, Any]:
    read: dict[str, Any] = json.loads((cache / "flink-service.json").read_bytes())
    return read


def test_up_twice_is_once_and_down_twice_ends_it_once(cache: Path) -> None:
    address = f"127.0.0.1:{a_free_port()}"
    up = flink(cache, "up", "--task-slots", "3", "--port", address.rpartition(":")[2])
    assert up.returncode == 0, up.stderr
    pids = note(cache)["pids"]
    assert len(pids) == 2
    assert ask(address, "/overview")["slots-total"] == 3

    assert f"http://{address}" in flink(cache, "up", "--port", str(a_free_port())).stdout
    assert note(cache)["pids"] == pids
    assert f"http://{address}, process ids {pids}" in flink(cache, "status").stdout
    assert flink(cache, "down").stdout == "Flink has ended.\n"
    assert flink(cache, "down").stdout == "Flink was not running.\n"
    assert _gone(pids)
    assert flink(cache, "status").returncode == 1


def test_a_script_is_submitted_with_its_arguments_and_modules_to_the_cluster_that_is_up(
    cache: Path, tmp_path: Path
) -> None:
    (tmp_path / "job.py").write_text(SCRIPT)
    (tmp_path / "weights.py").write_text("def weight(word):\n    return len(word)\n")
    order = ["submit", str(tmp_path / "job.py"), "--py-files", str(tmp_path / "weights.py"), "ab", "abc", "ab", "abc"]
    refused = flink(cache, *order)
    assert refused.returncode == 1
    assert refused.stderr.startswith("recsys-lab: no Flink is running to submit to")

    address = f"127.0.0.1:{a_free_port()}"
    assert flink(cache, "up", "--port", address.rpartition(":")[2]).returncode == 0
    done = flink(cache, *order)

    assert done.stdout == "6 4 4\n", done.stderr
    jobs = ask(address, "/jobs/overview")["jobs"]
    assert [(job["name"], job["state"]) for job in jobs] == [("weighed", "FINISHED")]


def test_a_script_or_a_cluster_that_is_not_there_is_named_in_one_sentence(cache: Path, tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(SCRIPT.replace("from weights import weight", "weight = len"))
    address = f"127.0.0.1:{a_free_port()}"

    for order, told in (
        ([str(tmp_path / "nothing.py"), "--address", address], "nothing.py"),
        ([str(tmp_path / "job.py"), "--address", address, "ab"], f"no Apache Flink answers at {address}"),
    ):
        done = flink(cache, "submit", *order)
        assert done.returncode == 1
        assert done.stderr.startswith("recsys-lab: ")
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == 1


def test_a_port_in_use_is_named_in_one_sentence(cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = flink(cache, "up", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.startswith(f"recsys-lab: port {port} is in use, perhaps by another Flink")
    assert len(done.stderr.splitlines()) == 1


def test_no_process_is_left_when_the_one_that_holds_the_cluster_is_killed(cache: Path) -> None:
    assert flink(cache, "up", "--port", str(a_free_port())).returncode == 0
    held = note(cache)

    os.kill(held["pid"], signal.SIGKILL)

    assert _gone(held["pids"])
    assert flink(cache, "status").returncode == 1
    assert flink(cache, "down").stdout == "Flink was not running.\n"
    assert flink(cache, "up", "--port", str(a_free_port())).returncode == 0


def test_down_leaves_a_stranger_alone_that_has_the_process_id_now(cache: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    cache.mkdir()
    left = {"address": "", "pids": [], "data_dir": "", "pid": stranger.pid, "started": 1.0}
    (cache / "flink-service.json").write_text(json.dumps(left))

    assert flink(cache, "down").stdout == "Flink was not running.\n"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_what_is_no_note_counts_as_nothing_running(cache: Path) -> None:
    cache.mkdir()
    (cache / "flink-service.json").write_text("{")

    assert flink(cache, "status").returncode == 1


def _gone(pids: list[int], seconds: float = 40.0) -> bool:
    deadline = time.monotonic() + seconds
    while any(psutil.pid_exists(pid) for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.1)
    return not any(psutil.pid_exists(pid) for pid in pids)
