import math

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError

FUNCTIONS = {
    'type: "ReLU"': lambda x: np.maximum(x, 0),
    'type: "ReLU" relu_param { negative_slope: 0.25 }': lambda x: np.where(x > 0, x, 0.25 * x),
    'type: "ELU" elu_param { alpha: 0.5 }': lambda x: np.where(x > 0, x, 0.5 * (np.exp(x) - 1)),
    'type: "Sigmoid"': lambda x: 1 / (1 + np.exp(-x)),
    'type: "TanH"': np.tanh,
    'type: "AbsVal"': np.abs,
    'type: "BNLL"': lambda x: np.log1p(np.exp(x)),
    'type: "Power"': lambda x: x,
    'type: "Power" power_param { scale: 0.5 shift: 2 }': lambda x: 2 + 0.5 * x,
    'type: "Power" power_param { power: 2 scale: 3 shift: 1 }': lambda x: (1 + 3 * x) ** 2,
    'type: "Power" power_param { power: 0 scale: 3 }': np.ones_like,
    'type: "Power" power_param { power: 2 scale: 0 shift: 3 }': lambda x: np.full_like(x, 9.0),
    'type: "Dropout"': lambda x: x,
}


@pytest.mark.parametrize("text", FUNCTIONS)
def test_each_value_for_itself(alone, rng, text):
    x = 3 * rng.normal(size=(2, 3, 4))
    before = x.copy()
    np.testing.assert_allclose(alone(text, x.shape)(x), FUNCTIONS[text](x), rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(x, before)


def test_dropout_in_training_keeps_the_mean(alone):
    x = np.ones((200, 500))
    layer = alone('type: "Dropout" dropout_param { dropout_ratio: 0.7 }', x.shape, training=True)
    torch.manual_seed(0)
    y = layer(x)
    values, counts = np.unique(y, return_counts=True)
    np.testing.assert_allclose(values, [0, 1 / 0.3], rtol=1e-6)
    assert abs(counts[0] / y.size - 0.7) < 6 * math.sqrt(0.7 * 0.3 / y.size)


@pytest.mark.parametrize("ratio", ["1", "-0.1", "nan"])
def test_all_cannot_be_dropped(alone, ratio):
    with pytest.raises(NetworkError, match="dropout_ratio"):
        alone(f'type: "Dropout" dropout_param {{ dropout_ratio: {ratio} }}', (2, 3))
