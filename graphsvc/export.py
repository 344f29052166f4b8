"""Files for ``neo4j-admin database import full``: the fastest way to fill a new Neo4j, while it is stopped."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import polars as pl

from .core.identity import anchors
from .errors import InputError, NotFound, StoreBusy
from .settings import Settings
from .stores import SCHEMA, Store
from .stores.neo4j_rows import Row, hops_of, places_of, staged, user_rows
from .tables import EVENTS, TIME, USERS, Tables

#: What may stand between the elements of a list: control characters are rare in labels, where ; and | are not.
_SEPARATORS = "\x1f\x1e\x1d\x1c\x01\x02\x03\x04"
_TYPES: dict[pl.DataType, str] = {
    pl.Int64(): "long",
    pl.Float64(): "double",
    pl.Boolean(): "boolean",
    pl.Datetime("us"): "localdatetime",
    pl.String(): "string",
    pl.List(pl.String): "string[]",
    pl.List(pl.Int64): "string[]",  # see `neo4j_rows.microseconds`
    pl.List(pl.Float64): "double[]",
}


def neo4j_import(store: Store, folder: Path) -> str:
    """Write a graph as files for Neo4j's own import. Returns the command line to run.

    Args:
        store: where the graph is read from.
        folder: where the files go; it must be empty or absent.

    Raises:
        InputError: the folder holds something, or a trait has a name that the import cannot take.
        NotFound: the store holds no graph.
        StoreBusy: it changed meanwhile.
    """
    with one_revision(store) as (revision, settings):
        new_folder(folder)
        separator = _written(store, folder, revision, settings)
    return _command(folder, separator)


@contextmanager
def one_revision(store: Store) -> Iterator[tuple[int, Settings]]:
    """Revision and settings of a graph that is read whole within the block.

    Raises:
        NotFound: the store holds no graph.
        StoreBusy: it changed meanwhile.
    """
    head = store.head()
    if head.settings is None:
        raise NotFound(f"there is no graph in {store.url} to export")
    yield head.revision, head.settings
    if store.revision() != head.revision:
        raise StoreBusy(f"{store.url} changed while it was being exported; try again, into a new place")


def new_folder(folder: Path) -> None:
    """Make a folder for personal data.

    Raises:
        InputError: it holds something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise InputError(f"{folder} is not empty; name a new folder")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def graph_tables(store: Store) -> dict[str, pl.DataFrame]:
    """The stored sets and the derived tables by name, at one revision.

    Raises:
        NotFound: the store holds no graph.
        StoreBusy: it changed meanwhile.
    """
    with one_revision(store):
        rulings = store.rulings()
        events = pl.concat([pl.DataFrame(schema=EVENTS), *store.events()])
        stored = {"events": events, "decisions": rulings.decisions, "erasures": rulings.erasures}
        return {**stored, **dict(store.tables().items())}


def _written(store: Store, folder: Path, revision: int, settings: Settings) -> str:
    """Write all files. The separator of their lists."""
    graph = pl.DataFrame(
        {"key": "graph", "schema": SCHEMA, "revision": revision, "settings": settings.model_dump_json()},
        schema_overrides={"schema": pl.Int64},
    )
    tables = store.tables()
    separator = _separator(tables)
    for name, table in (("Graph", graph), *labelled(store, tables, settings)):
        _write(folder / f"{name.split(':')[0]}.csv", table, _header(name, table), separator)
    return separator


def labelled(store: Store, tables: Tables, settings: Settings) -> Iterator[tuple[str, pl.DataFrame]]:
    """Every label and relationship type with its rows, nodes first.

    Nodes are named ``Label`` or ``Label-number``, relationships ``TYPE:Label:Label``; the first two columns of a
    relationship are the keys of its ends.
    """
    places = places_of(tables.journeys)
    for number, users in enumerate(_by_types(user_rows(tables.users)), start=1):
        yield f"User-{number}", users.with_columns(pl.col("first_seen", "last_seen").cast(TIME))
    yield "Identifier", tables.identifiers.drop("user")
    yield "Journey", tables.journeys
    touchpoints, records = [], []
    for events in store.events():
        touchpoints.append(staged(events, places))
        rest = events.join(places, on="key", how="anti")
        records.append(rest.with_columns(anchor=anchors(rest, tables.identifiers, settings.rules)))
    empty = pl.DataFrame(schema=EVENTS)
    rulings = store.rulings()
    yield "Decision", rulings.decisions
    yield "Erasure", rulings.erasures
    yield "Touchpoint", pl.concat(touchpoints) if touchpoints else empty
    yield "Record", pl.concat(records) if records else empty
    channels = places["channel"].unique().sort().alias("key").to_frame().with_columns(name="key")
    kinds = [settings.kind_of(channel) for channel in channels["key"]]
    yield "Channel", channels.with_columns(kind=pl.Series(kinds, dtype=pl.String))
    yield "HAS:User:Identifier", tables.identifiers.select("user", "key").drop_nulls("user")
    yield "TOOK:User:Journey", tables.journeys.select("user", "key")
    yield "STARTS:Journey:Touchpoint", tables.journeys.select("key", touchpoint="key")
    yield "SEEN_WITH:Identifier:Identifier", tables.links
    yield "VIA:Touchpoint:Channel", places.select("key", "channel")
    yield "NEXT:Touchpoint:Touchpoint", hops_of(places)


def _by_types(rows: list[Row]) -> Iterator[pl.DataFrame]:
    """Users in tables whose columns have one type each: a trait may be a number here and a text there."""
    if not rows:
        yield pl.DataFrame(schema=USERS)
    tables: list[tuple[dict[str, type], list[Row]]] = []
    for row in rows:
        types = {name: type(value) for name, value in row.items() if value is not None}
        for known, held in tables:
            if all(known.get(name, kind) is kind for name, kind in types.items()):
                known.update(types)
                held.append(row)
                break
        else:
            tables.append((types, [row]))
    for known, held in tables:
        names = list(dict.fromkeys(name for row in held for name in row))
        yield pl.DataFrame({name: [row.get(name) for row in held] for name in names}, strict=True).cast(
            {name: pl.String for name in names if name not in known}
        )


def _separator(tables: Tables) -> str:
    """A character that stands in no element of any list."""
    texts = [tables.journeys[name].explode() for name in ("touchpoints", "names", "channels", "stages")]
    used = pl.concat([*texts, tables.links["sources"].explode()]).unique().drop_nulls()
    for separator in _SEPARATORS:
        if not used.str.contains(separator, literal=True).any():
            return separator
    raise InputError("labels hold every control character that could separate lists; clean them up in the mapping")


def _header(name: str, table: pl.DataFrame) -> dict[str, str]:
    """The columns whose names say more than a type: a node's key, the ends of a relationship."""
    label, *ends = name.split("-")[0].split(":")
    if not ends:
        return {"key": f"key:ID({label}){{id-type:string}}"}
    start, end = table.columns[:2]
    return {start: f":START_ID({ends[0]})", end: f":END_ID({ends[1]})"}


def _write(path: Path, table: pl.DataFrame, header: dict[str, str], separator: str) -> None:
    """One CSV file whose header names and types the columns; null is nothing, an empty text is two quotes."""
    flat = table.with_columns(
        pl.col(name).cast(pl.List(pl.String)).list.join(separator)
        for name, dtype in table.schema.items()
        if isinstance(dtype, pl.List)
    )
    if odd := [name for name in table.columns if set(name) & set('{}"\r\n')]:
        raise InputError(f"Neo4j's import cannot take a trait of the name {odd[0]!r}; rename it in the mapping")
    path.touch(mode=0o600)  # personal data
    names = [header.get(name, f"{name}:{_TYPES[dtype]}") for name, dtype in table.schema.items()]
    flat.rename(dict(zip(flat.columns, names, strict=True))).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6f")


def _command(folder: Path, separator: str) -> str:
    """The command line that loads the files into a fresh database."""
    files = sorted(folder.glob("*.csv"))
    words = [
        "neo4j-admin",
        "database",
        "import",
        "full",
        "neo4j",
        f"--array-delimiter=U+{ord(separator):04X}",
        "--multiline-fields=true",
    ]
    for file in files:
        option = "relationships" if file.stem.isupper() else "nodes"
        words.append(f"--{option}={file.stem.split('-')[0]}={file}")
    return shlex.join(words)
