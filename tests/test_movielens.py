"""MovieLens: read from the reader's own file, or fetched and checked; never shipped.

No test here reaches beyond 127.0.0.1.
"""

from __future__ import annotations

import hashlib
import http.server
import random
import threading
import zipfile
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pandas as pd
import pytest

from recsys_lab import datasets, movielens
from recsys_lab.errors import DatasetError
from recsys_lab.interactions import COLUMNS

MORNING = 880_000_000  # 1997-11-20 04:26:40 UTC


def some_ratings(seed: int = 7, users: int = 12, count: int = 400) -> list[tuple[str, str, int, int]]:
    """Ratings as in `u.data`: in no order, with repeats of an instant."""
    rng = random.Random(seed)
    return [
        (
            str(rng.randint(1, users)),
            str(rng.randint(1, 50)),
            rng.randint(1, 5),
            MORNING + 60 * rng.randint(0, 3_000),
        )
        for _ in range(count)
    ]


def as_text(ratings: list[tuple[str, str, int, int]]) -> str:
    return "".join("\t".join(map(str, rating)) + "\n" for rating in ratings)


def a_file(folder: Path, text: str, name: str = "u.data") -> Path:
    path = folder / name
    path.write_bytes(text.encode("latin-1"))
    return path


def a_film(number: int, title: str, *genres: str) -> str:
    flags = "|".join("1" if genre in genres else "0" for genre in movielens.GENRES)
    return f"{number}|{title}|01-Jan-1995||http://example.org|{flags}\n"


def an_archive(folder: Path) -> Path:
    with zipfile.ZipFile(folder / "films.zip", "w") as archive:
        archive.writestr("ml-100k/u.data", as_text(some_ratings()))
        archive.writestr("ml-100k/u.item", a_film(1, "Léon (1994)", "crime").encode("latin-1"))
    return folder / "films.zip"


# Reading


def test_ratings_become_interactions_in_time_order(tmp_path: Path) -> None:
    ratings = some_ratings()
    loaded = datasets.load("movielens-100k", a_file(tmp_path, as_text(ratings)))
    assert tuple(loaded.columns) == COLUMNS
    assert not loaded.isna().any(axis=None)
    expected = sorted(ratings, key=lambda rating: rating[3])  # Python's sort keeps the file's order of equals
    columns = ["user_id", "item_id", "interaction_value", "timestamp"]
    assert list(loaded[columns].itertuples(index=False, name=None)) == [
        (user, item, float(stars), datetime.fromtimestamp(seconds, timezone.utc))
        for user, item, stars, seconds in expected
    ]
    assert set(loaded["interaction_type"]) == {"rating"}


def test_a_session_ends_after_more_than_thirty_minutes_of_silence(tmp_path: Path) -> None:
    half_an_hour = 1_800
    text = as_text(
        [
            ("7", "c", 3, MORNING + 2 * half_an_hour + 1),
            ("8", "a", 3, MORNING + half_an_hour + 1),
            ("7", "a", 3, MORNING),
            ("7", "b", 3, MORNING + half_an_hour),  # sharp: the session goes on
        ]
    )
    loaded = datasets.load("movielens-100k", a_file(tmp_path, text))
    assert dict(zip(zip(loaded["user_id"], loaded["item_id"], strict=True), loaded["session_id"], strict=True)) == {
        ("7", "a"): "7-1",
        ("7", "b"): "7-1",
        ("7", "c"): "7-2",
        ("8", "a"): "8-1",
    }


def test_sessions_equal_a_walk_through_each_users_ratings(tmp_path: Path) -> None:
    loaded = datasets.load("movielens-100k", a_file(tmp_path, as_text(some_ratings(users=3))))
    latest: dict[str, tuple[datetime, int]] = {}
    for row in loaded.itertuples(index=False):
        before, number = latest.get(row.user_id, (None, 0))
        if before is None or row.timestamp - before > timedelta(minutes=30):
            number += 1
        latest[row.user_id] = (row.timestamp, number)
        assert row.session_id == f"{row.user_id}-{number}"


def test_titles_and_first_genres_come_from_the_file_beside(tmp_path: Path) -> None:
    a_file(tmp_path, a_film(1, "Léon (1994)", "crime", "drama") + a_film(2, "Untagged"), "u.item")
    ratings = as_text([("7", "1", 5, MORNING), ("7", "2", 4, MORNING), ("7", "3", 3, MORNING)])
    loaded = datasets.load("movielens-100k", a_file(tmp_path, ratings))
    assert list(loaded["description"]) == ["Léon (1994)", "Untagged", "film 3"]
    assert list(loaded["category"]) == ["crime", "unknown", "unknown"]


def test_without_titles_the_films_are_numbered(tmp_path: Path) -> None:
    loaded = datasets.load("movielens-100k", a_file(tmp_path, as_text([("7", "242", 5, MORNING)])))
    assert loaded[["description", "category"]].iloc[0].tolist() == ["film 242", "unknown"]


def test_a_file_a_folder_an_unpacked_archive_and_the_archive_read_alike(tmp_path: Path) -> None:
    archive = an_archive(tmp_path)
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path)
    places = [archive, tmp_path, tmp_path / "ml-100k", tmp_path / "ml-100k" / "u.data"]
    tables = [datasets.load("movielens-100k", place) for place in places]
    for table in tables[1:]:
        pd.testing.assert_frame_equal(table, tables[0])


def test_windows_line_ends_are_understood(tmp_path: Path) -> None:
    text = as_text(some_ratings())
    unix = datasets.load("movielens-100k", a_file(tmp_path, text, "unix"))
    windows = datasets.load("movielens-100k", a_file(tmp_path, text.replace("\n", "\r\n"), "windows"))
    pd.testing.assert_frame_equal(unix, windows)


def test_the_mark_that_windows_editors_put_first_is_not_part_of_the_first_user(tmp_path: Path) -> None:
    text = as_text(some_ratings())
    plain = datasets.load("movielens-100k", a_file(tmp_path, text, "plain"))
    marked = tmp_path / "marked"
    marked.write_bytes(b"\xef\xbb\xbf" + text.encode())
    pd.testing.assert_frame_equal(plain, datasets.load("movielens-100k", marked))


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("7\t1\t5", "4 fields"),
        ("7\t1\t5\t880000000\tmore", "4 fields"),
        ("", "4 fields"),
        ("7::1::5::880000000", "4 fields"),
        ("\t1\t5\t880000000", "must not be empty"),
        ("7\t \t5\t880000000", "must not be empty"),
        ("7\t1\tgood\t880000000", "the rating must be a number"),
        ("7\t1\tnan\t880000000", "the rating must be a finite number"),
        ("7\t1\tinf\t880000000", "the rating must be a finite number"),
        ("7\t1\t4_5\t880000000", "the rating must be a finite number"),
        ("7\t1\t5\tyesterday", "whole seconds"),
        ("7\t1\t5\t-1", "whole seconds"),
        ("7\t1\t5\t8.8e8", "whole seconds"),
        ("7\t1\t5\t880000000000", "before the year 10000"),
        ("7\t1\t5\t99999999999999999999", "before the year 10000"),
    ],
)
def test_a_malformed_line_is_named_by_its_number(tmp_path: Path, line: str, problem: str) -> None:
    path = a_file(tmp_path, f"7\t1\t5\t{MORNING}\n{line}\n7\t1\t5\t{MORNING}\n")
    with pytest.raises(DatasetError, match=rf"u\.data: line 2 .*{problem}"):
        datasets.load("movielens-100k", path)


@pytest.mark.parametrize("line", ["1|Short|||", a_film(1, "x").replace("|0", "|2"), "just words"])
def test_a_malformed_film_is_named_by_its_line(tmp_path: Path, line: str) -> None:
    a_file(tmp_path, a_film(1, "Fine") + line, "u.item")
    with pytest.raises(DatasetError, match=r"line 2 of u\.item"):
        datasets.load("movielens-100k", a_file(tmp_path, as_text(some_ratings())))


def test_an_empty_a_missing_and_a_wrong_place_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"u\.data holds no ratings"):
        datasets.load("movielens-100k", a_file(tmp_path, ""))
    with pytest.raises(DatasetError, match=r"nowhere cannot be read"):
        datasets.load("movielens-100k", tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DatasetError, match=r"u\.data cannot be read \(No such file"):
        datasets.load("movielens-100k", tmp_path / "empty")


def test_a_damaged_or_foreign_archive_is_refused(tmp_path: Path) -> None:
    content = bytearray(an_archive(tmp_path).read_bytes())
    content[60:80] = b"?" * 20
    (tmp_path / "damaged.zip").write_bytes(content)
    with pytest.raises(DatasetError, match=r"damaged\.zip cannot be read"):
        datasets.load("movielens-100k", tmp_path / "damaged.zip")
    with zipfile.ZipFile(tmp_path / "foreign.zip", "w") as archive:
        archive.writestr("holiday.txt", "sun")
    with pytest.raises(DatasetError, match=r"foreign\.zip has no u\.data"):
        datasets.load("movielens-100k", tmp_path / "foreign.zip")


# Fetching


class Server(http.server.ThreadingHTTPServer):
    """A site on 127.0.0.1 with one file, counting who asks."""

    def __init__(self, content: bytes) -> None:
        self.content, self.asked = content, 0
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/ml-100k.zip"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked += 1
        found = self.path == "/ml-100k.zip"
        self.send_response(200 if found else 404)
        self.end_headers()
        if found:
            self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def serve(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[bytes], Server]]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    servers: list[Server] = []

    def start(content: bytes) -> Server:
        servers.append(Server(content))
        threading.Thread(target=servers[-1].serve_forever, daemon=True).start()
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_download_is_checked_kept_and_not_repeated(tmp_path: Path, serve: Callable[[bytes], Server]) -> None:
    content = an_archive(tmp_path).read_bytes()
    server, known_hash = serve(content), f"md5:{hashlib.md5(content).hexdigest()}"
    first = movielens.download(server.url, known_hash, tmp_path / "cache")
    again = movielens.download(server.url, known_hash, tmp_path / "cache")
    assert (first, first.read_bytes(), server.asked) == (again, content, 1)
    assert len(datasets.load("movielens-100k", first)) == len(some_ratings())


def test_without_a_path_the_data_is_fetched(
    tmp_path: Path, serve: Callable[[bytes], Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    content = an_archive(tmp_path).read_bytes()
    server, known_hash = serve(content), f"md5:{hashlib.md5(content).hexdigest()}"
    fetched = movielens.download(server.url, known_hash, tmp_path / "cache")
    monkeypatch.setattr(movielens, "download", lambda: fetched)
    assert len(datasets.load("movielens-100k")) == len(some_ratings())


def test_a_download_with_a_wrong_checksum_is_thrown_away(tmp_path: Path, serve: Callable[[bytes], Server]) -> None:
    server = serve(b"a page that says: please log in")
    with pytest.raises(DatasetError, match=r"checksum is not md5:0e33842e.*path='ml-100k\.zip'"):
        movielens.download(server.url, folder=tmp_path / "cache")
    assert not (tmp_path / "cache" / "ml-100k.zip").exists()


def test_a_page_that_is_gone_says_how_to_get_the_data_by_hand(tmp_path: Path, serve: Callable[[bytes], Server]) -> None:
    with pytest.raises(DatasetError, match=r"404.*by hand.*path=.*forbids redistribution"):
        movielens.download(serve(b"").url + "-moved", folder=tmp_path)


def test_without_a_network_the_message_says_how_to_get_the_data_by_hand(
    tmp_path: Path, serve: Callable[[bytes], Server]
) -> None:
    server = serve(b"")
    server.shutdown()
    server.server_close()
    with pytest.raises(DatasetError, match=r"cannot be fetched.*grouplens\.org.*by hand.*research"):
        movielens.download(server.url, folder=tmp_path)
