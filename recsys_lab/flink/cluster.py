"""A real Apache Flink on this machine, for as long as it is needed.

    with LocalFlink() as cluster:
        print(cluster.web_page)
        processor.execute(runtime=ApacheFlink(cluster.address))

A session cluster: a JobManager, which plans and watches and has a web page, and a TaskManager, which works. Both are
child processes on free ports of the loopback interface. They run on the Java that the Python environment brought
along, from the archives inside the apache-flink package, with configuration and logs in a private folder. When the
`with` block is left, or this process is gone for whatever reason, so are they.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import shutil
import sys
import tempfile
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from recsys_lab.errors import ClusterError, shorten
from recsys_lab.java import jars, logs, ports
from recsys_lab.java.children import Child

HOST = ports.HOST

READY_WITHIN = 90.0
"""Seconds that a start may take on a busy machine; an idle one needs five to eight."""

JOB_MANAGER_HEAP_MB = 320
TASK_MANAGER_MEMORY = {
    "taskmanager.cpu.cores": "2.0",
    "taskmanager.memory.framework.heap.size": "96m",
    "taskmanager.memory.task.heap.size": "288m",
    "taskmanager.memory.managed.size": "96m",
    "taskmanager.memory.framework.off-heap.size": "96m",
    "taskmanager.memory.task.off-heap.size": "32m",
    "taskmanager.memory.network.min": "64m",
    "taskmanager.memory.network.max": "64m",
    "taskmanager.memory.jvm-metaspace.size": "192m",
    "taskmanager.memory.jvm-overhead.min": "96m",
    "taskmanager.memory.jvm-overhead.max": "96m",
}
"""What a start script would work out; started without one, a TaskManager has to be told all of it."""

_MONTH_MS = 30 * 24 * 60 * 60 * 1000
_PATIENCE_MS = 120_000
"""A job that lacks slots waits so long for a TaskManager to come back, however long the cluster has been up."""

_JOB_MANAGER = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint"
_TASK_MANAGER = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner"

_EXPORTED = ("java.rmi/sun.rmi.registry", "java.security.jgss/sun.security.krb5")
_OPENED = (
    *("lang", "net", "io", "nio", "lang.reflect", "text", "time", "util"),
    *("util.concurrent", "util.concurrent.atomic", "util.concurrent.locks"),
)
JAVA_OPTIONS = (
    "-XX:+IgnoreUnrecognizedVMOptions",
    *(f"--add-exports={name}=ALL-UNNAMED" for name in _EXPORTED),
    *(f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in _OPENED),
    "--add-opens=java.base/sun.nio.ch=ALL-UNNAMED",
)
"""What Apache Flink needs of Java 17 and later, as its own configuration says (less what only a compiler has)."""

_LOGGING = """\
rootLogger.level = INFO
rootLogger.appenderRef.file.ref = File
appender.file.name = File
appender.file.type = FILE
appender.file.append = true
appender.file.fileName = ${sys:log.file}
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %c - %m%n
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
"""


class LocalFlink:
    """A session cluster of Apache Flink as child processes; a context manager.

    task_slots: how many subtasks of an operator can work at once. port: of the web page and for jobs; a free one by
    default. configuration: further options of Flink, which win over the lab's.

    `start` (or entering the `with` block) raises ClusterError when it cannot be started: apache-flink is not
    installed, a port is in use, the folder cannot be written.
    """

    def __init__(
        self, *, task_slots: int = 4, port: int | None = None, configuration: Mapping[str, str] | None = None
    ) -> None:
        if isinstance(task_slots, bool) or not isinstance(task_slots, int) or not 1 <= task_slots <= 64:
            raise ClusterError(f"task_slots is {shorten(task_slots)}; a whole number from 1 to 64 is needed.")
        self.task_slots = task_slots
        self.port = port
        self._configuration = dict(configuration or {})
        self._folder: Path | None = None
        self._rest_port = 0
        self._children: dict[str, Child] = {}
        self._started = 0  # TaskManagers so far

    def __enter__(self) -> LocalFlink:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        running = f"{self.address}, pids {self.pids}" if self.pids else "not running"
        return f"LocalFlink({self.task_slots} slots, {running})"

    @property
    def address(self) -> str:
        """Where jobs are sent to, `host:port`."""
        if not self._rest_port:
            raise ClusterError("Flink has not been started; use `with LocalFlink() as cluster:` or cluster.start().")
        return f"{HOST}:{self._rest_port}"

    @property
    def web_page(self) -> str:
        """Address of Flink's own page."""
        return f"http://{self.address}"

    @property
    def pids(self) -> list[int]:
        """Process ids of the JobManager and the TaskManager, of those that run."""
        return [child.pid for child in self._children.values() if child.is_running]

    def start(self) -> LocalFlink:
        """Start both and return when a job can be sent. Raises ClusterError."""
        if self._children:
            return self
        check_installed()
        try:
            ports.on_free_ports(self._start_all, self._end_all, error=ClusterError)
        except BaseException:  # Ctrl-C too
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End both, and remove their folder. Safe to call twice."""
        self._end_all()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder, self._rest_port = None, 0

    def kill_task_manager(self) -> None:
        """End the TaskManager at once, as a power cut would (`kill -9`), and with it all work under way."""
        if "taskmanager" not in self._children:
            raise ClusterError("Flink is not running, so there is no TaskManager to kill.")
        self._children["taskmanager"].kill()

    def restart_task_manager(self) -> None:
        """Start the TaskManager again; one that still runs is stopped first. Raises ClusterError."""
        if "jobmanager" not in self._children:
            raise ClusterError("Flink is not running; use cluster.start().")
        self._children["taskmanager"].stop()
        self._launch_task_manager()
        self._wait_until_ready()

    def logs(self) -> str:
        """What both wrote to their logs."""
        return "\n".join(self._log(name) for name in ("jobmanager", "taskmanager"))

    def overview(self) -> dict[str, Any]:
        """What the cluster says of itself: `taskmanagers`, `slots-total`, `slots-available`, `jobs-running` …"""
        found: dict[str, Any] = ask(self.address, "/overview")
        return found

    # -- starting --

    def _start_all(self) -> None:
        if self._folder is None:
            try:
                self._folder = Path(tempfile.mkdtemp(prefix="recsys-lab-flink-"))
            except OSError as error:
                raise ClusterError(
                    f"Flink cannot keep its files in {tempfile.gettempdir()}: {error}. Set TMPDIR to another folder."
                ) from error
        if self.port is not None:
            ports.check_free(self.port, "Flink", ClusterError)
        rpc, rest = ports.free_ports(2)
        self._rest_port = self.port or rest
        write_configuration(self._folder, self._options(rpc))
        self._launch("jobmanager", _JOB_MANAGER, [f"-Xmx{JOB_MANAGER_HEAP_MB}m"])
        self._launch_task_manager()
        self._wait_until_ready()

    def _launch_task_manager(self) -> None:
        self._started += 1
        name = f"taskmanager-{self._started}"
        self._launch("taskmanager", _TASK_MANAGER, _task_manager_options(), [f"-Dtaskmanager.resource-id={name}"])

    def _options(self, rpc_port: int) -> dict[str, str]:
        folder = str(self._folder)
        return {
            "jobmanager.rpc.address": HOST,
            "jobmanager.rpc.port": str(rpc_port),
            "jobmanager.bind-host": HOST,
            "taskmanager.host": HOST,
            "taskmanager.bind-host": HOST,
            "taskmanager.rpc.port": "0",  # another one after each restart: what was sent to the last doesn't reach it
            "rest.address": HOST,
            "rest.bind-address": HOST,
            "rest.port": str(self._rest_port),
            "rest.bind-port": str(self._rest_port),
            "taskmanager.numberOfTaskSlots": str(self.task_slots),
            **TASK_MANAGER_MEMORY,
            "env.java.opts.all": " ".join(JAVA_OPTIONS),
            "io.tmp.dirs": folder,
            "web.tmpdir": folder,
            "process.working-dir": folder,
            "execution.checkpointing.dir": f"{self._folder.as_uri()}/checkpoints" if self._folder else "",
            "python.executable": sys.executable,
            "cluster.registration.error-delay": "200 ms",
            "heartbeat.interval": "2000",  # a TaskManager that is gone is missed after seconds, not a minute
            "heartbeat.timeout": "20000",
            "resourcemanager.standalone.start-up-time": str(_MONTH_MS),
            "slot.request.timeout": str(_PATIENCE_MS),
            "web.refresh-interval": "1000",
            "metrics.fetcher.update-interval": "1000",  # of what the page shows; ten times that by default
            **self._configuration,
        }

    def _launch(self, name: str, entry: str, options: Sequence[str], arguments: Sequence[str] = ()) -> None:
        folder = self._folder
        assert folder is not None
        command = [
            str(jars.java()), *options, "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:+ExitOnOutOfMemoryError",
            "-Djava.net.preferIPv4Stack=true", *JAVA_OPTIONS, f"-Dlog.file={folder / name}.log",
            f"-Dlog4j.configurationFile={folder / 'log4j.properties'}", "-cp", classpath(), entry,
            "--configDir", str(folder), *arguments,
        ]  # fmt: skip
        with _importable():
            self._children[name] = Child(command, folder / f"{name}.out", remove=[folder], family=True)

    def _wait_until_ready(self) -> None:
        """Return when the web page tells of the TaskManager started last. Raises ClusterError."""
        deadline = time.monotonic() + READY_WITHIN
        while True:
            with contextlib.suppress(ClusterError):
                managers = {known["id"]: known for known in ask(self.address, "/taskmanagers")["taskmanagers"]}
                if managers.get(f"taskmanager-{self._started}", {}).get("slotsNumber") == self.task_slots:
                    return  # a job that waits for it may have the slots already
            for name, child in self._children.items():
                if not child.is_running:
                    text = self._log(name)
                    if "Address already in use" in text or "Could not bind" in text or "Unable to bind" in text:
                        raise ports.PortTaken("one of Flink's ports was taken by another program; try again.")
                    raise ClusterError(f"Flink's {name} ended while it started: {logs.reason(text)}")
            if time.monotonic() > deadline:
                last = logs.last_line(self._log("taskmanager"))
                raise ClusterError(
                    f"Flink was not ready within {READY_WITHIN:.0f} s; its TaskManager's last word: {last}"
                )
            time.sleep(0.05)

    def _end_all(self) -> None:
        for child in reversed(list(self._children.values())):
            child.kill()  # nothing of it is kept
        self._children = {}

    def _log(self, name: str) -> str:
        if self._folder is None:
            return ""
        return "\n".join(logs.read(self._folder / f"{name}.{kind}") for kind in ("log", "out"))


def check_installed() -> None:
    """Raise ClusterError where there is no apache-flink."""
    if importlib.util.find_spec("pyflink") is None:
        raise ClusterError(
            "Apache Flink is not installed in this Python environment. On Python 3.10 to 3.12 the lab brings it along "
            f"(run make lab anew); there is none yet for {sys.version_info.major}.{sys.version_info.minor}."
            if sys.version_info >= (3, 13)
            else "Apache Flink is not installed in this Python environment. Run make lab anew, "
            "or: pip install apache-flink==2.3.0"
        )


def flink_home() -> Path:
    """Where the apache-flink package keeps Flink."""
    check_installed()
    found = importlib.util.find_spec("pyflink")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent


def classpath() -> str:
    """Flink's own archives, as Java's class path."""
    archives = sorted(flink_home().joinpath("lib").glob("*.jar"))
    if not archives:
        raise ClusterError(f"{flink_home()} has no archives of Flink. Install apache-flink-libraries anew.")
    return os.pathsep.join(map(str, archives))


def write_configuration(folder: Path, options: Mapping[str, str]) -> None:
    """Flink's config.yaml, and how it logs, in a folder. Raises ClusterError."""
    lines = [f"{name}: {json.dumps(value)}\n" for name, value in options.items()]
    try:
        (folder / "config.yaml").write_text("".join(lines), encoding="utf-8")
        for name in ("log4j.properties", "log4j-cli.properties"):
            (folder / name).write_text(_LOGGING, encoding="utf-8")
    except OSError as error:
        raise ClusterError(f"Flink's configuration cannot be written to {folder}: {error}. Free some space.") from error


def ask(address: str, path: str, *, timeout: float = 5.0) -> Any:
    """What the REST interface of a cluster answers. Raises ClusterError when it doesn't."""
    try:
        with urllib.request.urlopen(f"http://{address}{path}", timeout=timeout) as answer:
            return json.loads(answer.read())
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Apache Flink answers at {address}: {error}. Is it running? (recsys-lab flink status)"
        ) from error


def _task_manager_options() -> list[str]:
    def megabytes(*names: str) -> int:
        return sum(int(TASK_MANAGER_MEMORY[f"taskmanager.memory.{name}"].rstrip("m")) for name in names)

    direct = megabytes("framework.off-heap.size", "task.off-heap.size", "network.max")
    return [
        f"-Xmx{megabytes('framework.heap.size', 'task.heap.size')}m",
        f"-XX:MaxDirectMemorySize={direct}m",
        f"-XX:MaxMetaspaceSize={megabytes('jvm-metaspace.size')}m",
    ]


@contextlib.contextmanager
def _importable() -> Any:
    """Python workers that the children start can import this package, installed or not."""
    before = os.environ.get("PYTHONPATH")
    here = str(Path(__file__).resolve().parents[2])
    os.environ["PYTHONPATH"] = here if not before else os.pathsep.join((here, before))
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before
