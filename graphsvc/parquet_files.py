"""A whole graph as a folder of Parquet files, and back: for backups, for other tools, for another machine.

The folder holds the graph tables (``tables.py``) one file each, and ``manifest.json``, which is written last: schema,
revision, settings, and the rows and SHA-256 of each file. So a folder without it is half written, and a file that
changed since is noticed. Reading derives the graph anew from the stored sets; the derived tables are there for others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import ValidationError

from .core import Derived
from .errors import InputError, NewerGraph
from .export import new_folder, one_revision
from .rulings import Rulings
from .settings import Settings
from .spool import Spool
from .stores import SCHEMA, Store
from .tables import DERIVED, STORED
from .writing import revision_of_empty

MANIFEST = "manifest.json"
FORMAT = "graphsvc graph tables"
_ROWS_PER_GROUP = 250_000


def write(store: Store, folder: Path) -> int:
    """Write a graph into a new folder, which holds personal data and the salt of the user keys. Returns its revision.

    Raises:
        InputError: the folder holds something.
        NotFound: the store holds no graph.
        StoreBusy: it changed meanwhile; the folder has no manifest then.
    """
    with one_revision(store) as (revision, settings):
        new_folder(folder)
        rulings = store.rulings()
        tables = {"decisions": rulings.decisions, "erasures": rulings.erasures, **dict(store.tables().items())}
        files = {name: _file(folder, name, table.lazy()) for name, table in tables.items()}
        with Spool(folder / "events") as spool:
            for chunk in store.events():
                spool.add(chunk)
            files["events"] = _file(folder, "events", spool.events())
    manifest = {
        "format": FORMAT,
        "schema": SCHEMA,
        "revision": revision,
        "settings": settings.model_dump(mode="json"),
        "tables": files,
    }
    text = json.dumps(manifest, indent=2, ensure_ascii=False)
    _private(folder / MANIFEST, lambda path: path.write_text(text + "\n", encoding="utf-8"))
    return revision


def read(folder: Path, target: Store) -> int:
    """Put the graph of a folder into an empty store. Returns the store's revision.

    Raises:
        InputError: the folder was not written by :func:`write`, or not to its end, or a file of it changed since.
        NewerGraph: a newer version wrote it.
        ErasureKeyMissing: somebody was erased in it, and the environment lacks the key.
        TargetNotEmpty: the store holds events already.
    """
    manifest = _manifest(folder)
    for name in (*STORED, *DERIVED):
        _verify(folder, name, manifest["tables"].get(name))
    try:
        settings = Settings.model_validate_json(json.dumps(manifest["settings"]))
    except ValidationError as error:
        raise InputError(
            f"{folder / MANIFEST} holds settings that do not validate: {error.errors()[0]['msg']}"
        ) from None
    former = revision_of_empty(target)
    stored = {name: pl.scan_parquet(folder / f"{name}.parquet") for name in STORED}
    rulings = Rulings(stored["decisions"].collect(), stored["erasures"].collect()).unlocked()
    derived = Derived(stored["events"], settings, rulings)
    return target.load(stored["events"], derived, settings, rulings, expected=former)


def _file(folder: Path, name: str, table: pl.LazyFrame) -> dict[str, Any]:
    """Write one table. What the manifest says of it."""
    path = folder / f"{name}.parquet"
    _private(path, lambda path: table.sink_parquet(path, row_group_size=_ROWS_PER_GROUP, maintain_order=True))
    return {"rows": pl.scan_parquet(path).select(pl.len()).collect().item(), "sha256": _digest(path)}


def _private(path: Path, write: Callable[[Path], object]) -> None:
    """Write a file that only its owner may read."""
    path.touch(mode=0o600)
    write(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _manifest(folder: Path) -> dict[str, Any]:
    path = folder / MANIFEST
    try:
        said: Any = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} has no {MANIFEST}: `graphsvc export --parquet` did not write it, or not to its end"
        ) from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read: {getattr(error, 'strerror', None) or 'it is no JSON'}") from None
    ours = isinstance(said, dict) and said.get("format") == FORMAT
    if not ours or not isinstance(said.get("schema"), int) or not isinstance(said.get("tables"), dict):
        raise InputError(f"{path} is not of `graphsvc export --parquet`")
    if said["schema"] > SCHEMA:
        raise NewerGraph(f"{folder} has schema {said['schema']}, this graphsvc knows up to {SCHEMA}; update graphsvc")
    if said["schema"] < SCHEMA or "settings" not in said:
        raise InputError(f"{path} has schema {said['schema']}, of which there are no exports")
    return dict(said)


def _verify(folder: Path, name: str, said: Any) -> None:
    """Check one file against the manifest."""
    path = folder / f"{name}.parquet"
    if not isinstance(said, dict) or not path.is_file():
        raise InputError(f"{folder} is not whole: {path.name} is missing from it or from its {MANIFEST}")
    if _digest(path) != said.get("sha256"):
        raise InputError(f"{path} is not the file that was exported: its content changed")
    table = pl.scan_parquet(path)
    if dict(table.collect_schema()) != dict({**STORED, **DERIVED}[name]):
        raise InputError(f"{path} does not have the columns of the table {name!r}")
    if table.select(pl.len()).collect().item() != said.get("rows"):
        raise InputError(f"{path} does not have the rows that {MANIFEST} tells")
