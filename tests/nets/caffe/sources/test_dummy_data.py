import numpy as np
import pytest

from gradus.core.errors import NetworkError


def dummy(text, tops='top: "a" top: "b"'):
    return f'type: "DummyData" {tops} dummy_data_param {{ {text} }}'


def test_without_a_filler_all_is_zero(opened):
    source = opened(dummy("shape { dim: 2 dim: 3 }"))
    assert source.shapes() == [(2, 3), (2, 3)]
    assert [top.tolist() for top in source.read()] == [[[0] * 3] * 2] * 2


def test_constants_are_filled_once_and_the_rest_anew(opened):
    source = opened(
        dummy(
            "shape { dim: 3 } shape { dim: 4000 dim: 5 } data_filler { value: 7 } "
            'data_filler { type: "gaussian" mean: 2 std: 3 }'
        )
    )
    (a, b), (c, d) = source.read(), source.read()
    assert a.tolist() == [7, 7, 7]
    assert c is a
    assert not np.array_equal(b.numpy(), d.numpy())
    values = np.concatenate((b.numpy().ravel(), d.numpy().ravel()))
    assert abs(values.mean() - 2) < 5 * 3 / np.sqrt(40000)
    assert abs(values.std() - 3) < 5 * 3 / np.sqrt(2 * 40000)


def test_the_seed_decides(opened):
    text = dummy('shape { dim: 9 } data_filler { type: "uniform" }')
    a, b, c = (opened(text, seed=seed).read()[1].numpy() for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert not np.array_equal(a, c)


def test_the_older_four_sizes(opened):
    source = opened(dummy("num: 5 num: 6 channels: 2 height: 3 width: 4 width: 1"))
    assert source.shapes() == [(5, 2, 3, 4), (6, 2, 3, 1)]
    assert [tuple(top.shape) for top in source.read()] == source.shapes()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "0 shape for 2 tops"),
        ("shape { dim: 1 } shape { dim: 1 } shape { dim: 1 }", "3 shape for 2 tops"),
        ("shape { dim: 1 } data_filler {} data_filler {} data_filler {}", "3 data_filler for 2 tops"),
        ("shape { dim: 1 } num: 1 channels: 1 height: 1 width: 1", "both shape and the older"),
        ("num: 1 channels: 1 height: 1", "needs num, channels, height and width"),
        ("shape { dim: 0 }", "at least 1"),
        ('shape { dim: 1 } data_filler { type: "magic" }', "unknown filler"),
    ],
)
def test_settings_that_cannot_work(opened, text, said):
    with pytest.raises(NetworkError, match=f'layer "it" .*{said}'):
        opened(dummy(text))
