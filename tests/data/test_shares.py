"""Shares: everything is in one split, as many as were asked for, and what belongs together is not torn apart."""

from hypothesis import given
from hypothesis import strategies as st

from gradus.core.dataset import Split
from gradus.data.shares import divide
from gradus.data.split import parts

names = st.lists(st.text(max_size=4), max_size=40)
percent = st.integers(0, 50)
seeds = st.integers(0, 9)


@given(names, percent, percent, seeds, st.booleans())
def test_everything_is_in_one_split(found, val, test, seed, grouped):
    shares = {Split.VAL: val, Split.TEST: test}
    places = divide(found, shares, seed, (lambda name: name[:1] or None) if grouped else None)
    assert sorted(place for part in places.values() for place in part) == list(range(len(found)))
    assert all(part == sorted(part) for part in places.values())
    assert places == divide(found, shares, seed, (lambda name: name[:1] or None) if grouped else None)
    if grouped:
        splits = {}
        for split, part in places.items():
            for place in part:
                if found[place]:
                    assert splits.setdefault(found[place][:1], split) is split
    else:
        assert tuple(len(places[split]) for split in Split) == parts(len(found), val, test)


def test_the_seed_decides():
    found = [str(i) for i in range(50)]
    one, other = (divide(found, {Split.VAL: 20}, seed)[Split.VAL] for seed in (1, 2))
    assert one != other and len(one) == len(other) == 10


def test_without_shares_all_is_for_training():
    assert divide(["a", "b"], {}, 1) == {Split.TRAIN: [0, 1], Split.VAL: [], Split.TEST: []}
    assert divide(["a", "b"], {Split.VAL: 0, Split.TEST: 0}, 1, str)[Split.TRAIN] == [0, 1]
