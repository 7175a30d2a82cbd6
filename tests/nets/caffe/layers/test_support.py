"""docs/caffe.md tells of every layer type what its class says."""

from __future__ import annotations

from pathlib import Path

import pytest

from gradus.nets.caffe.layers.support import BEGIN, END, main, renewed, table
from gradus.nets.caffe.layers.table import LAYERS

PAGE = Path(__file__).resolve().parents[4] / "docs" / "caffe.md"


def test_the_page_is_up_to_date() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == renewed(page), "run: python -m gradus.nets.caffe.layers.support docs/caffe.md"


def test_every_type_has_a_row_with_words() -> None:
    rows = {line.split("`")[1]: line for line in table().splitlines() if line.startswith("| `")}
    assert rows.keys() == LAYERS.keys()
    for name, row in rows.items():
        assert len(row.replace("\\|", "").split("|")[2].strip()) > 10, name


def test_what_is_not_supported_says_why() -> None:
    rows = [line for line in table().splitlines() if "Not supported" in line]
    assert [row.split("`")[1] for row in rows] == ["TRT", "VideoData"]
    assert all("because" in row for row in rows)


def test_only_what_is_between_the_marks_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    main([str(page)])
    head, _, rest = page.read_text().partition(BEGIN)
    middle, _, tail = rest.partition(END)
    assert (head, tail) == ("before\n", "\nafter\n")
    assert middle == f"\n{table()}\n"
    with pytest.raises(SystemExit, match="no place"):
        renewed("nothing here")
