"""`recsys-lab kafka`: a broker in the background that is found again, and that nobody else's port stops quietly."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from kafka import KafkaConsumer, KafkaProducer

from recsys_lab.java import jars

pytestmark = pytest.mark.integration


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Path]:
    """A cache folder of this test's own, with the archives of the real one; what still runs in it is ended."""
    jars.fetch_if_missing("kafka")
    (tmp_path / "jars").symlink_to(jars.cache_folder() / "jars")
    for archive in jars.cache_folder().glob("*.jsa"):
        (tmp_path / archive.name).symlink_to(archive)
    yield tmp_path
    kafka(tmp_path, "down")


def kafka(cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "recsys_lab.cli", "kafka", *arguments],
        env=os.environ | {"RECSYS_LAB_CACHE": str(cache)}, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


def a_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_up_twice_is_once_down_ends_it_and_up_again_finds_the_data(cache: Path) -> None:
    port = str(a_free_port())
    assert kafka(cache, "up", "--port", port).returncode == 0
    pids = json.loads((cache / "kafka-service.json").read_bytes())["pids"]
    producer = KafkaProducer(bootstrap_servers=f"127.0.0.1:{port}")
    producer.send("kept", b"a record").get(30)
    producer.close()

    assert f"127.0.0.1:{port}" in kafka(cache, "up", "--port", port).stdout
    assert str(pids[0]) in kafka(cache, "status").stdout
    assert kafka(cache, "down").stdout == "Kafka has ended.\n"
    assert not psutil.pid_exists(pids[0])
    assert kafka(cache, "status").returncode == 1
    assert kafka(cache, "up", "--port", port).returncode == 0
    consumer = KafkaConsumer("kept", bootstrap_servers=f"127.0.0.1:{port}", auto_offset_reset="earliest")
    (records,) = consumer.poll(30_000).values()
    consumer.close()
    assert [record.value for record in records] == [b"a record"]


def test_a_port_in_use_is_named_in_one_sentence(cache: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = kafka(cache, "up", "--port", str(port))

    assert done.returncode == 1
    assert done.stderr.startswith(f"recsys-lab: port {port} is in use")
    assert len(done.stderr.splitlines()) == 1


def test_down_leaves_a_stranger_alone_that_has_the_process_id_now(cache: Path) -> None:
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note = {"address": "", "data_dir": "", "pids": [], "pid": stranger.pid, "started": 1.0}
    (cache / "kafka-service.json").write_text(json.dumps(note))

    assert kafka(cache, "down").stdout == "Kafka was not running.\n"
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_what_is_no_note_counts_as_nothing_running(cache: Path) -> None:
    (cache / "kafka-service.json").write_text("{")

    assert kafka(cache, "status").returncode == 1
