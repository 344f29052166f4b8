"""The mapping file: which column of a foreign export is what. Reference: ``docs/mapping.md``."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator
from pydantic_core import PydanticCustomError

from ..errors import GraphsvcError, InputError, MappingError, nearest
from ..settings import Settings
from .times import check_format, check_zone

Kind = Literal["event", "profile", "link"]
Column = Literal[
    "event_id",
    "time",
    "name",
    "channel",
    "stage",
    "value",
    "cost",
    "currency",
    "sentiment",
    "question",
    "confidence",
    "kind",
]
Constant = Literal["name", "channel", "stage", "value", "cost", "currency", "sentiment", "question", "confidence"]
ForeignReader = Literal["segment", "ga4", "snowplow", "xes", "ocel"]
COLUMNS: tuple[Column, ...] = get_args(Column)
KINDS: tuple[Kind, ...] = get_args(Kind)

#: Settings of the graph that a mapping may propose.
PROPOSED = ("goals", "stages", "channels", "split", "gap_days", "exclude", "segments", "rules")

_TYPE = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Text = Annotated[str, Field(min_length=1)]
ConstantText = Annotated[Text, BeforeValidator(_text)]
Several = Annotated[tuple[Text, ...], BeforeValidator(_several), Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Time(_Part):
    """How times are written."""

    format: str = "iso"
    zone: str = "UTC"

    @field_validator("format")
    @classmethod
    def _format_is_readable(cls, value: str) -> str:
        check_format(value)
        return value

    @field_validator("zone")
    @classmethod
    def _zone_exists(cls, value: str) -> str:
        check_zone(value)
        return value


class Labels(_Part):
    """Clean-up of name, channel and stage."""

    lower: bool = False
    replace: dict[str, str] = {}

    @property
    def replacements(self) -> dict[str, str]:
        """Old label to new one, the old one spelt as it stands after trimming and lower-casing."""
        return {(old.strip().lower() if self.lower else old.strip()): new for old, new in self.replace.items()}


class EventId(_Part):
    """How event ids become keys."""

    prefix: str = ""


class Mapping(_Part):
    """What the columns of some files mean. A mapping that names no column takes the plain field names (``plain``)."""

    source: Text = "events"
    files: Several | tuple[()] = ()
    reader: ForeignReader | None = None
    kind: Kind = "event"
    columns: dict[Column, Text] = {}
    constants: dict[Constant, ConstantText] = {}
    time: Time = Time()
    identifiers: dict[str, Several] = {}
    traits: dict[Text, Text] = {}
    properties: dict[Text, Text] = {}
    labels: Labels = Labels()
    event_id: EventId = EventId()
    settings: dict[str, Any] = {}

    @property
    def plain(self) -> bool:
        """Whether the columns are called by the plain field names."""
        return not (self.columns or self.identifiers or self.traits or self.properties)

    @property
    def used(self) -> set[str]:
        """Every column that it names."""
        of_identifiers = (column for columns in self.identifiers.values() for column in columns)
        return {*self.columns.values(), *of_identifiers, *self.traits.values(), *self.properties.values()}

    def fits(self, path: Path) -> bool:
        """Whether it is meant for a file of this name."""
        return not self.files or any(fnmatchcase(path.name, pattern) for pattern in self.files)

    @field_validator("identifiers")
    @classmethod
    def _types_are_words(cls, value: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        for kind in value:
            if not _TYPE.fullmatch(kind):
                raise ValueError(f"{kind!r} is no identifier type; write letters, digits, _ and - (customer_id)")
        return value

    @field_validator("settings")
    @classmethod
    def _settings_are_known(cls, value: dict[str, Any]) -> dict[str, Any]:
        for name, setting in value.items():
            if wrong := _wrong_setting(name, setting):
                at, said = wrong
                raise PydanticCustomError("setting", "{said}", {"said": said, "at": at})
        return value

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.plain:
            return self
        if not self.identifiers:
            raise ValueError("[identifiers] names no column; every row needs at least one, as in customer_id = 'user'")
        if self.kind == "event" and "kind" not in self.columns:
            for field in lacking(self):
                or_constant = "" if field == "time" else f", or a fixed one under [constants]: {field} = 'website'"
                raise ValueError(
                    f"an event needs a {field}; name its column under [columns]: {field} = '…'{or_constant}"
                )
        return self


def _wrong_setting(name: str, value: Any) -> tuple[list[str], str] | None:
    """Where and why a proposed setting does not validate."""
    if name not in PROPOSED:
        return [name], f"a mapping may propose no such setting{nearest(name, PROPOSED)}"
    try:
        Settings.model_validate({"salt": "not a real one", name: value})
    except ValidationError as error:
        first = error.errors()[0]
        return [str(part) for part in first["loc"]], _said(first)
    except GraphsvcError as error:  # a segment predicate that does not parse
        return [name], str(error)
    return None


def lacking(mapping: Mapping) -> list[str]:
    """The fields that an event needs and the mapping gives neither a column nor a constant."""
    return [
        field for field in ("time", "name", "channel") if not (mapping.columns.keys() | mapping.constants) & {field}
    ]


#: The mapping of files whose columns have the plain field names.
PLAIN = Mapping()


def load_mapping(path: Path) -> Mapping:
    """Read and check a mapping file; the name of a reader (``segment``) stands for what comes with it.

    Raises:
        MappingError: it cannot be read, is not TOML, or does not validate; the message names file, line and key.
    """
    if str(path) in get_args(ForeignReader) and not path.exists():
        from .foreign import PRESETS

        return PRESETS[str(path)]
    try:
        text = path.read_text("utf-8")
        tree = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise MappingError(f"cannot read the mapping {path}: {why}") from error
    except tomllib.TOMLDecodeError as error:
        raise MappingError(f"{path} is not valid TOML: {error}") from error
    try:
        return Mapping.model_validate({"source": path.stem, **tree})
    except ValidationError as error:
        raise MappingError("; ".join(_explain(path, text, dict(part)) for part in error.errors())) from None


def mapping_for(path: Path, mappings: Sequence[Mapping]) -> Mapping:
    """The first mapping meant for a file; the plain one where none is given.

    Raises:
        InputError: mappings are given and none is meant for it.
    """
    if not mappings:
        return PLAIN
    for mapping in mappings:
        if mapping.fits(path):
            return mapping
    patterns = sorted({pattern for mapping in mappings for pattern in mapping.files})
    raise InputError(f"no mapping is meant for {path}; the given ones take files named {', '.join(patterns)}")


def _explain(path: Path, text: str, error: dict[str, Any]) -> str:
    """One validation error as ``file, line 7: key: what is wrong``."""
    location = tuple(str(part) for part in (*error["loc"], *error.get("ctx", {}).get("at", ())) if part != "[key]")
    line = _line_of(text, location)
    at = f"{path}, line {line}" if line else f"{path}"
    return f"{at}: " + (f"{_dotted(location)}: " if location else "") + _said(error)


def _said(error: Any) -> str:
    """What is wrong, with the nearest allowed key for an unknown one."""
    location = error["loc"]
    if error["type"] == "extra_forbidden":
        return f"unknown key{nearest(str(location[-1]), _keys_at(location[:-1]))}"
    if error["type"] == "literal_error" and location[-1] == "[key]":
        allowed = COLUMNS if location[0] == "columns" else get_args(Constant)
        return f"unknown field{nearest(str(location[-2]), allowed)}"
    return str(error["msg"]).removeprefix("Value error, ")


def _keys_at(location: Iterable[Any]) -> Iterable[str]:
    """The allowed keys of the table at a location of a mapping or of the settings."""
    model: Any = Mapping
    for part in location:
        field = model.model_fields.get(part) or Settings.model_fields.get(part)
        model = field.annotation if field else Mapping
    return list(model.model_fields) if hasattr(model, "model_fields") else []


def _dotted(location: Iterable[Any]) -> str:
    return ".".join(str(part) for part in location)


def _line_of(text: str, location: tuple[str, ...]) -> int | None:
    """The line (from 1) that says the longest beginning of a location; None where nothing does."""
    best, found = 0, None
    section: tuple[str, ...] = ()
    for number, line in enumerate(text.splitlines(), start=1):
        if header := re.match(r"\s*\[\s*([^\[\]]+?)\s*\]", line):
            section = tuple(part.strip(" \"'") for part in header[1].split("."))
            here = section
        elif key := re.match(r"""\s*("[^"]*"|'[^']*'|[\w.-]+)\s*=""", line):
            words = (key[1].strip("\"'"),) if key[1][0] in "\"'" else tuple(key[1].split("."))
            here = section + words
        else:
            continue
        if len(here) > best and here == location[: len(here)]:
            best, found = len(here), number
    return found
