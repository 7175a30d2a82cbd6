"""The search against a comparison of every sample with every other."""

from __future__ import annotations

import numpy as np
import pytest

from gradus.data.quality import near
from gradus.data.quality.near import BITS, FARTHEST, NEAREST, chance, differences, near_pairs


def brute(hashes, small, difference):
    one, two = np.triu_indices(len(hashes), 1)
    bits = np.array([(int(a) ^ int(b)).bit_count() for a, b in zip(hashes[one], hashes[two], strict=True)])
    good = (bits <= BITS) & (differences(small[one], small[two]) <= difference)
    return list(zip(one[good].tolist(), two[good].tolist(), bits[good].tolist(), strict=True))


@pytest.mark.parametrize(("block", "every"), [(7, 0), (1 << 17, 0), (7, 300), (1 << 17, 300)])
@pytest.mark.parametrize("spread", [3, 5, 20])  # bits flipped of a few hashes: many pairs, some, few
def test_no_pair_is_missed_and_none_is_found_twice(monkeypatch, block, every, spread):
    monkeypatch.setattr(near, "BLOCK", block)
    monkeypatch.setattr(near, "EVERY", every)
    made = np.random.default_rng(spread)
    small = made.integers(0, 256, (12, 16, 16)).astype(float)[made.integers(0, 12, 300)]
    small = np.clip(small + made.normal(0, 12, small.shape), 0, 255).astype(np.uint8)
    centres = made.integers(0, 2**64, 10, np.uint64)
    hashes = centres[made.integers(0, 10, 300)]
    for _ in range(spread):
        hashes ^= np.uint64(1) << made.integers(0, 64, 300).astype(np.uint64)
    found = near_pairs(hashes, lambda places: small[places], 0.25, lambda: None)
    pairs = list(zip(found.first.tolist(), found.second.tolist(), found.distance.tolist(), strict=True))
    assert pairs == brute(hashes, small, 0.25) and found.complete
    assert spread == 20 or pairs


def test_differences_are_of_pictures_brought_to_the_same_brightness_and_contrast():
    made = np.random.default_rng(0)
    one, two = made.integers(30, 200, (2, 5, 16, 16))
    scaled = np.round(one * 0.5 + 40).astype(np.uint8)
    assert differences(one.astype(np.uint8), scaled) == pytest.approx(0, abs=0.02)
    correlation = [np.corrcoef(a.ravel(), b.ravel())[0, 1] for a, b in zip(one, two, strict=True)]
    expected = np.sqrt(2 - 2 * np.array(correlation))
    assert differences(one.astype(np.uint8), two.astype(np.uint8)) == pytest.approx(expected, abs=1e-4)


def test_the_chance_level_of_points_of_a_known_law():
    """Points uniform in a ball of 12 dimensions: a share of r ** 12 of the others is within r of its middle."""
    made = np.random.default_rng(3)
    axes = made.normal(size=(256, 13))
    axes[:, 0] = 1
    axes = np.linalg.qr(axes)[0][:, 1:]  # without brightness
    base = np.linspace(-1, 1, 256) ** 3 * 60  # around a picture, so that contrast is that of all
    count, radius = 3000, 450.0
    inside = made.normal(size=(count, 12))
    inside *= radius * made.uniform(0, 1, (count, 1)) ** (1 / 12) / np.linalg.norm(inside, axis=1, keepdims=True)
    small = np.clip(np.rint(128 + base + inside @ axes.T), 0, 255).astype(np.uint8).reshape(-1, 16, 16)
    level = chance(count, lambda places: small[places])
    spread = np.sqrt(base.var() + radius**2 * 12 / 14 / 256)  # of a copy: r ** 2 in a ball is 12/14 of its own
    pairs = count**2 / 2 * (level * spread * 16 / radius) ** 12
    assert NEAREST < level < FARTHEST and 0.1 / 20 < pairs < 0.1 * 20  # pairs go with the 12th power


def test_far_apart_pictures_allow_the_most_though_half_of_them_have_copies():
    small = np.random.default_rng(1).integers(0, 256, (400, 16, 16), np.uint8)
    assert chance(400, lambda places: small[places]) == FARTHEST
    copied = np.concatenate([small, small[:200], small[:200], small[:200]])
    assert chance(1000, lambda places: copied[places]) == FARTHEST
    same = np.repeat(small[:1], 100, axis=0)
    assert chance(100, lambda places: same[places]) == NEAREST


def test_too_much_alike_ends_the_search_and_says_so(monkeypatch):
    monkeypatch.setattr(near, "MOST", 0)
    monkeypatch.setattr(near, "BLOCK", 10)
    hashes, small = np.zeros(500, np.uint64), np.zeros((500, 16, 16), np.uint8)
    found = near_pairs(hashes, lambda places: small[places], 0.1, lambda: None)
    assert not found.complete and len(found.first) < 500 * 499 / 2


def test_the_work_can_be_ended():
    def stop():
        raise KeyboardInterrupt

    small = np.zeros((50, 16, 16), np.uint8)
    with pytest.raises(KeyboardInterrupt):
        near_pairs(np.zeros(50, np.uint64), lambda places: small[places], 0.1, stop)


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_to_compare(count):
    small = np.zeros((count, 16, 16), np.uint8)
    assert not len(near_pairs(np.zeros(count, np.uint64), lambda places: small[places], 0.1, lambda: None).first)
