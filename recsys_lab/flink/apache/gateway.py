"""The Java that PyFlink talks to: one for this process, on the loopback interface, gone when this process is.

It starts with the first job. It gets the Java of the Python environment, a heap that suits a laptop,
and its configuration and log in a private folder; nothing is written into the installed package. On the embedded
mini cluster a student's functions run on threads of this very process ("loopback mode"), so that a job of many
operators needs no process for each.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import logging
import os
import struct
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recsys_lab.errors import ClusterError
from recsys_lab.flink.apache import parts
from recsys_lab.flink.apache.connections import keep_by_thread
from recsys_lab.flink.cluster import (
    HOST,
    JAVA_OPTIONS,
    READY_WITHIN,
    check_installed,
    classpath,
    flink_home,
    write_configuration,
)
from recsys_lab.java import jars
from recsys_lab.java.children import Child

HEAP_MB = 768
SWITCH_SECONDS = 0.05
_SERVER = "org.apache.flink.client.python.PythonGatewayServer"

_lock = threading.Lock()
_jobs = 0
_interval = 0.0
_folder: Path | None = None
_child: Child | None = None


def gateway() -> Any:
    """The gateway, started when it is needed first. Raises ClusterError."""
    check_installed()
    from pyflink import java_gateway

    with _lock:
        if java_gateway._gateway is None:
            port = _started()
            with _environment({"PYFLINK_GATEWAY_PORT": str(port)}):
                made = java_gateway.get_gateway()
            keep_by_thread(made._gateway_client)
        return java_gateway.get_gateway()


def _started() -> int:
    """Start it; gives its port. Raises ClusterError."""
    global _folder, _child
    _folder = Path(tempfile.mkdtemp(prefix="recsys-lab-flink-"))
    write_configuration(_folder, {"io.tmp.dirs": str(_folder)})
    says = _folder / "port"
    home = flink_home()
    settings = {
        "_PYFLINK_CONN_INFO_PATH": str(says),
        "FLINK_CONF_DIR": str(_folder),
        "FLINK_LIB_DIR": str(home / "lib"),
        "FLINK_OPT_DIR": str(home / "opt"),
        "FLINK_PLUGINS_DIR": str(home / "plugins"),
        "FLINK_BIN_DIR": str(home / "bin"),
    }
    command = [
        str(jars.java()), f"-Xmx{HEAP_MB}m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1",
        "-Djava.net.preferIPv4Stack=true", *JAVA_OPTIONS, f"-Dlog.file={_folder / 'gateway.log'}",
        f"-Dlog4j.configurationFile={_folder / 'log4j.properties'}",
        "-cp", os.pathsep.join((classpath(), str(parts.for_python()))), _SERVER,
    ]  # fmt: skip
    with _environment(settings):
        child = _child = Child(command, _folder / "gateway.out", remove=[_folder])
    child.keep_to_the_end()  # PyFlink lets go of Java's objects as late as that
    deadline = time.monotonic() + READY_WITHIN
    while not (says.is_file() and says.stat().st_size):
        if not child.is_running or time.monotonic() > deadline:
            child.kill()
            said = log()[-400:] or "it said nothing"
            raise ClusterError(f"the Java that PyFlink talks to could not be started: {said}")
        time.sleep(0.02)
    port: int = struct.unpack("!I", says.read_bytes()[:4])[0]
    return port


@contextlib.contextmanager
def mini_cluster(environment: Any, slots: int) -> Iterator[str]:
    """A whole Flink inside the gateway's Java, for one job of this environment; gives its address.

    Afterwards what the workers on our threads change of this process is put back: the environment's variables, and
    the handlers and the level of Python's log. Their threads end.
    """
    from pyflink.util.java_utils import get_j_env_configuration

    jvm = gateway().jvm
    options = get_j_env_configuration(environment._j_stream_execution_environment)
    with _lock:
        options.setString("python.loopback-server.address", _workers())
    builder = jvm.org.apache.flink.runtime.minicluster.MiniClusterConfiguration.Builder()
    builder.setConfiguration(options).setNumTaskManagers(1).setNumSlotsPerTaskManager(slots)
    cluster = jvm.org.apache.flink.runtime.minicluster.MiniCluster(builder.build())
    with _process_kept():
        try:
            cluster.start()
            port = cluster.getRestAddress().get().getPort()
            options.setString("rest.port", str(port))
            yield f"{HOST}:{port}"
        finally:
            cluster.close()


@contextlib.contextmanager
def _process_kept() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level, variables = list(root.handlers), root.level, dict(os.environ)
    try:
        with _patient_threads():
            yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)


@contextlib.contextmanager
def _patient_threads() -> Iterator[None]:
    """Let the workers' threads ask for Python's lock less often, and end them with the last of the jobs that run here.

    A large job has hundreds. Each that waits for the lock asks for it anew after the switch interval, which takes more
    of the machine than the work does. PyFlink (2.3) leaves one running for every coder of a job, for ever.
    """
    from pyflink.fn_execution.utils.operation_utils import PeriodicThread

    global _jobs, _interval
    with _lock:
        if _jobs == 0:
            _interval = sys.getswitchinterval()
            sys.setswitchinterval(max(_interval, SWITCH_SECONDS))
        _jobs += 1
    try:
        yield
    finally:
        with _lock:
            _jobs -= 1
            if _jobs == 0:
                sys.setswitchinterval(_interval)
                for thread in threading.enumerate():
                    if isinstance(thread, PeriodicThread):
                        thread.cancel()


@functools.cache
def _workers() -> str:
    """Where a student's functions are run on threads of this process; it listens on the loopback interface only."""
    import grpc
    from apache_beam.portability.api.org.apache.beam.model.fn_execution.v1 import beam_fn_api_pb2_grpc
    from apache_beam.utils import thread_pool_executor
    from pyflink.fn_execution.beam.beam_worker_pool_service import BeamFnLoopbackWorkerPoolServicer

    server = grpc.server(thread_pool_executor.shared_unbounded_instance())
    port = server.add_insecure_port(f"{HOST}:0")
    beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(BeamFnLoopbackWorkerPoolServicer(), server)
    server.start()
    atexit.register(server.stop, 1)
    return f"{HOST}:{port}"


@contextlib.contextmanager
def _environment(settings: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def log() -> str:
    """What Java wrote to its log."""
    if _folder is None:
        return ""
    paths = (_folder / "gateway.log", _folder / "gateway.out")
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in paths if path.is_file())


__all__ = ["gateway", "log", "mini_cluster"]
