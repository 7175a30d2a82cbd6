from __future__ import annotations

import numpy as np
import pytest
import torch

from gradus.nets.caffe.layers import boxes


def some(rng: np.random.Generator, *shape: int) -> np.ndarray:
    low = rng.uniform(-0.2, 0.8, (*shape, 2))
    return np.concatenate([low, low + rng.uniform(0.05, 0.5, (*shape, 2))], -1)


@pytest.mark.parametrize("block", [7, 1024])
@pytest.mark.parametrize(("threshold", "eta"), [(0.3, 1.0), (0.9, 0.95), (0.6, 0.5), (0.0, 1.0)])
def test_what_survives_is_what_the_greedy_rule_keeps(reference, rng, monkeypatch, block, threshold, eta):
    monkeypatch.setattr(boxes, "_BLOCK", block)
    monkeypatch.setattr(boxes, "_PAIRS", 600)
    groups, valid = some(rng, 5, 50), rng.random((5, 50)) < 0.8
    ours = boxes.suppress(torch.tensor(groups), torch.tensor(valid), threshold, eta).numpy()
    for group, candidates, kept in zip(groups, valid, ours, strict=True):
        assert np.flatnonzero(kept).tolist() == reference.survivors(group, np.flatnonzero(candidates), threshold, eta)


def test_overlap_by_hand():
    a = torch.tensor([[0.0, 0, 2, 2], [0, 0, 2, 2], [0, 0, 2, 2], [1, 1, 1, 1], [3, 3, 1, 1]])
    b = torch.tensor([[1.0, 1, 3, 3], [2, 0, 4, 2], [0, 0, 2, 2], [1, 1, 1, 1], [0, 0, 4, 4]])
    torch.testing.assert_close(boxes.overlap(a, b), torch.tensor([1 / 7, 0, 1, 0, 0]))


@pytest.mark.parametrize("code", [1, 2, 3])
def test_decoding_undoes_encoding(reference, rng, code):
    names = {1: "CORNER", 2: "CENTER_SIZE", 3: "CORNER_SIZE"}
    priors, true = some(rng, 20), some(rng, 20)
    said = boxes.encode(torch.tensor(true), torch.tensor(priors), code)
    expected = [reference.encode(t, p, np.ones(4), names[code]) for t, p in zip(true, priors, strict=True)]
    np.testing.assert_allclose(said, expected, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(boxes.decode(said, torch.tensor(priors), code), true, rtol=1e-9, atol=1e-12)


def test_nothing_to_suppress():
    assert boxes.suppress(torch.zeros(0, 5, 4), torch.ones(0, 5, dtype=torch.bool), 0.5).shape == (0, 5)
    assert boxes.suppress(torch.zeros(3, 0, 4), torch.ones(3, 0, dtype=torch.bool), 0.5).shape == (3, 0)
