"""The one shape of errors: problem details for HTTP APIs (RFC 9457)."""

from http import HTTPStatus

from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

LONGEST = 80  # characters of what was given that a message repeats


class Problem(BaseModel):
    """What is sent in place of an answer."""

    status: int = Field(description="of HTTP, once more")
    title: str = Field(description="what this status is called")
    code: str = Field(description="which problem it is, for programs: unknown_user, too_large, ...")
    detail: str = Field(description="what was given and what is allowed, for people")


class RefusedError(Exception):
    """A request that gets no answer, and why."""

    def __init__(self, status: int, code: str, detail: str) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail = status, code, detail


def problem(refused: RefusedError, headers: dict[str, str] | None = None) -> JSONResponse:
    """Return the response that says what is wrong."""
    # half of a surrogate pair, which JSON can hold and UTF-8 cannot, is shown as \ud800
    detail = refused.detail.encode("utf-8", "backslashreplace").decode()
    content = Problem(
        status=refused.status,
        title=HTTPStatus(refused.status).phrase,
        code=refused.code,
        detail=detail,
    )
    return JSONResponse(
        content.model_dump(), refused.status, headers, media_type="application/problem+json"
    )


def shown(value: object) -> str:
    """Return what was given as a message repeats it: not more than a line of it."""
    text = repr(value[: LONGEST + 1] if isinstance(value, str) else value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}..."
