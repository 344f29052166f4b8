"""How a service is run: keys, limits, folders."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from limits import RateLimitItem, parse
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from ..errors import InputError
from .keys import Keys

MIB = 1024 * 1024


class Options(BaseModel):
    """What ``graphsvc serve`` takes from the environment, each from ``GRAPHSVC_`` and its name in capitals."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)

    keys: Keys = Keys()
    timeout: float = Field(
        default=30.0, gt=0, le=3_600, description="Seconds after which a question is given up in the store (504)."
    )
    max_age: float = Field(
        default=0.0,
        ge=0,
        le=60,
        description="Seconds that an answer may be old; it says its revision. For many writes.",
    )
    rate: str = Field(default="200/second", description="Most requests of one key, or of one address without keys.")
    max_body: int = Field(default=1024 * MIB, gt=0, description="Most bytes of a body of `POST /events`.")
    job_above: int = Field(default=8 * MIB, ge=0, description="A larger body of `POST /events` becomes a job.")
    jobs: Path | None = Field(
        default=None, description="Folder of jobs that wait; by default beside an embedded store, else where it runs."
    )
    mappings: Path | None = Field(
        default=None, description="Folder of mapping files, which `POST /events?mapping=NAME` names."
    )
    origins: tuple[str, ...] = Field(
        default=(), description="Other sites whose pages may ask (CORS), separated by commas; none by default."
    )

    @field_validator("rate")
    @classmethod
    def _rate_is_one(cls, value: str) -> str:
        parse(value)
        return value

    @property
    def limit(self) -> RateLimitItem:
        """The rate, read."""
        return parse(self.rate)

    @classmethod
    def of_environment(cls, environment: Mapping[str, str]) -> Self:
        """The options that the environment holds.

        Raises:
            InputError: one is not allowed.
        """
        names = [name for name in cls.model_fields if name != "keys"]
        given: dict[str, Any] = {
            name: value for name in names if (value := environment.get(f"GRAPHSVC_{name}".upper(), ""))
        }
        if "origins" in given:
            given["origins"] = tuple(origin.strip() for origin in given["origins"].split(","))
        try:
            return cls(keys=Keys.of_environment(environment), **given)
        except ValidationError as error:
            said = (f"GRAPHSVC_{str(each['loc'][0]).upper()}: {each['msg']}" for each in error.errors())
            raise InputError("; ".join(said)) from None
