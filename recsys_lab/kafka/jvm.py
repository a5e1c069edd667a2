"""Options for the Java that runs a broker: ready in seconds, on a machine that has other things to do.

Half of a start goes into reading and checking some 7,000 classes. Java can keep them in an archive that it maps
into memory next time ("class data sharing", JEP 310 and JEP 350). `recsys-lab kafka fetch` makes one beside the
downloaded jars; where there is none, or it does not fit, Kafka starts all the same, only later. The quick compiler
alone is used (C1): for a broker that runs minutes the thorough one costs more than it gains.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path

from recsys_lab.java import jars


def java_options(classpath: str, *, heap_mb: int) -> list[str]:
    """For a start with that class path, with the archive of classes if there is one."""
    archive = class_archive(classpath)
    return [
        f"-Xmx{heap_mb}m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:+ExitOnOutOfMemoryError",
        "-Djava.net.preferIPv4Stack=true",
        *([f"-XX:SharedArchiveFile={archive}", "-Xlog:cds=off", "-Xlog:cds*=off"] if archive.is_file() else []),
    ]


def class_archive(classpath: str) -> Path:
    """Where the archive for this class path and this Java lies."""
    key = hashlib.sha256(f"{jars.java()}\n{classpath}".encode()).hexdigest()[:16]
    return jars.cache_folder() / f"classes-{key}.jsa"


def make_class_archive(classpath: str, used_classes: Path) -> bool:
    """Archive the classes that a list names, as `-XX:DumpLoadedClassList` writes it; whether that went well."""
    archive = class_archive(classpath)
    arriving = archive.with_suffix(f".{os.getpid()}")
    command = [
        str(jars.java()), "-Xshare:dump", "-XX:+UseSerialGC", f"-XX:SharedClassListFile={used_classes}",
        f"-XX:SharedArchiveFile={arriving}", "-cp", classpath,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode == 0 and arriving.is_file():
        arriving.replace(archive)
        return True
    arriving.unlink(missing_ok=True)
    return False
