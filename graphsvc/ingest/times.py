"""Times as people write them, to UTC."""

from __future__ import annotations

import re
import warnings
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import available_timezones

import polars as pl

from ..errors import nearest
from ..tables import TIME

#: Factor from an epoch unit to microseconds.
EPOCHS = {"s": 1_000_000, "ms": 1_000, "us": 1}

#: Times outside these bounds are typing errors or defaults of a broken system, never events. Fixed, so that reading
#: does not depend on the day on which it runs.
EARLIEST = datetime(1970, 1, 1)
LATEST = datetime(2100, 1, 1)

_DIRECTIVES = "YmdHMSybBaAjpIzeTFRD%"
_FRACTION = r"[.,][0-9]{1,9}"
_OFFSET = r" ?(?:Z|z|UTC|GMT|[+-](?:0[0-9]|1[0-4])(?::?[0-5][0-9])?)"
_TAIL = rf"^({_FRACTION})?({_OFFSET})?$"
#: What ISO 8601 allows beside the full form: a date alone, no seconds, no separators.
_LOOSE = (
    r"^([0-9]{4})-?([0-9]{2})-?([0-9]{2})(?:[Tt ]([0-9]{2}):?([0-9]{2})(?::?([0-9]{2}))?)?"
    rf"((?:{_FRACTION})?(?:{_OFFSET})?)$"
)
_READ = pl.Schema({"local": TIME, "offset": pl.Duration("us")})

#: The full form of ISO 8601 up to its seconds, and what comes after them.
_HEAD = pl.col("text").str.slice(0, 19).str.replace("T", " ", literal=True)
_LOCAL = _HEAD.str.to_datetime("%Y-%m-%d %H:%M:%S", strict=False, time_unit="us").cast(TIME).alias("local")
_AFTER = pl.col("text").str.slice(19).alias("tail")


@dataclass(frozen=True)
class Times:
    """What became of a column of times: at most one of the three holds for each row."""

    at: pl.Series  # UTC (``tables.TIME``); null where there is none
    absurd: pl.Series  # Boolean: readable, but outside the bounds
    skipped: pl.Series  # Boolean: readable, but no clock of its zone ever showed it


def read_times(text: pl.Series, form: str, zone: str) -> Times:
    """Parse texts by a format of a mapping.

    Args:
        text: trimmed texts, null where empty.
        form: ``iso``, ``s``, ``ms``, ``us``, or a strptime format.
        zone: zone of the times that carry no offset. Of a time that occurs twice (clocks set back) it is the earlier.
    """
    read = _epoch(text, EPOCHS[form]) if form in EPOCHS else _iso(text) if form == "iso" else _strptime(text, form)
    local = pl.when(pl.col("local").dt.year().is_between(1, 9999)).then("local")  # what time zones can be applied to
    in_zone = local.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
    of_zone = in_zone.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    at = (
        pl.when(pl.col("offset").is_null())
        .then(local if zone == "UTC" else of_zone)
        .otherwise(local - pl.col("offset"))
    )
    sane = pl.col("at").is_between(EARLIEST, LATEST, closed="left")
    skipped = pl.col("local").is_not_null() & pl.col("at").is_null()
    return Times(
        *read.with_columns(local, at=at)
        .select(at=pl.when(sane).then("at"), absurd=~sane.fill_null(True), skipped=skipped)
        .get_columns()
    )


def check_format(form: str) -> None:
    """Whether times can be read by a format.

    Raises:
        ValueError: no; the message says why.
    """
    if form == "iso" or form in EPOCHS:
        return
    directives = re.findall(r"%(.)", form.replace(".%f", ""))
    if not directives:
        raise ValueError(
            f"{form!r} is no time format; write iso, s, ms, us or a strptime format such as '%d.%m.%Y %H:%M'"
        )
    for directive in directives:
        if directive not in _DIRECTIVES:
            hint = "; write fractions of a second as .%f" if directive == "f" else ""
            raise ValueError(f"the time format {form!r} has %{directive}, which is not known here{hint}")
    sample = datetime(2024, 11, 25, 13, 14, 15, tzinfo=UTC)
    try:
        read = read_times(pl.Series([sample.strftime(form)]), form, "UTC")
    except pl.exceptions.PolarsError as error:
        raise ValueError(f"the time format {form!r} cannot be read: {str(error).splitlines()[0]}") from None
    if read.at[0] is None or read.at[0].date() != sample.date():
        raise ValueError(f"the time format {form!r} does not say the whole date")


def check_zone(zone: str) -> None:
    """Whether a time zone exists.

    Raises:
        ValueError: no; the message suggests the nearest.
    """
    try:
        pl.Series([None], dtype=TIME).dt.replace_time_zone(zone)
    except pl.exceptions.PolarsError:
        raise ValueError(f"there is no time zone {zone!r}{nearest(zone, available_timezones())}") from None


def _epoch(text: pl.Series, factor: int) -> pl.DataFrame:
    """Counts since 1970, with or without a fraction. A double holds today's microseconds exactly."""
    micro = (text.cast(pl.Float64, strict=False) * factor).round()
    time = pl.when(pl.col("micro").abs() < 2**62).then("micro").cast(pl.Int64).cast(TIME)
    return micro.to_frame("micro").select(local=time, offset=pl.lit(0).cast(_READ["offset"]))


def _strptime(text: pl.Series, form: str) -> pl.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a pattern that polars takes for a mistake
        read = text.str.to_datetime(form.replace(".%f", "%.f"), strict=False, time_unit="us")
    if "%z" in form:  # polars has applied the offset already
        read, offset = read.dt.convert_time_zone("UTC").dt.replace_time_zone(None), pl.lit(0)
    else:
        offset = pl.lit(None)
    return read.to_frame("local").select("local", offset=offset.cast(_READ["offset"]))


def _iso(text: pl.Series) -> pl.DataFrame:
    """The full form, then what is left of the texts once completed to the full form."""
    read = _iso_full(text)
    if read["local"].null_count() == text.null_count():
        return read
    left = (read["local"].is_null() & text.is_not_null()).arg_true()
    more = _iso_full(_completed(text.gather(left)))
    return read.with_columns(read[name].scatter(left, more[name]) for name in _READ)


def _completed(text: pl.Series) -> pl.Series:
    """The shorter forms of ISO 8601 as ``YYYY-MM-DD HH:MM:SS`` and what follows; null where the text is none."""
    parts = text.str.extract_groups(_LOOSE).struct.unnest()
    year, month, day, hour, minute, second, tail = parts.columns
    date = pl.concat_str(year, month, day, separator="-")
    time = pl.concat_str(pl.col(hour, minute, second).fill_null("00"), separator=":")
    return parts.select(pl.concat_str(date, pl.lit(" "), time, pl.col(tail).fill_null(""))).to_series()


def _iso_full(text: pl.Series) -> pl.DataFrame:
    """``YYYY-MM-DD HH:MM:SS`` with a fraction and an offset or without; null where the form is another.

    The first 19 characters have a fixed form, which polars reads fastest; regular expressions see only the tails.
    """
    local, tail = text.to_frame("text").select(_LOCAL, _AFTER).get_columns()
    if not (tail != "").any():
        return pl.DataFrame([local, pl.Series("offset", [None], _READ["offset"]).new_from_index(0, len(text))])
    fraction, offset = (pl.col(name) for name in ("fraction", "offset"))
    parts = tail.str.extract_groups(_TAIL).struct.rename_fields(["fraction", "offset"]).struct.unnest()
    micro = fraction.str.slice(1, 6).str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    digits = offset.str.replace_all("[^0-9]", "").str.pad_end(4, "0").cast(pl.Int64)  # no digits: 0, UTC
    minutes = digits // 100 * 60 + digits % 100
    signed = pl.when(offset.str.contains("-", literal=True)).then(-minutes).otherwise(minutes)
    return parts.with_columns(local, understood=tail.str.contains(_TAIL)).select(
        local=pl.when("understood").then(pl.col("local") + micro.cast(_READ["offset"])),
        offset=(signed * 60_000_000).cast(_READ["offset"]),
    )
