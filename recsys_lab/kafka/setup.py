"""What `make lab` does once, so that notebooks need no network and Kafka starts in seconds."""

from __future__ import annotations

import tempfile
from pathlib import Path

from recsys_lab.java import jars
from recsys_lab.kafka.broker import LocalKafka
from recsys_lab.kafka.jvm import class_archive, make_class_archive


def fetch() -> None:
    """Fetch Kafka's archives, then run it once to learn which classes it needs, and archive those.

    Raises JarError when the archives cannot be fetched, BrokerError when Kafka does not run here.
    """
    jars.fetch("kafka")
    classpath = jars.classpath("kafka")
    if class_archive(classpath).is_file():
        return
    print("Starting Kafka once, to make its next starts quick (about 15 s) ...", flush=True)
    with tempfile.TemporaryDirectory(prefix="recsys-lab-") as folder:
        used = Path(folder) / "classes.txt"
        with LocalKafka(data_dir=folder, java_options=[f"-XX:DumpLoadedClassList={used}"]):
            pass
        make_class_archive(classpath, used)
