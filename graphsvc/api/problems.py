"""Errors as problem details (RFC 9457), all of one shape."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ..errors import GraphsvcError, TooManyRequests, Unauthorized

MEDIA = "application/problem+json"


class Fault(BaseModel):
    """What is wrong with one field of a request."""

    field: Annotated[str, Field(description="Where it stands.", examples=["query.steps"])]
    reason: Annotated[
        str, Field(description="What is allowed.", examples=["Input should be greater than or equal to 1"])
    ]


class Problem(BaseModel):
    """What went wrong (RFC 9457)."""

    type: Annotated[str, Field(description="`urn:graphsvc:CODE`; the codes stand in the reference.")]
    title: Annotated[str, Field(description="The status in words.", examples=["Not Found"])]
    status: Annotated[int, Field(description="The HTTP status.", examples=[404])]
    detail: Annotated[str, Field(description="What was given and what is allowed. It quotes no personal data.")]
    request_id: Annotated[str | None, Field(description="As in the header `X-Request-ID` and in the log.")] = None
    errors: Annotated[list[Fault] | None, Field(description="The fields at fault, where there are any.")] = None


def described(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Responses of an OpenAPI document for some problems."""
    media = {MEDIA: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {status: {"description": HTTPStatus(status).phrase, "content": media} for status in statuses}


def problem(request_id: str, status: int, code: str, detail: str, **more: Any) -> JSONResponse:
    """A problem as a response."""
    body = {"type": f"urn:graphsvc:{code}", "title": HTTPStatus(status).phrase, "status": status, "detail": detail}
    return JSONResponse(body | {"request_id": request_id} | more, status, media_type=MEDIA)


def problem_of(request_id: str, error: GraphsvcError) -> JSONResponse:
    """One of our errors as a response."""
    response = problem(request_id, error.status, error.code, str(error))
    if isinstance(error, Unauthorized):
        response.headers["WWW-Authenticate"] = 'Bearer realm="graphsvc"'
    if isinstance(error, TooManyRequests) or error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        response.headers["Retry-After"] = "1"
    return response


def add_problems(app: FastAPI) -> None:
    """Answer every error of a request with a problem."""
    app.add_exception_handler(GraphsvcError, _of_ours)
    app.add_exception_handler(RequestValidationError, _of_request)
    app.add_exception_handler(HTTPException, _of_http)


def _of_ours(request: Request, error: Exception) -> JSONResponse:
    return problem_of(request.state.request_id, cast(GraphsvcError, error))


def _of_request(request: Request, error: Exception) -> JSONResponse:
    found = cast(RequestValidationError, error).errors()
    faults = [{"field": ".".join(str(part) for part in each["loc"]), "reason": each["msg"]} for each in found]
    detail = "; ".join(f"{fault['field']}: {fault['reason']}" for fault in faults[:5])
    return problem(request.state.request_id, 422, "bad-query", detail, errors=faults)


def _of_http(request: Request, error: Exception) -> JSONResponse:
    http = cast(HTTPException, error)
    if isinstance(http.__cause__, GraphsvcError):  # of ours, met while the body was read
        return problem_of(request.state.request_id, http.__cause__)
    response = problem(request.state.request_id, http.status_code, "http", str(http.detail))
    response.headers.update(http.headers or {})
    return response
