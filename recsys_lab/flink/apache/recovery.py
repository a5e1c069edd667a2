"""Apache Flink's own checkpoints and savepoints: where they are kept, and how a job starts from one.

They lie in the processor's `checkpoint_dir`, in a folder for each job, and beside it a note of what job that was: Flink
itself, told to ignore what it cannot place, would start any job from any checkpoint. Both runtimes may share the
folder; neither reads what the other wrote. A Kafka sink is part of them. Sinks in the client are exact for as long as
a job runs, restarts included; what was on its way to the client when a job failed for good is not sent again by the
next one.
"""

from __future__ import annotations

import contextlib
import json
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recsys_lab.errors import CheckpointError, NotTranslatable, shorten
from recsys_lab.flink.checkpoints import Identity, check_identity
from recsys_lab.flink.kafka import KafkaSource
from recsys_lab.flink.processor import FlinkStreamProcessor
from recsys_lab.threads import alongside

_NOTE = ".job.json"
_LOOK_EVERY = 0.1
_STOP_WITHIN = 30
"""Seconds for the savepoint that a job is stopped with, before it is asked for anew."""


def options(processor: FlinkStreamProcessor, restore_from: Any, identity: Identity) -> dict[str, str]:
    """Flink's options for keeping checkpoints and starting from one. Raises CheckpointError, NotTranslatable."""
    made = {}
    if processor.checkpoint_dir is not None:
        made = {
            "execution.checkpointing.dir": processor.checkpoint_dir.resolve().as_uri(),
            "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
            "execution.checkpointing.num-retained": str(processor.checkpoints_kept),
        }
    start = _start(processor, restore_from, identity)
    if start is not None:
        for node in processor.operators:
            if isinstance(node.function, KafkaSource) and node.function.bounded:
                raise NotTranslatable(
                    f"source {node.name!r} is bounded: started from a checkpoint, Flink's Kafka connector (5.0.0-2.2) "
                    "would read the rest and then wait for ever. Use KafkaSource(…, bounded=False)."
                )
        made["execution.state-recovery.path"] = start
        # What waits to be brought back to the client has another id in every job.
        made["execution.state-recovery.ignore-unclaimed-state"] = "true"
    return made


def _start(processor: FlinkStreamProcessor, restore_from: Any, identity: Identity) -> str | None:
    if restore_from is None:
        return None
    if restore_from == "latest":
        if processor.checkpoint_dir is None:
            raise CheckpointError('there is no folder to find the "latest" checkpoint in; give checkpoint_dir.')
        written = [path for path in processor.checkpoint_dir.glob("*/*/_metadata") if _is_complete(path)]
        latest = max(written, key=lambda path: path.stat().st_mtime_ns, default=None)
        return None if latest is None else _checked(latest.parent, identity)
    text = str(restore_from)
    if "://" in text or text.startswith("file:"):
        return text
    path = Path(text)
    if not (path / "_metadata").is_file():
        raise CheckpointError(
            f"{shorten(text)} is no checkpoint of Apache Flink, which is a folder with a file called _metadata. "
            "One of the local runtime can be used there only."
        )
    return _checked(path, identity)


def _checked(checkpoint: Path, identity: Identity) -> str:
    """Its address. Raises CheckpointError where a note says that it is another job's."""
    checkpoint = checkpoint.resolve()
    kind, _, rest = checkpoint.name.partition("-")  # <job>/chk-<number>, or savepoint-<six letters of the job>-<more>
    job = rest.partition("-")[0] if kind == "savepoint" else checkpoint.parent.name
    for note in checkpoint.parents[1].glob(f"{job}*{_NOTE}"):
        with contextlib.suppress(OSError, ValueError):
            check_identity(json.loads(note.read_bytes()), identity, str(checkpoint))
    return checkpoint.as_uri()


@contextlib.contextmanager
def noted(processor: FlinkStreamProcessor, job: str, identity: Identity) -> Iterator[None]:
    """While the job runs, and for as long as anything is kept of it, say beside its checkpoints whose they are."""
    if processor.checkpoint_dir is None:
        yield
        return
    note = processor.checkpoint_dir / f"{job}{_NOTE}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_text(json.dumps(identity._asdict()))
    try:
        yield
    finally:
        kept = [*note.parent.glob(f"{job}/*/_metadata"), *note.parent.glob(f"*/savepoint-{job[:6]}-*")]
        if not kept:
            note.unlink(missing_ok=True)


def _is_complete(metadata: Path) -> bool:
    return metadata.parent.name.startswith(("chk-", "savepoint-")) and metadata.stat().st_size > 0


@contextlib.contextmanager
def listening(processor: FlinkStreamProcessor, client: Any) -> Iterator[None]:
    """As long as the job runs, do what `processor.savepoint(path)` and `processor.stop()` ask for."""
    from pyflink.java_gateway import get_gateway

    seconds = get_gateway().jvm.java.util.concurrent.TimeUnit.SECONDS
    kind = get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType.DEFAULT

    def watch(over: threading.Event) -> None:
        while not over.wait(_LOOK_EVERY):
            job = client._j_job_client
            if processor._savepoint_to is not None:
                path, processor._savepoint_to = processor._savepoint_to, None
                with contextlib.suppress(Exception):  # it may have ended meanwhile
                    job.triggerSavepoint(path.resolve().as_uri(), kind).get()
            if processor._stopped:
                with _place_for_the_last(processor) as folder:
                    while not over.is_set():
                        with contextlib.suppress(Exception):  # refused while a checkpoint fails or tasks restart
                            job.stopWithSavepoint(False, folder.resolve().as_uri(), kind).get(_STOP_WITHIN, seconds)
                            return
                        over.wait(1.0)

    with alongside(watch):
        yield


@contextlib.contextmanager
def _place_for_the_last(processor: FlinkStreamProcessor) -> Iterator[Path]:
    """The folder for the savepoint that a job is stopped with: kept where checkpoints are kept."""
    if processor.checkpoint_dir is not None:
        yield processor.checkpoint_dir / "stopped"
        return
    with tempfile.TemporaryDirectory(prefix="recsys-lab-flink-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)
