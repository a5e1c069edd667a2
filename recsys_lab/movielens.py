"""MovieLens 100K: a reader of `u.data`, and the download that the reader's own machine must do.

The licence allows research and forbids redistribution, so the lab never ships this data. The format is
that of the data set's README (GroupLens): `u.data` has user, item, rating and epoch seconds, parted by
tabs; `u.item`, beside it and optional, has 24 fields parted by `|`, in Latin-1: id, title, three fields
more, and a 0 or 1 for each genre of GENRES. Other ratings in the form of `u.data` can be read as well.
"""

from __future__ import annotations

import codecs
import math
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from recsys_lab.errors import DatasetError, shorten
from recsys_lab.interactions import in_time_order

URL = "https://files.grouplens.org/datasets/movielens/ml-100k.zip"
KNOWN_HASH = "md5:0e33842e24a9c977be4e0107933c0723"  # as GroupLens publishes it, beside the archive

# fmt: off
GENRES = (
    "unknown", "action", "adventure", "animation", "children's", "comedy", "crime", "documentary", "drama",
    "fantasy", "film-noir", "horror", "musical", "mystery", "romance", "sci-fi", "thriller", "war", "western",
)
# fmt: on

SESSION_GAP_SECONDS = 30 * 60
LATEST = 253_402_300_799  # the last second of the year 9999, where datetime ends

_BY_HAND = (
    f"get {URL} by hand and pass its place: load('movielens-100k', path='ml-100k.zip'). "
    "Its licence allows research and forbids redistribution, so the lab does not ship it"
)


def read(path: Path) -> pd.DataFrame:
    """Ratings as interactions, oldest first.

    path: `u.data` or a file of its form, a folder that holds it (or holds `ml-100k/`), or `ml-100k.zip`.

    `interaction_value` is the rating. A user's session ends when more than 30 minutes pass without a
    rating; `session_id` is the user and the session's number ("196-1"). `description` is the title,
    `category` the first genre that `u.item` marks; without `u.item` they are "film 242" and "unknown".
    Raises DatasetError naming the file, and the line when one is malformed.
    """
    texts = _contents(path)
    frame = _ratings(texts["u.data"], path)
    titles, genres = _films(texts.get("u.item", ""), path)
    items = frame["item_id"]
    return in_time_order(
        frame.assign(
            interaction_type="rating",
            timestamp=pd.to_datetime(frame["seconds"], unit="s", utc=True),
            session_id=_sessions(frame),
            category=items.map(genres).fillna("unknown"),
            description=items.map(titles).fillna("film " + items),
        )
    )


def download(url: str = URL, known_hash: str = KNOWN_HASH, folder: Path | None = None) -> Path:
    """The place of `ml-100k.zip` on this machine: fetched on the first call, its hash checked on every one.

    folder: where to keep it; the user's cache folder unless told.
    Raises DatasetError when it cannot be fetched or is not the file that it should be.
    """
    import pooch  # here: nothing else needs it, and it is slow to import

    try:
        folder = folder or pooch.os_cache("recsys-lab")
        return Path(pooch.retrieve(url, known_hash, fname="ml-100k.zip", path=folder))
    except OSError as error:  # no network, no such page, no room on the disk
        reason = shorten(str(error), 160)
        raise DatasetError(f"{url} cannot be fetched ({reason}); {_BY_HAND}") from error
    except ValueError as error:  # pooch: the hash differs
        raise DatasetError(
            f"{url} gave a file whose checksum is not {known_hash}; it was thrown away. Try again later, or {_BY_HAND}"
        ) from error


_FILES = ("u.data", "u.item")


def _contents(path: Path) -> dict[str, str]:
    """The text of `u.data` and, if there is one, of `u.item`."""
    if path.is_dir():
        places = [path / "u.data", path / "ml-100k" / "u.data"]
        path = next((place for place in places if place.is_file()), places[0])
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                inside = {Path(name).name: name for name in archive.namelist()}
                if "u.data" not in inside:
                    raise DatasetError(f"{path} has no u.data inside; {_BY_HAND}")
                texts = {name: archive.read(inside[name]) for name in _FILES if name in inside}
        else:
            texts = {"u.data": path.read_bytes()}
            if path.with_name("u.item").is_file():
                texts["u.item"] = path.with_name("u.item").read_bytes()
    except (OSError, zipfile.BadZipFile, zlib.error) as error:
        reason = getattr(error, "strerror", None) or error
        raise DatasetError(f"{path} cannot be read ({reason}); {_BY_HAND}") from error
    return {name: content.removeprefix(codecs.BOM_UTF8).decode("latin-1") for name, content in texts.items()}


def _lines(text: str) -> list[str]:
    lines = text.replace("\r\n", "\n").split("\n")
    return lines[:-1] if lines[-1] == "" else lines


def _ratings(text: str, path: Path) -> pd.DataFrame:
    rows = []
    for number, line in enumerate(_lines(text), start=1):
        fields = line.split("\t")
        problem = "4 fields parted by tabs are needed: user, item, rating, epoch seconds"
        if len(fields) == 4:
            problem = _problem_of(*fields)
        if problem:
            raise DatasetError(f"{path}: line {number} of the ratings is {shorten(line)}: {problem}; mend or remove it")
        rows.append((fields[0], fields[1], float(fields[2]), int(fields[3])))
    if not rows:
        raise DatasetError(f"{path} holds no ratings; {_BY_HAND}")
    return pd.DataFrame(rows, columns=["user_id", "item_id", "interaction_value", "seconds"])


def _problem_of(user: str, item: str, rating: str, seconds: str) -> str:
    """What is wrong with the fields of a line; nothing for a good one."""
    if not user.strip() or not item.strip():
        return "user and item must not be empty"
    try:
        if "_" in rating or not math.isfinite(float(rating)):  # Python would read 4_5 as 45
            return "the rating must be a finite number"
    except ValueError:
        return "the rating must be a number"
    if not (seconds.isascii() and seconds.isdigit() and len(seconds) <= 12 and int(seconds) <= LATEST):
        return "the time must be whole seconds since 1970-01-01 UTC, before the year 10000"
    return ""


def _films(text: str, path: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Title and first genre of each film."""
    titles, genres = {}, {}
    for number, line in enumerate(_lines(text), start=1):
        fields = line.split("|")
        flags = fields[5:]
        if len(flags) != len(GENRES) or not fields[0] or set(flags) - {"0", "1"}:
            raise DatasetError(
                f"{path}: line {number} of u.item is {shorten(line)}: 24 fields parted by | are needed, "
                "the last 19 of them 0 or 1. Mend the line, or remove the file to do without titles"
            )
        titles[fields[0]] = fields[1]
        genres[fields[0]] = GENRES[flags.index("1")] if "1" in flags else "unknown"
    return titles, genres


def _sessions(frame: pd.DataFrame) -> pd.Series:
    """`user-n` for each row: a user's n-th session, which a pause of more than 30 minutes ends."""
    ordered = frame.sort_values(["user_id", "seconds"], kind="stable")
    pause = ordered.groupby("user_id")["seconds"].diff()
    begins = pause.isna() | (pause > SESSION_GAP_SECONDS)
    number = begins.groupby(ordered["user_id"]).cumsum().astype(np.int64)
    return (ordered["user_id"] + "-" + number.astype(str)).reindex(frame.index)
