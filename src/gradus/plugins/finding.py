"""What a check of a plugin finds."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from contextlib import contextmanager

from pydantic import BaseModel, ConfigDict

from gradus.core.errors import GradusError


class Finding(BaseModel):
    """One thing that is wrong: what it is about (`"options.width"`, `"decode"`), and what to do about it."""

    model_config = ConfigDict(frozen=True)

    about: str
    message: str

    def __str__(self) -> str:
        return f"{self.about}: {self.message}"


class Checked(BaseModel):
    """What was found of one kind of data."""

    model_config = ConfigDict(frozen=True)

    kind: str
    findings: list[Finding]


class Findings(list[Finding]):
    """What was found, in the order of the checks."""

    def add(self, about: str, message: str) -> None:
        """Note something."""
        self.append(Finding(about=about, message=message))

    def expect(self, right: object, about: str, message: str) -> bool:
        """Note something unless it is right; whether it is."""
        if not right:
            self.add(about, message)
        return bool(right)

    @contextmanager
    def surviving(self, about: str, *, refusing: bool = True) -> Iterator[None]:
        """Note any error that the plugin's code raises in the block, and go on after it.

        An error of Gradus' own is what a plugin should raise; it is noted too where it is not right to refuse.
        """
        try:
            yield
        except GradusError as error:
            if not refusing:
                self.add(about, f"is refused: {error}")
        except Exception as error:
            frames = traceback.extract_tb(error.__traceback__)
            where = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames else ""
            self.add(
                about, f"raises {type(error).__name__}: {error}{where}; raise gradus.core.errors.InputError instead"
            )
