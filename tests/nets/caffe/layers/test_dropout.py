import math

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError


def test_outside_training_nothing_happens(alone, rng):
    x = rng.normal(size=(3, 4))
    np.testing.assert_array_equal(alone('type: "Dropout"', x.shape)(x), x)
    np.testing.assert_array_equal(
        alone('type: "Dropout" dropout_param { dropout_ratio: 0 }', x.shape, training=True)(x), x
    )


def test_in_training_the_mean_is_kept(alone):
    x = np.ones((200, 500))
    layer = alone('type: "Dropout" dropout_param { dropout_ratio: 0.7 random_seed: 3 }', x.shape, training=True)
    torch.manual_seed(0)
    y = layer(x)
    values, counts = np.unique(y, return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / 0.3], rtol=1e-6)
    assert abs(counts[0] / y.size - 0.7) < 6 * math.sqrt(0.7 * 0.3 / y.size)


def test_the_gradient_passes_where_the_value_did(alone, rng):
    x = torch.tensor(rng.normal(size=(40, 50)), requires_grad=True)
    y = alone('type: "Dropout"', x.shape, training=True).differentiable(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad * x.detach(), y.detach(), rtol=1e-12)
    assert set(np.unique(x.grad)) == {0.0, 2.0}


@pytest.mark.parametrize("ratio", ["1", "-0.1", "nan"])
def test_all_cannot_be_dropped(alone, ratio):
    with pytest.raises(NetworkError, match="dropout_ratio"):
        alone(f'type: "Dropout" dropout_param {{ dropout_ratio: {ratio} }}', (2, 3))
