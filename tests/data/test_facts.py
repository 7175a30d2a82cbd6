"""`dataset.json` there, missing, and damaged."""

import pytest

from gradus.core.errors import InputError, NotFoundError
from gradus.data.facts import read_facts


def test_without_it_there_is_no_dataset(tmp_path):
    with pytest.raises(NotFoundError):
        read_facts(tmp_path)


@pytest.mark.parametrize("text", ["", "{}", "[1", '{"labels": 5}'])
def test_damage_is_said(tmp_path, text):
    (tmp_path / "dataset.json").write_text(text)
    with pytest.raises(InputError, match=r"dataset\.json"):
        read_facts(tmp_path)
