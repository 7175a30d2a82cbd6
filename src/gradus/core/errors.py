"""Every error that Gradus raises on purpose.

    GradusError
    ├── InputError           what the user gave cannot be used (HTTP 422)
    │   ├── FormError        several fields at once
    │   ├── PathError        a file or folder that is missing, unreadable or not allowed
    │   ├── AddressError     a place on the network from which nothing is fetched
    │   ├── ImageError       one picture that cannot be used
    │   └── NetworkError     network text that does not parse or does not fit
    ├── NotFoundError        no such job, snapshot, file (404)
    ├── ConflictError        not possible in the present state (409)
    ├── DivergedError        the loss became NaN or infinite
    ├── MemoryLimitError     the device has too little memory
    ├── StorageFullError     the disk is full (507)
    └── UnavailableError     try again later (503)

Each carries what a page, a REST problem and a terminal need: a sentence, a stable code, the field,
file or line it is about, and a hint that says what to do. None of them shows a traceback to a user.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Problem(BaseModel):
    """An error as data: what is stored with a job, sent by a worker and answered by REST."""

    model_config = ConfigDict(frozen=True)

    code: str
    message: str
    field: str | None = None
    file: str | None = None
    line: int | None = None
    hint: str | None = None


class GradusError(Exception):
    """The root. `code` is stable for programs; `status` is the HTTP status it is answered with."""

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        file: str | None = None,
        line: int | None = None,
        hint: str | None = None,
        code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.problem = Problem(
            code=code or type(self).code, message=message, field=field, file=file, line=line, hint=hint
        )

    def problems(self) -> list[Problem]:
        """Every problem it names; one, except for a `FormError`."""
        return [self.problem]


class InputError(GradusError):
    code = "invalid_input"
    status = 422


class FormError(InputError):
    """All that is wrong with a form, collected, so that the user corrects it in one go."""

    code = "invalid_form"

    def __init__(self, found: Iterable[Problem]) -> None:
        self._found = list(found)
        super().__init__("; ".join(f"{p.field}: {p.message}" if p.field else p.message for p in self._found))

    def problems(self) -> list[Problem]:
        """Every problem of the form."""
        return self._found


class PathError(InputError):
    code = "path_error"


class OutsideDataRootsError(PathError):
    code = "outside_data_roots"
    status = 403


class AddressError(InputError):
    code = "address_not_allowed"


class ImageError(InputError):
    code = "image_error"


class NetworkError(InputError):
    code = "network_error"


class NotFoundError(GradusError):
    code = "not_found"
    status = 404


class ConflictError(GradusError):
    code = "conflict"
    status = 409


class DivergedError(GradusError):
    code = "diverged"
    status = 422


class MemoryLimitError(GradusError):
    code = "out_of_memory"
    status = 422


class StorageFullError(GradusError):
    code = "storage_full"
    status = 507


class UnavailableError(GradusError):
    code = "unavailable"
    status = 503


def from_problem(problem: Problem) -> GradusError:
    """The error that a problem received from a worker or over REST stands for."""
    kinds: dict[str, type[GradusError]] = {
        kind.code: kind
        for kind in (
            InputError, PathError, OutsideDataRootsError, AddressError, ImageError, NetworkError, NotFoundError,
            ConflictError, DivergedError, MemoryLimitError, StorageFullError, UnavailableError,
        )
    }  # fmt: skip
    kind = kinds.get(problem.code, GradusError)
    return kind(
        problem.message,
        field=problem.field,
        file=problem.file,
        line=problem.line,
        hint=problem.hint,
        code=problem.code,
    )
