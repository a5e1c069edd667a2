"""The Java that PyFlink talks to: one for this process, on the loopback interface, gone when this process is.

PyFlink starts it with the first job. It gets the Java of the Python environment, a heap that suits a laptop,
and its configuration and log in a private folder; nothing is written into the installed package. On the embedded
mini cluster a student's functions run on threads of this very process ("loopback mode"), so that a job of many
operators needs no process for each.
"""

from __future__ import annotations

import atexit
import contextlib
import logging
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recsys_lab.errors import ClusterError
from recsys_lab.flink.cluster import HOST, JAVA_OPTIONS, check_installed, write_configuration
from recsys_lab.java import jars

HEAP_MB = 768

_lock = threading.Lock()
_folder: Path | None = None


def gateway() -> Any:
    """The gateway, started when it is needed first. Raises ClusterError."""
    global _folder
    check_installed()
    from pyflink import java_gateway

    with _lock:
        if java_gateway._gateway is not None:
            return java_gateway.get_gateway()
        if _folder is None:
            _folder = Path(tempfile.mkdtemp(prefix="recsys-lab-flink-"))
            atexit.register(shutil.rmtree, _folder, ignore_errors=True)
        write_configuration(_folder, {"env.java.opts.all": " ".join(JAVA_OPTIONS)})
        settings = {
            "JAVA_HOME": str(jars.java().parent.parent),
            "FLINK_CONF_DIR": str(_folder),
            "FLINK_LOG_DIR": str(_folder),
            "JVM_ARGS": f"-Xmx{HEAP_MB}m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Djava.net.preferIPv4Stack=true",
        }
        try:
            with _environment(settings, without=("FLINK_HOME", "PYFLINK_GATEWAY_PORT", "HADOOP_CLASSPATH")):
                return java_gateway.get_gateway()
        except Exception as error:
            raise ClusterError(f"the Java of Apache Flink could not be started: {error}. Its log: {_folder}") from error


@contextlib.contextmanager
def mini_cluster(environment: Any, slots: int) -> Iterator[str]:
    """A whole Flink inside the gateway's Java, for one job of this environment; gives its address.

    Afterwards what the workers on our threads change of this process is put back: the environment's variables, and
    the handlers and the level of Python's log.
    """
    from pyflink.util.java_utils import get_j_env_configuration

    jvm = gateway().jvm
    options = get_j_env_configuration(environment._j_stream_execution_environment)
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
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        for name in os.environ.keys() - variables.keys():
            del os.environ[name]
        os.environ.update(variables)


def _workers() -> str:
    """Where a student's functions are run on threads of this process; it listens on the loopback interface only."""
    import grpc
    from apache_beam.portability.api.org.apache.beam.model.fn_execution.v1 import beam_fn_api_pb2_grpc
    from apache_beam.utils import thread_pool_executor
    from pyflink.fn_execution.beam.beam_worker_pool_service import BeamFnLoopbackWorkerPoolServicer

    with _lock:
        pool = BeamFnLoopbackWorkerPoolServicer()
        if not pool._worker_address:
            server = grpc.server(thread_pool_executor.shared_unbounded_instance())
            port = server.add_insecure_port(f"{HOST}:0")
            beam_fn_api_pb2_grpc.add_BeamFnExternalWorkerPoolServicer_to_server(pool, server)
            server.start()
            pool._worker_address = f"{HOST}:{port}"
            atexit.register(server.stop, 1)
        return str(pool._worker_address)


@contextlib.contextmanager
def _environment(settings: dict[str, str], without: tuple[str, ...]) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(settings)
    for name in without:
        os.environ.pop(name, None)
    try:
        yield
    finally:
        for name in {*settings, *without}:
            os.environ.pop(name, None)
            if name in before:
                os.environ[name] = before[name]


def log() -> str:
    """What Java wrote to its log."""
    if _folder is None:
        return ""
    return "\n".join(path.read_text(encoding="utf-8", errors="replace") for path in sorted(_folder.glob("*.log*")))


__all__ = ["gateway", "log", "mini_cluster"]
