from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from gradus.services.downsample import thin

VALUES = arrays(np.float64, st.integers(0, 400), elements=st.floats(allow_nan=True, allow_infinity=False, width=32))


@given(VALUES, st.integers(1, 60))
def test_few_in_order_with_the_ends(values: np.ndarray, most: int) -> None:
    kept = thin(values, most)
    assert len(kept) <= max(most, 0) or len(values) <= most
    assert (np.diff(kept) > 0).all()
    if len(values) and most >= 2:
        assert kept[0] == 0
        assert kept[-1] == len(values) - 1


@given(VALUES, st.integers(5, 60))
def test_the_extremes_and_a_gap_stay(values: np.ndarray, most: int) -> None:
    kept = values[thin(values, most)]
    if np.isfinite(values).any():
        assert np.nanmax(kept) == np.nanmax(values)
        assert np.nanmin(kept) == np.nanmin(values)
    assert np.isnan(kept).any() == np.isnan(values).any()


def test_a_single_peak_in_a_million_points_is_kept() -> None:
    values = np.zeros(1_000_000)
    values[123_457], values[765_432] = 5.0, -7.0
    kept = thin(values, 2000)
    assert {123_457, 765_432} <= set(kept.tolist())
    assert len(kept) <= 2000


def test_a_short_series_is_left_as_it_is() -> None:
    assert thin(np.array([3.0, np.nan, 1.0]), 10).tolist() == [0, 1, 2]
