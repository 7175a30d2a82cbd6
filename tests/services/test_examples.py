"""A few samples of a kind before it is built: a plugin that fails is told of, and is no fault of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradus.builtin.regression import Regression
from gradus.builtin.regression_options import RegressionOptions
from gradus.core.errors import InputError
from gradus.services.house import House
from gradus.services.preview import example


@pytest.mark.parametrize("step", ["scan", "prepare"])
def test_a_plugin_that_fails_is_named(house: House, pictures: Path, monkeypatch, caplog, step: str) -> None:
    table = pictures / "table.csv"
    table.write_text("path,y\n" + "".join(f"{p.relative_to(pictures)},1\n" for p in sorted(pictures.rglob("*.png"))))
    options = RegressionOptions(name="ages", table_file=str(table))
    assert example(house, options).samples

    def fails(*_: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(Regression, step, fails)
    with pytest.raises(InputError, match=f"“{Regression.title}” failed on this: ZeroDivisionError") as caught:
        example(house, options)
    assert "its plugin" in str(caught.value.problem.hint)
    assert "Traceback" in caplog.text  # for who runs the server
