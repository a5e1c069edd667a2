"""LocalFlink: real processes, on the loopback interface only, that end with their parent."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import psutil
import pytest

from recsys_lab.errors import ClusterError, JobError
from recsys_lab.experiments.on_kafka.replication import standing_still
from recsys_lab.flink import ApacheFlink, FlinkStreamProcessor, LocalFlink
from recsys_lab.flink.cluster import ask
from recsys_lab.threads import alongside
from tests.flink.apache.running import difference, needs_flink, run

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[3]


@needs_flink
def test_a_cluster_has_free_slots_and_a_web_page(cluster: LocalFlink) -> None:
    overview = cluster.overview()

    assert (overview["taskmanagers"], overview["slots-available"]) == (1, 4)
    assert len(cluster.pids) == 2
    assert cluster.web_page == f"http://{cluster.address}"
    assert "TaskManager" in cluster.logs()


@needs_flink
@pytest.mark.parametrize("where", ["cluster", "embedded"])
def test_nothing_listens_beyond_the_loopback_interface_while_a_job_runs(where: str, cluster: LocalFlink) -> None:
    seen: list[str] = []

    def look(_: Any) -> None:
        if not seen:
            seen.extend(_listening([*cluster.pids, os.getpid()]))

    processor = FlinkStreamProcessor()
    processor.add_source([1, 2, 3]).map(lambda number: number + 1).sink(look)
    processor.execute(runtime=ApacheFlink(cluster.address if where == "cluster" else None))

    assert len(seen) > 5
    assert {address for address in seen if address not in ("127.0.0.1", "::1", "::ffff:127.0.0.1")} == set()


@needs_flink
def test_a_job_on_the_cluster_gives_what_the_local_runtime_gives(cluster: LocalFlink) -> None:
    names = ["tumbling, 6 s of lateness", "sessions, 0 s of lateness", "state", "timers"]
    ours, _ = run("local", names)

    theirs, result = run(ApacheFlink(cluster.address, every_record=True), names)

    assert {place: difference(ours[place], theirs[place]) for place in ours} == dict.fromkeys(ours, "")
    assert result.restarts == 0
    assert _until(lambda: cluster.overview()["slots-available"] == 4)


@needs_flink
def test_a_killed_task_manager_can_be_started_again_and_again(cluster: LocalFlink) -> None:
    """On the port of the one before it, every fifth was never heard by the JobManager."""
    for _ in range(3):
        workers = cluster.pids
        cluster.kill_task_manager()
        assert cluster.pids == workers[:1]

        cluster.restart_task_manager()

        assert len(cluster.pids) == 2
        assert cluster.pids[1] != workers[1]
        free = [manager["freeSlots"] for manager in ask(cluster.address, "/taskmanagers")["taskmanagers"]]
        assert 4 in free


@needs_flink
def test_a_job_that_takes_more_slots_than_there_are_is_told_so() -> None:
    processor = FlinkStreamProcessor(parallelism=3, checkpoint_interval=None)
    processor.add_source([1, 2, 3]).key_by(lambda number: number).reduce(max).sink(print)

    with (
        LocalFlink(task_slots=2, configuration={"slot.request.timeout": "2000"}) as own,
        pytest.raises(JobError, match="it takes 3, and 2 of 2 are free"),
    ):
        processor.execute(runtime=ApacheFlink(own.address))


@needs_flink
def test_slots_that_the_job_itself_had_count_as_free_even_if_they_are_given_back_late() -> None:
    processor = FlinkStreamProcessor(parallelism=3, checkpoint_interval=None)
    processor.add_source([1, 2, 3]).key_by(lambda number: number).reduce(max).sink(print)

    with LocalFlink(task_slots=2, configuration={"slot.request.timeout": "3000"}) as own:

        def keep_them(over: threading.Event) -> None:
            assert _until(lambda: own.overview()["slots-available"] == 0)
            with standing_still(own.pids[1:]):
                over.wait(30)

        with alongside(keep_them), pytest.raises(JobError, match="it takes 3, and 2 of 2 are free"):
            processor.execute(runtime=ApacheFlink(own.address))


@needs_flink
def test_python_workers_end_with_their_task_manager_even_while_they_start() -> None:
    """Those that are just starting would wait for ever for a TaskManager that is gone."""
    processor = FlinkStreamProcessor(parallelism=2, checkpoint_interval=None)
    processor.add_source([1, 2, 3]).map(lambda number: number + 1).key_by(lambda n: n).reduce(max).sink(print)
    with LocalFlink() as own:
        manager = psutil.Process(own.pids[1])
        job = threading.Thread(target=_until_it_fails, args=(processor, own.address), daemon=True)
        job.start()
        assert _until(lambda: len(manager.children(recursive=True)) > 2)
        workers = [child.pid for child in manager.children(recursive=True)]
        own.kill_task_manager()
        assert _gone(workers)


@needs_flink
def test_the_processes_end_with_their_parent_even_when_it_is_killed(tmp_path: Path) -> None:
    program = (
        "import time\nfrom recsys_lab.flink import LocalFlink\n"
        "cluster = LocalFlink().start()\nprint(*cluster.pids, flush=True)\ntime.sleep(600)\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    pids = _said(parent)
    assert len(pids) == 2

    _kill(parent)

    assert _gone(pids)
    _until(lambda: not list(tmp_path.glob("recsys-lab-flink-*")))
    assert not list(tmp_path.glob("recsys-lab-flink-*"))


@needs_flink
def test_the_java_of_an_embedded_job_ends_with_its_parent_even_when_it_is_killed() -> None:
    program = (
        "import psutil, time\nfrom recsys_lab.flink import ApacheFlink, FlinkStreamProcessor\n"
        "def tell(record):\n"
        "    print(*(child.pid for child in psutil.Process().children(recursive=True)), flush=True)\n"
        "    time.sleep(600)\n"
        "processor = FlinkStreamProcessor()\nprocessor.add_source([1]).sink(tell)\n"
        "processor.execute(runtime=ApacheFlink())\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    parent = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, env=environment)
    pids = _said(parent)
    assert pids

    _kill(parent)

    assert _gone(pids)


@needs_flink
def test_an_embedded_job_leaves_no_thread_behind() -> None:
    """A notebook may run hundreds; what each leaves would wake for ever."""

    def threads_after_a_job() -> set[threading.Thread]:
        run(ApacheFlink(), ["rolling", "timers"])
        time.sleep(1.5)  # the last ones see that they are to end when they wake next
        return set(threading.enumerate())

    before = threads_after_a_job()
    left = threads_after_a_job() - before

    assert [t for t in left if type(t).__module__ != "apache_beam.utils.thread_pool_executor"] == []
    assert sys.getswitchinterval() < 0.01


@needs_flink
def test_a_port_in_use_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ClusterError, match=f"port {port} is in use"):
            LocalFlink(port=port).start()


def test_a_python_without_flink_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "pyflink" else found(name))

    with pytest.raises(ClusterError, match="not installed"):
        LocalFlink().start()


@needs_flink
def test_a_cluster_that_is_not_there_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]

    with pytest.raises(ClusterError, match=f"127.0.0.1:{port}"):
        run(ApacheFlink(f"127.0.0.1:{port}"), ["rolling"])


@pytest.mark.parametrize("slots", [0, -1, 65, True, 2.0, "4"])
def test_slots_are_a_number_from_1(slots: Any) -> None:
    with pytest.raises(ClusterError, match="task_slots"):
        LocalFlink(task_slots=slots)


@pytest.mark.parametrize("address", ["localhost", "http://localhost:8081", "", "a b:1"])
def test_an_address_is_host_and_port(address: str) -> None:
    with pytest.raises(ClusterError, match="host:port"):
        ApacheFlink(address)


def _until_it_fails(processor: FlinkStreamProcessor, address: str) -> None:
    with contextlib.suppress(JobError, ClusterError):
        processor.execute(runtime=ApacheFlink(address))


def _said(process: subprocess.Popen[str]) -> list[int]:
    assert process.stdout is not None
    return [int(pid) for pid in process.stdout.readline().split()]


def _kill(process: subprocess.Popen[str]) -> None:
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def _listening(pids: Iterable[int]) -> list[str]:
    addresses = []
    for pid in pids:
        for process in [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]:
            connections = process.net_connections("inet")
            addresses += [connection.laddr.ip for connection in connections if connection.status == "LISTEN"]
    return addresses


def _gone(pids: list[int]) -> bool:
    return _until(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def _until(condition: Any, seconds: float = 40.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.1)
    return bool(condition())
