"""Interactions to learn from: real purchases, simulated shoppers, film ratings, all as one table.

`load(name)` gives the eight columns of `recsys_lab.interactions.COLUMNS` in time order, whatever the source:

    online-retail     a year of real purchases, shipped with the lab (its source and licence: data/README.md)
    simulated         `experiments.simulate(1_000, 5_000, 30, seed=0)`, whose truth is known
    movielens-100k    film ratings; never shipped, because its licence forbids it: see `recsys_lab.movielens`

A file is verified before a row of it is shown: its checksum when it is the shipped one, and always its
columns, their types and their gaps. Whatever is wrong is a `DatasetError` that says how to mend it.
"""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pandas as pd

from recsys_lab import movielens
from recsys_lab.categories import category_of
from recsys_lab.errors import DatasetError, shorten
from recsys_lab.interactions import cut, in_time_order

__all__ = ["NAMES", "cut", "invoice_lines", "load"]

NAMES = ("online-retail", "simulated", "movielens-100k")

ONLINE_RETAIL = "online-retail.parquet"
ONLINE_RETAIL_SHA256 = "ba67dd17c739e1cc1abb3cc6e2b895fb994d3e1d20a7c74ac271af11a8853678"

RAW_COLUMNS = {
    "invoice": "text",
    "item_id": "text",
    "description": "text",
    "quantity": "whole numbers",
    "timestamp": "times with a time zone (UTC)",
    "unit_price": "numbers",
    "user_id": "text",
    "country": "text",
}
"""The columns of the shop's books, and what each must hold."""

NOT_PRODUCTS = {
    "POST": "postage",
    "DOT": "postage",
    "C2": "carriage",
    "23444": "next day carriage",
    "23574": "packing charge",
    "23702": "an image file",
    "BANK CHARGES": "bank charges",
    "CRUK": "commission to a charity",
    "D": "discount",
    "M": "an entry by hand",
    "PADS": "pads, a test article",
}
"""Codes in the shop's books that nobody browses for, hence nothing to recommend."""


def load(name: str, path: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """The interactions of a data set: the columns of `interactions.COLUMNS`, oldest first.

    name: one of NAMES.
    path: a file to read instead of the shipped one (online-retail: a parquet file of RAW_COLUMNS;
        movielens-100k: `u.data`, its folder, or `ml-100k.zip`). Without it, movielens-100k is downloaded.

    online-retail holds purchases alone: `session_id` is the invoice, `interaction_value` the number of
    pieces, `description` the item's most frequent name, and `category` comes from the lab's own keyword
    rule over that name (`recsys_lab.categories`). Cancellations and NOT_PRODUCTS are left out;
    `invoice_lines` shows them.

    Raises DatasetError for an unknown name, and for a file that is missing, damaged, or not what it
    should be.
    """
    if name == "online-retail":
        return _purchases(invoice_lines(path), path)
    if name == "movielens-100k":
        return movielens.read(movielens.download() if path is None else Path(path))
    if name == "simulated":
        if path is not None:
            raise DatasetError(f"path is {shorten(path)}; simulated data is computed, not read: leave path out")
        from recsys_lab.experiments.simulation import simulate  # only here: the rest needs no simulator

        return simulate(1_000, 5_000, 30, seed=0).events
    raise DatasetError(f"there is no data set named {shorten(name)}; there are {', '.join(NAMES)}")


def invoice_lines(path: str | os.PathLike[str] | None = None) -> pd.DataFrame:
    """The shop's books as they are, oldest first, cancellations (`C…`) and NOT_PRODUCTS included.

    path: a parquet file of RAW_COLUMNS; its checksum is its owner's business, its columns are verified.
    Raises DatasetError as `load` does.
    """
    file = _shipped(ONLINE_RETAIL) if path is None else Path(path)
    content = _content(file)
    if path is None:
        found = hashlib.sha256(content).hexdigest()
        if found != ONLINE_RETAIL_SHA256:
            raise DatasetError(
                f"{file} is not the file that was shipped: its SHA-256 is {found[:12]}…, "
                f"{ONLINE_RETAIL_SHA256[:12]}… was expected; {_REPAIR}"
            )
    try:
        lines = pd.read_parquet(io.BytesIO(content))
    except Exception as error:  # whatever the reader stumbles over, the file is to blame
        raise DatasetError(
            f"{file} cannot be read as parquet ({shorten(str(error))}): "
            f"it is cut short, damaged, or another kind of file; {_ELSEWHERE}"
        ) from error
    return _verified(lines, file)


_REPAIR = f"restore it with `git checkout -- data/{ONLINE_RETAIL}`, or reinstall recsys-lab"
_ELSEWHERE = "get it anew, or leave path out to use the shipped one"


def _shipped(name: str) -> Path:
    """A file of the lab: inside the installed package, or in `data/` beside the package in a checkout."""
    here = Path(__file__).resolve()
    places = [here.parent / "data" / name, here.parents[1] / "data" / name]
    for place in places:
        if place.is_file():
            return place
    raise DatasetError(f"{name} is missing: it is neither {places[0]} nor {places[1]}; {_REPAIR}")


def _content(file: Path) -> bytes:
    if file.is_dir():
        raise DatasetError(f"{file} is a folder; name the parquet file in it")
    try:
        content = file.read_bytes()
    except OSError as error:
        reason = error.strerror or error
        raise DatasetError(f"{file} cannot be read ({reason}); check path, or leave it out") from error
    if not content:
        raise DatasetError(f"{file} is empty (0 bytes); {_ELSEWHERE}")
    return content


def _verified(lines: pd.DataFrame, file: Path) -> pd.DataFrame:
    """The columns in their order and types, oldest first, or a DatasetError naming the column at fault."""
    missing = [column for column in RAW_COLUMNS if column not in lines.columns]
    if missing:
        raise DatasetError(
            f"{file} has no column {', '.join(missing)}, only {shorten(list(lines.columns), 200)}; "
            f"name a file with all of {', '.join(RAW_COLUMNS)}"
        )
    if lines.empty:
        raise DatasetError(f"{file} holds no rows; {_ELSEWHERE}")
    text = [column for column, kind in RAW_COLUMNS.items() if kind == "text"]
    lines = lines[list(RAW_COLUMNS)].astype(dict.fromkeys(text, object))
    for column, kind in RAW_COLUMNS.items():
        gaps = int((lines[column].isna() | (lines[column] == "")).sum())
        if gaps:
            raise DatasetError(f"{file}: column {column} has {gaps:,} empty cells; fill or leave out those rows")
        if not _holds(lines[column], kind):
            example = f"{shorten(lines[column].iloc[0])} ({lines[column].dtype})"
            raise DatasetError(
                f"{file}: column {column} holds {example}, but {kind} are needed; convert it before saving"
            )
    lines["timestamp"] = lines["timestamp"].dt.tz_convert("UTC")
    if lines["timestamp"].is_monotonic_increasing:
        return lines
    return lines.sort_values("timestamp", kind="stable", ignore_index=True)


def _holds(column: pd.Series, kind: str) -> bool:
    if kind == "whole numbers":
        return pd.api.types.is_integer_dtype(column)
    if kind == "numbers":
        return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    if kind == "text":
        return pd.api.types.infer_dtype(column) == "string"
    return isinstance(column.dtype, pd.DatetimeTZDtype)


def _purchases(lines: pd.DataFrame, path: str | os.PathLike[str] | None) -> pd.DataFrame:
    cancelled = lines["invoice"].str.startswith("C")
    sold = lines[~cancelled & (lines["quantity"] > 0) & ~lines["item_id"].isin(list(NOT_PRODUCTS))]
    if sold.empty:
        raise DatasetError(f"{path} holds no purchases, only cancellations and charges; {_ELSEWHERE}")
    names = _usual_names(sold)
    categories = {item: category_of(name) for item, name in names.items()}
    return in_time_order(
        sold.assign(
            interaction_type="purchase",
            interaction_value=sold["quantity"],
            session_id=sold["invoice"],
            category=sold["item_id"].map(categories),
            description=sold["item_id"].map(names),
        )
    )


def _usual_names(lines: pd.DataFrame) -> dict[str, str]:
    """One name for each item: the one it was sold under most often; of equals the first in the alphabet."""
    counted = lines.groupby(["item_id", "description"], as_index=False).size()
    counted = counted.sort_values(["item_id", "size", "description"], ascending=[True, False, True])
    usual = counted.drop_duplicates("item_id").set_index("item_id")["description"]
    return {str(item): " ".join(name.split()) for item, name in usual.items()}
