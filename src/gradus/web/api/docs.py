"""The reference of the API as a page, made from its OpenAPI description."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import APIRouter, Request, Response

from gradus.web.pages.render import render

router = APIRouter(include_in_schema=False)


@dataclass(frozen=True)
class Operation:
    """One method of one path. `inputs` are the names of its parameters, and what they are."""

    method: str
    path: str
    summary: str
    inputs: list[tuple[str, str, str]] = field(default_factory=list)
    body: str = ""
    answer: str = ""


@router.get("/docs")
def show_reference(request: Request) -> Response:
    """Every operation, by subject."""
    found: dict[str, list[Operation]] = {}
    for path, methods in request.app.openapi()["paths"].items():
        for method, described in methods.items():
            found.setdefault(described["tags"][0], []).append(_operation(method, path, described))
    return render(request, "api.html", subjects=found, topics="")


def _operation(method: str, path: str, described: dict[str, Any]) -> Operation:
    contents = described.get("requestBody", {}).get("content", {})
    good = next(response for status, response in described["responses"].items() if status < "400")
    return Operation(
        method=method.upper(),
        path=path,
        summary=described.get("description") or described.get("summary", ""),
        inputs=[
            (parameter["name"], parameter["in"], parameter.get("description", ""))
            for parameter in described.get("parameters", [])
        ],
        body=next((f"{kind}: {_name(content.get('schema', {}))}" for kind, content in contents.items()), ""),
        answer=next((_name(c.get("schema", {})) or kind for kind, c in good.get("content", {}).items()), ""),
    )


def _name(schema: dict[str, Any]) -> str:
    """What a schema is called; lists and pages are called by their parts."""
    if "$ref" in schema:
        name = str(schema["$ref"]).rpartition("/")[2].removeprefix("Body_")
        return f"page of {name[5:-1]}" if name.startswith("Page_") else name
    if schema.get("type") == "array":
        return f"list of {_name(schema['items'])}"
    return str(schema.get("title") or schema.get("type", ""))
