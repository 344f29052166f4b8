"""Times of every usual spelling become UTC, or say why not."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphsvc.ingest.times import EARLIEST, LATEST, check_format, check_zone, read_times


def read(text: str | None, form: str = "iso", zone: str = "UTC") -> datetime | None:
    at: datetime | None = read_times(pl.Series([text], dtype=pl.String), form, zone).at[0]
    return at


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2024-03-13 10:21:14", datetime(2024, 3, 13, 10, 21, 14)),
        ("2024-03-13T10:21:14", datetime(2024, 3, 13, 10, 21, 14)),
        ("2024-03-13T10:21:14Z", datetime(2024, 3, 13, 10, 21, 14)),
        ("2024-03-13 10:21:14 UTC", datetime(2024, 3, 13, 10, 21, 14)),
        ("2024-03-13T10:21:14+02:00", datetime(2024, 3, 13, 8, 21, 14)),
        ("2024-03-13T10:21:14-0530", datetime(2024, 3, 13, 15, 51, 14)),
        ("2024-03-13T10:21:14+02", datetime(2024, 3, 13, 8, 21, 14)),
        ("2024-03-13 10:21:14.5", datetime(2024, 3, 13, 10, 21, 14, 500_000)),
        ("2024-03-13T10:21:14,25Z", datetime(2024, 3, 13, 10, 21, 14, 250_000)),
        ("2024-03-13T10:21:14.123456789Z", datetime(2024, 3, 13, 10, 21, 14, 123_456)),
        ("2024-03-13 10:21", datetime(2024, 3, 13, 10, 21)),
        ("2024-03-13T10:21+01:00", datetime(2024, 3, 13, 9, 21)),
        ("2024-03-13", datetime(2024, 3, 13)),
        ("20240313T102114Z", datetime(2024, 3, 13, 10, 21, 14)),
        ("20240313", datetime(2024, 3, 13)),
        ("2024-13-01 00:00:00", None),
        ("2024-02-30", None),
        ("2024-03-13 25:00:00", None),
        ("2024-03-13 10:21:14 oops", None),
        ("yesterday", None),
        ("13.03.2024", None),
        (None, None),
    ],
)
def test_iso_8601_in_its_usual_forms(text: str | None, expected: datetime | None) -> None:
    assert read(text) == expected


def test_forms_may_be_mixed_in_one_column() -> None:
    texts = pl.Series(["2024-03-13", "2024-03-13T01:00:00+01:00", "x", None, "2024-03-13 00:00"])
    midnight = datetime(2024, 3, 13)
    assert read_times(texts, "iso", "UTC").at.to_list() == [midnight, midnight, None, None, midnight]


@pytest.mark.parametrize(
    ("text", "form", "expected"),
    [
        ("13.03.2024 10:21", "%d.%m.%Y %H:%M", datetime(2024, 3, 13, 10, 21)),
        ("13.03.2024", "%d.%m.%Y", datetime(2024, 3, 13)),
        ("03/13/24 10:21 PM", "%m/%d/%y %I:%M %p", datetime(2024, 3, 13, 22, 21)),
        ("13 Mar 2024 10:21:14.25", "%d %b %Y %H:%M:%S.%f", datetime(2024, 3, 13, 10, 21, 14, 250_000)),
        ("13/Mar/2024:10:21:14 +0100", "%d/%b/%Y:%H:%M:%S %z", datetime(2024, 3, 13, 9, 21, 14)),
        ("1710325274", "s", datetime(2024, 3, 13, 10, 21, 14)),
        ("1710325274.123456", "s", datetime(2024, 3, 13, 10, 21, 14, 123_456)),
        ("1710325274123", "ms", datetime(2024, 3, 13, 10, 21, 14, 123_000)),
        ("1710325274123456", "us", datetime(2024, 3, 13, 10, 21, 14, 123_456)),
        ("13.03.2024", "%d.%m.%Y %H:%M", None),
        ("soon", "s", None),
        ("nan", "s", None),
    ],
)
def test_other_formats(text: str, form: str, expected: datetime | None) -> None:
    assert read(text, form) == expected


def test_a_zone_holds_for_times_without_offset_only() -> None:
    assert read("2024-07-01 12:00:00", zone="Europe/Berlin") == datetime(2024, 7, 1, 10)
    assert read("2024-07-01 12:00:00Z", zone="Europe/Berlin") == datetime(2024, 7, 1, 12)
    assert read("01.07.2024 12:00", "%d.%m.%Y %H:%M", "Europe/Berlin") == datetime(2024, 7, 1, 10)
    assert read("1719835200", "s", "Europe/Berlin") == datetime(2024, 7, 1, 12)


def test_clocks_set_back_the_earlier_of_two_times_counts() -> None:
    assert read("2024-10-27 02:30:00", zone="Europe/Berlin") == datetime(2024, 10, 27, 0, 30)


def test_clocks_set_forward_a_skipped_time_never_was() -> None:
    times = read_times(pl.Series(["2024-03-31 02:30:00", "2024-03-31 02:30:00Z"]), "iso", "Europe/Berlin")
    assert times.at.to_list() == [None, datetime(2024, 3, 31, 2, 30)]
    assert times.skipped.to_list() == [True, False]
    assert times.absurd.to_list() == [False, False]


def test_absurd_dates_are_told_from_unreadable_ones() -> None:
    texts = ["1969-12-31 23:59:59", "1970-01-01", "2099-12-31 23:59:59", "2100-01-01", "0001-01-01", "9999-12-31", "x"]
    times = read_times(pl.Series(texts), "iso", "Europe/Berlin")
    assert times.absurd.to_list() == [True, True, False, False, True, True, False]  # Berlin is an hour ahead of UTC
    assert times.skipped.to_list() == [False] * 7


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.datetimes(EARLIEST + timedelta(days=2), LATEST - timedelta(days=2)), min_size=1, max_size=8),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe"]),
)
def test_zones_agree_with_the_standard_library(instants: list[datetime], zone: str) -> None:
    there = [instant.replace(tzinfo=UTC).astimezone(ZoneInfo(zone)) for instant in instants]
    naive = pl.Series([moment.replace(tzinfo=None, fold=0).isoformat() for moment in there])
    expected = [moment.replace(fold=0).astimezone(UTC).replace(tzinfo=None) for moment in there]
    assert read_times(naive, "iso", zone).at.to_list() == expected
    assert read_times(pl.Series([moment.isoformat() for moment in there]), "iso", "UTC").at.to_list() == instants


@pytest.mark.parametrize("form", ["iso", "s", "ms", "us", "%d.%m.%Y", "%Y-%m-%dT%H:%M:%S.%f%z", "%y%m%d %H%M", "%Y %j"])
def test_a_readable_format_passes(form: str) -> None:
    check_format(form)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ("iso8601", "no time format"),
        ("%d.%m.%Y %Q", "%Q"),
        ("%d.%m.%Y %H:%M:%S,%f", r"\.%f"),
        ("%d.%m.%Y %H", "hour and minute"),
        ("%H:%M", "whole date"),
    ],
)
def test_a_wrong_format_says_why(form: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        check_format(form)


def test_a_wrong_zone_suggests_the_nearest() -> None:
    check_zone("Europe/Berlin")
    with pytest.raises(ValueError, match="did you mean 'Europe/Berlin'"):
        check_zone("Europe/Berln")
