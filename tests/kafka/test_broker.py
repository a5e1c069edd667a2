"""A broker of one's own: ready when it says so, nowhere but here, and gone without a trace."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import psutil
import pytest
from confluent_kafka.admin import AdminClient

from recsys_lab.errors import BrokerError
from recsys_lab.java import jars
from recsys_lab.kafka import KafkaStreamProcessor, LocalKafka
from tests.builders import a_click
from tests.kafka.helpers import (
    a_processor,
    environment,
    eventually,
    is_gone,
    items,
    make_topic,
    produce,
    read,
    write,
)

pytestmark = pytest.mark.integration

MEGABYTE = 1024 * 1024


@pytest.fixture
def temporary(tmp_path, monkeypatch) -> Path:
    """Where this test's private folders are made."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def listening(pid: int) -> set[str]:
    """Addresses on which a process listens."""
    found = psutil.Process(pid).net_connections(kind="inet")
    return {connection.laddr.ip for connection in found if connection.status == psutil.CONN_LISTEN}


def a_server() -> socket.socket:
    """Some program that has a port already."""
    return socket.create_server(("127.0.0.1", 0))


# -- while it runs ----------------------------------------------------------------------------------------------


def test_when_start_returns_a_client_gets_metadata_and_can_use_it(temporary):
    with LocalKafka() as kafka:
        found = AdminClient({"bootstrap.servers": kafka.bootstrap_servers}).list_topics(timeout=5)
        assert [f"{broker.host}:{broker.port}" for broker in found.brokers.values()] == [kafka.bootstrap_servers]
        write(kafka.bootstrap_servers, "clicks", [("ann", b"1")])
        assert [record.value for record in read(kafka.bootstrap_servers, "clicks")] == [b"1"]


def test_its_process_is_what_pids_says_and_it_listens_on_the_loopback_interface_only(kafka):
    (pid,) = kafka.pids
    assert "kafka.Kafka" in psutil.Process(pid).cmdline()
    assert Path(psutil.Process(pid).exe()).resolve() == jars.java().resolve()
    assert {address.removeprefix("::ffff:") for address in listening(pid)} == {"127.0.0.1"}
    assert kafka.bootstrap_servers.startswith("127.0.0.1:")


def test_its_log_and_its_text_tell_about_it(kafka):
    assert "Kafka Server started" in kafka.logs()
    assert kafka.logs() == kafka.logs(0)
    assert kafka.bootstrap_servers in repr(kafka)
    assert str(kafka.pids[0]) in repr(kafka)


def test_starting_it_again_changes_nothing(kafka):
    before = (kafka.pids, kafka.bootstrap_servers)
    assert kafka.start() is kafka
    assert (kafka.pids, kafka.bootstrap_servers) == before


def test_a_broker_that_was_never_there_cannot_be_killed(kafka):
    with pytest.raises(BrokerError, match=r"broker is 7; those started are \[0\]"):
        kafka.kill(7)
    with pytest.raises(BrokerError, match="broker is 7"):
        kafka.restart(7)


def test_or_external_uses_the_cluster_of_the_environment_and_leaves_it_running(kafka, monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", kafka.bootstrap_servers)
    with LocalKafka.or_external() as external:
        assert external.bootstrap_servers == kafka.bootstrap_servers
    assert len(kafka.pids) == 1


def test_or_external_says_which_cluster_does_not_answer(monkeypatch):
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "127.0.0.1:1")
    with pytest.raises(BrokerError, match=r"127\.0\.0\.1:1"), LocalKafka.or_external():
        pass


# -- its end, and its return --------------------------------------------------------------------------------------


def test_stop_leaves_no_process_and_no_folder_and_may_be_called_twice(temporary):
    kafka = LocalKafka().start()
    (pid,) = kafka.pids
    assert len(list(temporary.iterdir())) == 1
    kafka.stop()
    assert is_gone(pid)
    assert list(temporary.iterdir()) == []
    assert kafka.pids == []
    kafka.stop()


def test_an_error_in_the_with_block_stops_it_too(temporary):
    pids = []

    def work() -> None:
        with LocalKafka() as kafka:
            pids.extend(kafka.pids)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        work()
    assert len(pids) == 1
    assert is_gone(pids[0])
    assert list(temporary.iterdir()) == []


def test_records_in_a_named_folder_are_found_again_by_the_next_broker(tmp_path, temporary):
    data = tmp_path / "my data" / "kafka"
    with LocalKafka(data_dir=data) as kafka:
        write(kafka.bootstrap_servers, "clicks", [("ann", b"1"), ("bob", b"2")])
    with LocalKafka(data_dir=str(data)) as kafka:
        write(kafka.bootstrap_servers, "clicks", [("cid", b"3")])
        assert sorted(record.value for record in read(kafka.bootstrap_servers, "clicks")) == [b"1", b"2", b"3"]
    assert data.is_dir()


def test_a_killed_broker_comes_back_on_its_port_with_its_records():
    with LocalKafka() as kafka:
        write(kafka.bootstrap_servers, "clicks", [("ann", b"1")])
        before, address = kafka.pids, kafka.bootstrap_servers
        kafka.kill()
        assert kafka.pids == []
        assert is_gone(before[0])
        kafka.restart()
        assert kafka.bootstrap_servers == address
        assert len(kafka.pids) == 1
        assert kafka.pids != before
        assert [record.value for record in read(address, "clicks")] == [b"1"]
        before = kafka.pids
        kafka.restart()  # one that runs
        assert is_gone(before[0])
        assert [record.value for record in read(address, "clicks")] == [b"1"]


# -- what keeps it from starting ----------------------------------------------------------------------------------


def test_a_port_in_use_is_named(temporary):
    with a_server() as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=f"port {port} is in use"):
            LocalKafka(port=port).start()
    assert list(temporary.iterdir()) == []
    with LocalKafka(port=port) as kafka:
        assert kafka.bootstrap_servers == f"127.0.0.1:{port}"


def test_a_port_taken_while_its_broker_was_down_is_named():
    with LocalKafka() as kafka:
        kafka.kill()
        port = int(kafka.bootstrap_servers.rpartition(":")[2])
        with socket.create_server(("127.0.0.1", port)), pytest.raises(BrokerError, match=f"port {port} is in use"):
            kafka.restart()
        with socket.socket() as silent:  # nothing answers there, so that only the broker itself finds out
            silent.bind(("127.0.0.1", port))
            with pytest.raises(BrokerError, match=f"port {port} was taken"):
                kafka.restart()
        kafka.restart()
        assert len(kafka.pids) == 1


@pytest.mark.parametrize("port", [0, -1, 70_000, "9092"])
def test_a_port_that_is_none_is_refused(port):
    with pytest.raises(BrokerError, match="port is"):
        LocalKafka(port=port)


def test_a_port_lost_in_the_last_moment_is_replaced_by_another(monkeypatch):
    with a_server() as other:
        taken, free = other.getsockname()[1], LocalKafka._chosen_ports
        offered = []

        def first_a_taken_one(self: LocalKafka) -> object:
            ports = free(self)
            if not offered:
                ports = [ports[0]._replace(broker=taken)]
            offered.append(ports)
            return ports

        monkeypatch.setattr(LocalKafka, "_chosen_ports", first_a_taken_one)
        with LocalKafka() as kafka:
            assert kafka.bootstrap_servers != f"127.0.0.1:{taken}"
            assert read_nothing(kafka) == []


def read_nothing(kafka: LocalKafka) -> list[object]:
    make_topic(kafka.bootstrap_servers, "empty")
    return list(read(kafka.bootstrap_servers, "empty"))


def test_a_folder_below_a_file_is_refused_by_name(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"file/data.*Name another folder"):
        LocalKafka(data_dir=tmp_path / "file" / "data").start()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only to root")
def test_a_read_only_folder_is_refused_by_name(tmp_path):
    tmp_path.chmod(0o500)
    try:
        for folder in (tmp_path, tmp_path / "data"):
            with pytest.raises(BrokerError, match="Name another folder"):
                LocalKafka(data_dir=folder).start()
    finally:
        tmp_path.chmod(0o700)


def test_a_disk_nearly_full_is_refused_before_anything_starts(temporary, monkeypatch):
    usage = shutil.disk_usage(temporary)
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage._replace(free=50 * 1000 * 1000))
    monkeypatch.setattr("recsys_lab.kafka.broker.Child", lambda *_, **__: pytest.fail("it was started"))
    with pytest.raises(BrokerError, match=r"has 50 MB of free space, and Kafka needs 200 MB"):
        LocalKafka().start()
    assert list(temporary.iterdir()) == []


def test_two_brokers_cannot_share_a_folder(tmp_path):
    with LocalKafka(data_dir=tmp_path) as first:
        write(first.bootstrap_servers, "clicks", [("ann", b"1")])
        with pytest.raises(BrokerError, match="is in use by another Kafka"):
            LocalKafka(data_dir=tmp_path).start()
        first.kill()
        first.restart()
        write(first.bootstrap_servers, "clicks", [("ann", b"2")])
        assert len(read(first.bootstrap_servers, "clicks")) == 2


@pytest.mark.parametrize("text", ["", "{}", "[1]", '{"cluster_id": 3}', "\x00\xff"])
def test_a_folder_whose_description_is_damaged_is_refused_by_name(tmp_path, text):
    (tmp_path / "cluster.json").write_text(text)
    with pytest.raises(BrokerError, match=r"cluster\.json"):
        LocalKafka(data_dir=tmp_path).start()


def test_the_data_of_three_brokers_is_not_opened_with_one(tmp_path):
    (tmp_path / "cluster.json").write_text('{"cluster_id": "abc", "brokers": 3}')
    with pytest.raises(BrokerError, match=r"holds the data of 3 broker\(s\), not of 1"):
        LocalKafka(data_dir=tmp_path).start()


def test_a_property_that_kafka_refuses_ends_the_start_with_kafkas_own_words(temporary):
    with pytest.raises(BrokerError, match=r"num\.partitions|ConfigException"):
        LocalKafka(properties={"num.partitions": "many"}).start()
    assert list(temporary.iterdir()) == []


# -- archives ---------------------------------------------------------------------------------------------------


@pytest.fixture
def linked_cache(tmp_path, monkeypatch) -> Path:
    """A cache of one's own that holds links to the archives of the real one."""
    real = [jar.path for jar in jars.pinned("kafka")]
    assert not jars.missing(jars.pinned("kafka")), "recsys-lab kafka fetch"
    monkeypatch.setenv("RECSYS_LAB_CACHE", str(tmp_path / "cache"))
    for there, jar in zip(real, jars.pinned("kafka"), strict=True):
        jar.path.parent.mkdir(parents=True, exist_ok=True)
        jar.path.symlink_to(there)
    return tmp_path / "cache"


def test_a_changed_archive_is_refused_before_java_starts_and_fetching_it_mends_it(linked_cache, monkeypatch):
    jar = jars.pinned("kafka")[0]
    right = jar.path.read_bytes()
    jar.path.unlink()
    jar.path.write_bytes(right[:-1])
    with monkeypatch.context() as during:
        during.setattr("recsys_lab.kafka.broker.Child", lambda *_, **__: pytest.fail("it was started"))
        with pytest.raises(BrokerError, match=r"kafka_2\.13.* is not the file that was pinned.*recsys-lab kafka fetch"):
            LocalKafka().start()
    monkeypatch.setattr(jars, "_fetch_one", lambda jar: jar.path.write_bytes(right))  # needs no network
    assert jars.fetch("kafka") == 1
    with LocalKafka() as kafka:
        assert len(kafka.pids) == 1


def test_a_missing_archive_that_cannot_be_fetched_is_a_clear_error(linked_cache, monkeypatch):
    jars.pinned("kafka")[3].path.unlink()

    def offline(*_: object, **__: object) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("jgo.maven.MavenContext", offline)
    with pytest.raises(BrokerError, match=r"could not be fetched: no route to host.*Check the connection"):
        LocalKafka().start()


# -- the end of its parent ----------------------------------------------------------------------------------------

PARENT = """
import sys, time
from recsys_lab.kafka import LocalKafka
with LocalKafka() as kafka:
    try:
        print(kafka.pids[0], kafka.bootstrap_servers, kafka._folder, flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        print("interrupted", len(kafka.pids), flush=True)
        if sys.argv[1] == "goes on":
            time.sleep(600)
        raise
"""


def a_parent(then: str = "ends") -> tuple[subprocess.Popen[str], int, str, Path]:
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, then],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment(), start_new_session=True,
    )  # fmt: skip
    assert parent.stdout is not None
    pid, servers, folder = parent.stdout.readline().split(maxsplit=2)
    return parent, int(pid), servers, Path(folder.strip())


def test_kill_9_of_its_parent_leaves_no_process_and_no_folder():
    parent, pid, _, folder = a_parent()
    guard = psutil.Process(pid).ppid()
    assert folder.is_dir()
    parent.kill()
    parent.wait()
    eventually(lambda: is_gone(pid) and is_gone(guard), "the broker and its guard are gone")
    eventually(lambda: not folder.exists(), "the private folder is gone")


def test_ctrl_c_in_a_with_block_ends_it_with_its_parent():
    parent, pid, _, folder = a_parent()
    os.killpg(parent.pid, signal.SIGINT)  # as a terminal does: to the whole process group
    parent.wait(60)
    assert is_gone(pid)
    assert not folder.exists()


def test_an_interrupted_notebook_cell_leaves_the_broker_running():
    parent, pid, servers, _ = a_parent("goes on")
    os.killpg(parent.pid, signal.SIGINT)  # as Jupyter does
    assert parent.stdout is not None
    assert parent.stdout.readline() == "interrupted 1\n"
    write(servers, "clicks", [("ann", b"1")])
    assert [record.value for record in read(servers, "clicks")] == [b"1"]
    parent.kill()
    parent.wait()
    eventually(lambda: is_gone(pid), "the broker is gone")


def test_an_ordinary_life_prints_nothing():
    code = "from recsys_lab.kafka import LocalKafka\nwith LocalKafka() as kafka: kafka.kill(); kafka.restart()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment(), timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_two_threads_that_start_it_start_one(temporary):
    kafka = LocalKafka()
    starting = [threading.Thread(target=kafka.start) for _ in range(2)]
    for thread in starting:
        thread.start()
    for thread in starting:
        thread.join()
    try:
        assert len(kafka.pids) == 1
        assert len(list(temporary.iterdir())) == 1
    finally:
        kafka.stop()
    assert list(temporary.iterdir()) == []


# -- a disk that is full ------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 300 MB; only root can make one."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(command, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def test_on_a_full_disk_acknowledged_records_survive_and_the_error_names_the_address(small_disk):
    acknowledged: list[str] = []

    async def fill(processor: KafkaStreamProcessor) -> None:
        for number in range(1_000):
            click = a_click("ann", f"item-{number}", context={"text": random.Random(number).randbytes(300_000).hex()})
            await processor.produce_event("clicks", click)
            acknowledged.append(click.item_id)

    ballast = small_disk / "ballast"
    kafka = LocalKafka(data_dir=small_disk / "data")
    with kafka, a_processor(kafka.start(), timeout=timedelta(seconds=5)) as processor:
        produce(processor, "clicks", [a_click("ann", "first")])
        ballast.write_bytes(bytes(shutil.disk_usage(small_disk).free - 4 * MEGABYTE))
        with pytest.raises(BrokerError, match=kafka.bootstrap_servers):
            asyncio.run(fill(processor))
    assert acknowledged
    ballast.unlink()
    with LocalKafka(data_dir=small_disk / "data") as kafka:
        kept = items(record.event for record in read(kafka.bootstrap_servers, "clicks"))
    assert kept[: 1 + len(acknowledged)] == ["first", *acknowledged]
