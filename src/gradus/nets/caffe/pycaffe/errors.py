"""Errors of this package: each is one of ours and also the built-in one that code written for Caffe catches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gradus.core.errors import GradusError, InputError


class CaffeError(InputError, RuntimeError):
    """What Caffe would have said with a failed check."""


class CaffeTypeError(InputError, TypeError):
    """A value of the wrong kind."""


class CaffeValueError(InputError, ValueError):
    """A value that does not fit."""


class CaffeAttributeError(InputError, AttributeError):
    """No such field, type or constant."""


class CaffeAssertionError(InputError, AssertionError):
    """A condition that Caffe's own Python code asserts."""


@contextmanager
def as_caffe() -> Iterator[None]:
    """Whatever of ours goes wrong inside is a RuntimeError outside, as in pycaffe."""
    try:
        yield
    except GradusError as error:
        if isinstance(error, RuntimeError | TypeError | ValueError | AttributeError | AssertionError):
            raise
        p = error.problem
        raise CaffeError(p.message, field=p.field, file=p.file, line=p.line, hint=p.hint, code=p.code) from error
