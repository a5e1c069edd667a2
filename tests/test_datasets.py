"""Data sets: what is shown is what was promised, and a damaged file is refused before anything is shown."""

from __future__ import annotations

import io
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import pandas as pd
import pytest

from recsys_lab import datasets
from recsys_lab.categories import CATEGORIES, OTHER, category_of
from recsys_lab.errors import DatasetError, InvalidEvent
from recsys_lab.interactions import COLUMNS, in_time_order

Book = list[tuple[str, str, str, str, int, int]]  # invoice, item, name, user, pieces, microseconds


@pytest.fixture(scope="module")
def purchases() -> pd.DataFrame:
    return datasets.load("online-retail")


@pytest.fixture(scope="module")
def book() -> Book:
    """The shop's file without the lab; times since 1970."""
    table = pd.read_parquet(Path(__file__).parents[1] / "data" / datasets.ONLINE_RETAIL)
    texts = [table[name].tolist() for name in ("invoice", "item_id", "description", "user_id")]
    return list(zip(*texts, table["quantity"].tolist(), table["timestamp"].astype("int64").tolist(), strict=True))


def a_line(**changes: object) -> dict[str, object]:
    """One line of the shop's book: ann buys two lamps."""
    line = {
        "invoice": "1",
        "item_id": "lamp",
        "description": "RED LAMP",
        "quantity": 2,
        "timestamp": datetime(2026, 1, 1, 10, 2, tzinfo=timezone.utc),
        "unit_price": 9.5,
        "user_id": "ann",
        "country": "EIRE",
    }
    return line | changes


def a_book(folder: Path, *lines: dict[str, object]) -> Path:
    path = folder / "book.parquet"
    pd.DataFrame(list(lines)).to_parquet(path)
    return path


# What is shown


def test_purchases_have_exactly_the_promised_columns_and_types(purchases: pd.DataFrame) -> None:
    assert tuple(purchases.columns) == COLUMNS
    assert isinstance(purchases["timestamp"].dtype, pd.DatetimeTZDtype)
    assert str(purchases["timestamp"].dt.tz) == "UTC"
    assert purchases["interaction_value"].dtype == "float64"
    assert not purchases.isna().any(axis=None)
    assert set(purchases["interaction_type"]) == {"purchase"}


def test_purchases_are_the_book_without_cancellations_and_charges(purchases: pd.DataFrame, book: Book) -> None:
    expected = [
        (user, item, invoice, float(pieces), microseconds)
        for invoice, item, _, user, pieces, microseconds in book
        if not invoice.startswith("C") and item not in datasets.NOT_PRODUCTS
    ]
    columns = [purchases[name].tolist() for name in ("user_id", "item_id", "session_id", "interaction_value")]
    assert list(zip(*columns, purchases["timestamp"].astype("int64").tolist(), strict=True)) == expected
    assert len(expected) == 396_274


def test_purchases_are_in_time_order_and_of_positive_size(purchases: pd.DataFrame) -> None:
    assert purchases["timestamp"].is_monotonic_increasing
    assert (purchases["interaction_value"] > 0).all()


def test_each_item_has_the_name_it_was_most_often_sold_under(purchases: pd.DataFrame, book: Book) -> None:
    assert (purchases.groupby("item_id")["description"].nunique() == 1).all()
    counted: dict[str, Counter[str]] = {}
    for invoice, item, name, *_ in book:
        if not invoice.startswith("C") and item not in datasets.NOT_PRODUCTS:
            counted.setdefault(item, Counter())[name] += 1
    assert any(len(names) > 1 for names in counted.values())
    usual = {item: min(names, key=lambda name: (-names[name], name)) for item, names in counted.items()}
    shown = dict(zip(purchases["item_id"], purchases["description"], strict=True))
    assert shown == {item: " ".join(name.split()) for item, name in usual.items()}


def test_the_book_itself_can_be_seen_cancellations_and_charges_included(
    book: Book,
) -> None:
    lines = datasets.invoice_lines()
    assert len(lines) == len(book) == 406_829
    assert lines["invoice"].str.startswith("C").sum() == 8_905
    assert set(datasets.NOT_PRODUCTS) <= set(lines["item_id"])


def test_the_categories_cover_the_shop_and_few_purchases_are_left_over(purchases: pd.DataFrame) -> None:
    shares = purchases["category"].value_counts(normalize=True)
    assert set(shares.index) == set(CATEGORIES)
    assert shares[OTHER] < 0.02
    assert shares.max() < 0.2


@pytest.mark.parametrize(
    ("name", "category"),
    [
        ("JUMBO BAG RED RETROSPOT", "bags and travel"),
        ("WHITE HANGING HEART T-LIGHT HOLDER", "candles and lights"),
        ("JUMBO BAG 50'S CHRISTMAS", "christmas"),
        ("LUNCH BAG  BLACK SKULL.", "bags and travel"),
        ("TEA BAG PLATE RED RETROSPOT", "kitchen and table"),
        ("SPACEBOY BIRTHDAY CARD", "cards and wrapping"),
        ("PARTY METAL SIGN", "signs and frames"),
        ("HEART OF WICKER SMALL", "decorations"),
        ("SPRING CHICKEN", OTHER),  # no keyword hides inside a longer word
    ],
)
def test_an_item_gets_the_category_of_its_noun(name: str, category: str) -> None:
    assert category_of(name) == category


def test_the_christmas_category_has_its_season(purchases: pd.DataFrame) -> None:
    share = (purchases["category"] == "christmas").groupby(purchases["timestamp"].dt.month).mean()
    assert share[11] > 10 * share[4]


def test_rows_of_one_instant_keep_their_order(tmp_path: Path) -> None:
    late = datetime(2026, 1, 2, tzinfo=timezone.utc)
    lines = [a_line(item_id="z", timestamp=late), a_line(item_id="b"), a_line(item_id="a")]
    assert list(datasets.load("online-retail", a_book(tmp_path, *lines))["item_id"]) == ["b", "a", "z"]


def test_times_of_another_zone_become_utc(tmp_path: Path) -> None:
    line = a_line()
    frame = pd.DataFrame([line]).assign(timestamp=pd.Timestamp("2026-01-01T12:02", tz="Europe/Berlin"))
    frame.to_parquet(tmp_path / "berlin.parquet")
    loaded = datasets.load("online-retail", tmp_path / "berlin.parquet")
    assert loaded["timestamp"][0] == pd.Timestamp("2026-01-01T11:02", tz="UTC")


def test_the_simulated_data_is_the_documented_simulation() -> None:
    from recsys_lab.experiments import simulate

    pd.testing.assert_frame_equal(
        datasets.load("simulated"), simulate(users=1_000, items=5_000, days=30, drift=(), seed=0).events
    )


# A smaller cut


def test_a_cut_keeps_whole_histories_and_grows_with_its_size(purchases: pd.DataFrame) -> None:
    small, large = datasets.cut(purchases, users=20), datasets.cut(purchases, users=60)
    assert small["user_id"].nunique() == 20
    assert set(small["user_id"]) < set(large["user_id"])
    whole = purchases[purchases["user_id"].isin(small["user_id"].unique())].reset_index(drop=True)
    pd.testing.assert_frame_equal(small, whole)


def test_a_cut_does_not_depend_on_the_order_of_rows(purchases: pd.DataFrame) -> None:
    some = purchases.head(20_000)
    assert set(datasets.cut(some, users=9)["user_id"]) == set(datasets.cut(some[::-1], users=9)["user_id"])


def test_a_cut_of_more_users_than_there_are_is_everything(purchases: pd.DataFrame) -> None:
    some = purchases.head(500)
    pd.testing.assert_frame_equal(datasets.cut(some, users=10_000), some)


def test_a_cut_of_nobody_is_refused(purchases: pd.DataFrame) -> None:
    with pytest.raises(InvalidEvent, match="users is 0"):
        datasets.cut(purchases, users=0)


# What is refused


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(DatasetError, match=r"'netflix'.*online-retail, simulated, movielens-100k"):
        datasets.load("netflix")


def test_simulated_data_takes_no_path(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"path is .* computed"):
        datasets.load("simulated", tmp_path)


def _shipped_as(content: bytes | None, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab whose only data folder holds that file."""
    (folder / "recsys_lab").mkdir()
    monkeypatch.setattr(datasets, "__file__", str(folder / "recsys_lab" / "datasets.py"))
    if content is not None:
        (folder / "data").mkdir()
        (folder / "data" / datasets.ONLINE_RETAIL).write_bytes(content)


def test_a_shipped_file_that_was_changed_is_refused_even_if_readable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = io.BytesIO()
    pd.DataFrame([a_line()]).to_parquet(content)
    _shipped_as(content.getvalue(), tmp_path, monkeypatch)
    with pytest.raises(DatasetError, match=r"online-retail\.parquet.*SHA-256 is .*git checkout.*reinstall"):
        datasets.load("online-retail")


def test_a_missing_shipped_file_is_named_with_both_places_and_a_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _shipped_as(None, tmp_path, monkeypatch)
    with pytest.raises(DatasetError, match=r"online-retail\.parquet is missing: it is neither .* nor .*git checkout"):
        datasets.load("online-retail")


def test_the_file_is_found_inside_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = Path(datasets.__file__).parents[1] / "data" / datasets.ONLINE_RETAIL
    folder = tmp_path / "site-packages" / "recsys_lab"
    (folder / "data").mkdir(parents=True)
    (folder / "data" / datasets.ONLINE_RETAIL).write_bytes(original.read_bytes())
    monkeypatch.setattr(datasets, "__file__", str(folder / "datasets.py"))
    assert len(datasets.invoice_lines()) == 406_829


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"nowhere\.parquet cannot be read \(No such file"):
        datasets.load("online-retail", tmp_path / "nowhere.parquet")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="is a folder"):
        datasets.load("online-retail", tmp_path)


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.parquet").touch()
    with pytest.raises(DatasetError, match=r"empty\.parquet is empty"):
        datasets.load("online-retail", tmp_path / "empty.parquet")


@pytest.mark.parametrize("kept", [3, 100, 0.5, 0.9, -1])
def test_a_file_cut_short_is_refused(tmp_path: Path, kept: float) -> None:
    content = a_book(tmp_path, *[a_line(invoice=str(number)) for number in range(500)]).read_bytes()
    end = int(kept * len(content)) if isinstance(kept, float) else kept
    (tmp_path / "short.parquet").write_bytes(content[:end])
    with pytest.raises(DatasetError, match=r"short\.parquet cannot be read as parquet.*leave path out"):
        datasets.load("online-retail", tmp_path / "short.parquet")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("user,item\nann,lamp\n")
    with pytest.raises(DatasetError, match=r"table\.csv cannot be read as parquet"):
        datasets.load("online-retail", tmp_path / "table.csv")


@pytest.mark.parametrize("column", datasets.RAW_COLUMNS)
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    line = a_line()
    del line[column]
    with pytest.raises(DatasetError, match=rf"book\.parquet has no column {column}"):
        datasets.load("online-retail", a_book(tmp_path, line))


@pytest.mark.parametrize("column", datasets.RAW_COLUMNS)
def test_a_gap_is_named_with_its_column(tmp_path: Path, column: str) -> None:
    with pytest.raises(DatasetError, match=f"column {column} has 1 empty cells"):
        datasets.load("online-retail", a_book(tmp_path, a_line(), a_line(**{column: None})))


@pytest.mark.parametrize(
    ("column", "value", "needed"),
    [
        ("user_id", 7, "text"),
        ("item_id", 2.5, "text"),
        ("quantity", 1.5, "whole numbers"),
        ("quantity", "two", "whole numbers"),
        ("unit_price", "cheap", "numbers"),
        ("unit_price", True, "numbers"),
        ("timestamp", datetime(2026, 1, 1), "times with a time zone"),  # noqa: DTZ001
        ("timestamp", "2026-01-01T00:00Z", "times with a time zone"),
    ],
)
def test_a_column_of_another_type_is_named(tmp_path: Path, column: str, value: object, needed: str) -> None:
    with pytest.raises(DatasetError, match=rf"column {column} holds .*{needed}.* are needed"):
        datasets.load("online-retail", a_book(tmp_path, a_line(**{column: value})))


def test_a_book_without_a_row_or_without_a_purchase_is_refused(tmp_path: Path) -> None:
    pd.DataFrame([a_line()]).head(0).to_parquet(tmp_path / "none.parquet")
    with pytest.raises(DatasetError, match="holds no rows"):
        datasets.load("online-retail", tmp_path / "none.parquet")
    with pytest.raises(DatasetError, match="holds no purchases"):
        datasets.load("online-retail", a_book(tmp_path, a_line(item_id="POST"), a_line(invoice="C2", quantity=-1)))


def test_the_table_of_interactions_drops_what_it_does_not_know() -> None:
    rows = pd.DataFrame([dict.fromkeys(COLUMNS, "x") | {"timestamp": "2026-01-01", "interaction_value": 1, "extra": 0}])
    assert tuple(in_time_order(rows).columns) == COLUMNS
