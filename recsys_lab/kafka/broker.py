"""A real Apache Kafka on this machine, for as long as it is needed.

    with LocalKafka() as kafka:
        print(kafka.bootstrap_servers)

One broker or three, in KRaft mode, as child processes on free ports of the loopback interface. They run on the Java
that the Python environment brought along, from archives that were checked just before. When the `with` block is
left, or this process is gone for whatever reason, so are they; and so is their data, unless a folder was named for it.
"""

from __future__ import annotations

import base64
import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from operator import methodcaller
from pathlib import Path
from types import TracebackType
from typing import IO, Any

from recsys_lab.errors import BrokerError, shorten
from recsys_lab.java import jars, logs, ports
from recsys_lab.java.children import Child
from recsys_lab.kafka.connection import Connection, admin
from recsys_lab.kafka.external import ExternalKafka
from recsys_lab.kafka.jvm import java_options
from recsys_lab.kafka.properties import Ports, as_text, server_properties

READY_WITHIN = 60.0
"""Seconds that a start may take on a busy machine; an idle one needs two to four."""

NEEDED_BYTES = 200_000_000
"""Free space below which a broker is not started: it would stop in the middle of its work."""


class LocalKafka:
    """Apache Kafka as child processes; a context manager.

    brokers: 1, or 3 that keep three copies of everything. data_dir: a folder that keeps the data, and in which it is
    found again; without it, a private one that goes with the broker. port: of the first broker, the others take the
    next ones; free ones by default. properties: further server properties, such as another listener. java_options:
    further options for Java.

    `start` (or entering the `with` block) raises BrokerError when Kafka cannot be started: a port in use, no disk
    space, a folder that cannot be written, an archive that is not the pinned one.
    """

    def __init__(
        self,
        *,
        brokers: int = 1,
        data_dir: str | Path | None = None,
        port: int | None = None,
        properties: Mapping[str, str] | None = None,
        java_options: Sequence[str] = (),
    ) -> None:
        if brokers not in (1, 3):
            raise BrokerError(f"brokers is {shorten(brokers)}; 1 or 3 can be started (2 could not lose one).")
        if port is not None and not (isinstance(port, int) and 0 < port <= 65_536 - brokers):
            raise BrokerError(f"port is {shorten(port)}; a number from 1 to {65_536 - brokers} is needed.")
        self.brokers = brokers
        self.data_dir = None if data_dir is None else Path(data_dir).expanduser().resolve()
        self.port = port
        self._properties = dict(properties or {})
        self._java_options = list(java_options)
        self._ports: list[Ports] = []
        self._folder: Path | None = None
        self._children: dict[int, Child] = {}
        self._classpath = ""
        self._lock: IO[str] | None = None
        self._changing = threading.RLock()

    @classmethod
    def or_external(cls, **options: Any) -> LocalKafka | ExternalKafka:
        """The cluster that KAFKA_BOOTSTRAP_SERVERS names, else a `LocalKafka` with these options."""
        if os.environ.get("KAFKA_BOOTSTRAP_SERVERS"):
            return ExternalKafka(Connection.resolve(None))
        return cls(**options)

    def __enter__(self) -> LocalKafka:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        running = f"{self.bootstrap_servers}, pids {self.pids}" if self.pids else "not running"
        return f"LocalKafka({self.brokers} broker{'s' * (self.brokers > 1)}, {running})"

    @property
    def bootstrap_servers(self) -> str:
        """Addresses of the brokers, `host:port` with commas between, as every Kafka client takes them."""
        if not self._ports:
            raise BrokerError("Kafka has not been started; use `with LocalKafka() as kafka:` or kafka.start().")
        return ",".join(f"{ports.HOST}:{port.broker}" for port in self._ports)

    @property
    def pids(self) -> list[int]:
        """Process ids of the brokers that run, in order of their number."""
        return [self._children[broker].pid for broker in sorted(self._children) if self._children[broker].is_running]

    def start(self) -> LocalKafka:
        """Start all brokers and return when a client can use them. Raises BrokerError."""
        with self._changing:
            if self._children:
                return self
            self._classpath = _checked_classpath()
            try:
                self._prepare_folder()
                ports.on_free_ports(self._start_all, self._end_all, error=BrokerError)
            except BaseException:  # Ctrl-C too
                self.stop()
                raise
            return self

    def stop(self) -> None:
        """End all brokers; data in a private folder goes too. Safe to call twice."""
        with self._changing:
            self._end_all()
            if self._folder is not None and self.data_dir is None:
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._lock is not None:
                self._lock.close()
            self._folder, self._ports, self._lock = None, [], None

    def kill(self, broker: int = 0) -> None:
        """End a broker at once, as a power cut would (`kill -9`)."""
        self._child(broker).kill()

    def restart(self, broker: int = 0) -> None:
        """Start a broker again on its port and its data; one that still runs is stopped first. Raises BrokerError."""
        self._child(broker).stop()
        ports.check_free(self._ports[broker].broker, "Kafka", BrokerError)
        self._launch(broker)
        try:
            self._wait_until_ready()
        except ports.PortTaken as taken:
            raise BrokerError(str(taken)) from None

    def logs(self, broker: int | None = None) -> str:
        """What a broker wrote to its log, or all of them."""
        chosen = range(self.brokers) if broker is None else [broker]
        return "\n".join(logs.read(self._log(number)) for number in chosen)

    # -- starting --

    def _start_all(self) -> None:
        self._ports = self._chosen_ports()
        cluster_id = self._cluster_id()
        formats = [self._format(broker, cluster_id) for broker in range(self.brokers)]
        for broker, child in enumerate(formats):
            if not child.wait(READY_WITHIN):
                child.kill()
            if not (self._data(broker) / "meta.properties").is_file():
                raise BrokerError(f"Kafka could not prepare {self._data(broker)}: {logs.reason(self.logs(broker))}")
        for broker in range(self.brokers):
            self._launch(broker)
        self._wait_until_ready()

    def _prepare_folder(self) -> None:
        """The folder for everything, writable, with room, and nobody else's. Raises BrokerError."""
        try:
            if self.data_dir is None:
                self._folder = folder = Path(tempfile.mkdtemp(prefix="recsys-lab-kafka-"))
            else:
                self._folder = folder = self.data_dir
                folder.mkdir(parents=True, exist_ok=True)
            self._lock = (folder / "lock").open("w")
            free = shutil.disk_usage(folder).free
        except OSError as error:
            where = self.data_dir or tempfile.gettempdir()
            raise BrokerError(f"Kafka cannot keep its data in {where}: {error}. Name another folder.") from error
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BrokerError(f"{folder} is in use by another Kafka. Stop that one, or name another folder.") from None
        if free < NEEDED_BYTES:
            raise BrokerError(
                f"{folder} has {free / 1e6:.0f} MB of free space, and Kafka needs {NEEDED_BYTES / 1e6:.0f} MB. "
                "Make room, or name a data_dir on another disk."
            )

    def _chosen_ports(self) -> list[Ports]:
        if self.port is None:
            numbers = ports.free_ports(2 * self.brokers)
            return [Ports(*numbers[2 * broker : 2 * broker + 2]) for broker in range(self.brokers)]
        wanted = range(self.port, self.port + self.brokers)
        for number in wanted:
            ports.check_free(number, "Kafka", BrokerError)
        return [
            Ports(number, controller) for number, controller in zip(wanted, ports.free_ports(self.brokers), strict=True)
        ]

    def _cluster_id(self) -> str:
        """The name of the cluster: a new one, or the one that the data in the folder belongs to."""
        assert self._folder is not None
        file = self._folder / "cluster.json"
        if file.is_file():
            cluster_id, brokers = _described(file)
            if brokers != self.brokers:
                raise BrokerError(
                    f"{self._folder} holds the data of {brokers} broker(s), not of {self.brokers}. "
                    "Start as many, or name another folder."
                )
            return cluster_id
        cluster_id = base64.urlsafe_b64encode(os.urandom(16)).decode().rstrip("=").replace("-", "a")
        file.write_text(json.dumps({"cluster_id": cluster_id, "brokers": self.brokers}), encoding="utf-8")
        return cluster_id

    def _format(self, broker: int, cluster_id: str) -> Child:
        properties = server_properties(broker, self._ports, self._data(broker), self._properties)
        self._file(broker).write_text(as_text(properties), encoding="utf-8")
        tool = ["kafka.tools.StorageTool", "format", "--ignore-formatted", "-t", cluster_id, "-c"]
        return self._java(broker, [*tool, self._file(broker)])

    def _launch(self, broker: int) -> None:
        self._children[broker] = self._java(broker, ["kafka.Kafka", self._file(broker)])

    def _java(self, broker: int, arguments: list[str | Path]) -> Child:
        assert self._folder is not None
        options = java_options(self._classpath, heap_mb=512 if self.brokers == 1 else 256)
        command = [str(jars.java()), *options, *self._java_options, "-cp", self._classpath, *map(str, arguments)]
        remove = [] if self.data_dir is not None else [self._folder]
        return Child(command, self._log(broker), remove=remove)

    def _wait_until_ready(self) -> None:
        """Return when every running broker accepts connections and a client sees them all. Raises BrokerError."""
        deadline = time.monotonic() + READY_WITHIN
        running = {broker for broker, child in self._children.items() if child.is_running}
        for broker in sorted(running):
            while not ports.is_in_use(self._ports[broker].broker):
                self._check_alive(broker, deadline)
                time.sleep(0.05)
        while not _sees(self.bootstrap_servers, running):
            for broker in running:
                self._check_alive(broker, deadline)
            time.sleep(0.05)

    def _check_alive(self, broker: int, deadline: float) -> None:
        text = self.logs(broker)
        if not self._children[broker].is_running:
            if "Address already in use" in text:
                raise ports.PortTaken(f"port {self._ports[broker].broker} was taken by another program; try again.")
            raise BrokerError(f"Kafka broker {broker} ended while it started: {logs.reason(text)}")
        if time.monotonic() > deadline:
            raise BrokerError(f"Kafka was not ready within {READY_WITHIN:.0f} s: {logs.reason(text)}")

    # -- ending --

    def _end_all(self) -> None:
        end = methodcaller("kill" if self.data_dir is None else "stop")  # what is not kept need not be put in order
        with ThreadPoolExecutor(self.brokers) as pool:  # each of three waits for the others, until its grace is over
            list(pool.map(end, self._children.values()))
        self._children = {}

    # -- where things are --

    def _child(self, broker: int) -> Child:
        if broker not in self._children:
            raise BrokerError(f"broker is {shorten(broker)}; those started are {sorted(self._children)}.")
        return self._children[broker]

    def _place(self, broker: int, name: str) -> Path:
        if self._folder is None:
            raise BrokerError("Kafka is not running; use `with LocalKafka() as kafka:` or kafka.start().")
        return self._folder / f"{name}-{broker}"

    def _data(self, broker: int) -> Path:
        return self._place(broker, "data")

    def _file(self, broker: int) -> Path:
        return self._place(broker, "server").with_suffix(".properties")

    def _log(self, broker: int) -> Path:
        return self._place(broker, "server").with_suffix(".log")


def _described(file: Path) -> tuple[str, int]:
    """The cluster's name and number of brokers, as an earlier start wrote them down. Raises BrokerError."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        return str(kept["cluster_id"]), int(kept["brokers"])
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise BrokerError(
            f"{file} is damaged ({shorten(error)}), so the data beside it cannot be told. Name another folder."
        ) from error


def _checked_classpath() -> str:
    try:
        jars.fetch_if_missing("kafka")
        return jars.classpath("kafka")
    except jars.JarError as error:
        raise BrokerError(str(error)) from error


def _sees(bootstrap_servers: str, brokers: set[int]) -> bool:
    """Does a client get metadata that lists these brokers?"""
    with contextlib.suppress(BrokerError), admin(Connection(bootstrap_servers), seconds=5.0) as client:
        described = {node["broker_id"] for node in client.describe_cluster()["brokers"]}
        return brokers <= described
    return False
