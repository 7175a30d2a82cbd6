import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.base import Use


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("axis", [1, 2, -1])
def test_it_is_a_matrix_product_after_its_axis(alone, rng, transpose, axis):
    x = rng.normal(size=(2, 3, 4))
    inputs = int(np.prod(x.shape[axis:]))
    flag = str(transpose).lower()
    layer = alone(
        f'type: "InnerProduct" inner_product_param {{ num_output: 5 axis: {axis} transpose: {flag} }}', x.shape
    )
    w, b = rng.normal(size=(5, inputs)), rng.normal(size=5)
    layer.set(weight=w.T if transpose else w, bias=b)
    np.testing.assert_allclose(layer(x), x.reshape(*x.shape[:axis], inputs) @ w.T + b, rtol=1e-10)


def test_weights_of_a_channels_last_picture_keep_caffes_order(alone, rng):
    x = rng.normal(size=(2, 3, 4, 5))
    layer = alone('type: "InnerProduct" inner_product_param { num_output: 2 bias_term: false }', x.shape)
    w = rng.normal(size=(2, 60))
    layer.set(weight=w)
    y = layer.differentiable(torch.tensor(x).to(memory_format=torch.channels_last))
    np.testing.assert_allclose(y.detach().numpy(), x.reshape(2, 60) @ w.T, rtol=1e-10)


def test_scores_stay_exact_under_autocast(alone, rng):
    layer = alone('type: "InnerProduct" inner_product_param { num_output: 4 }', (8, 16))
    layer.layer.float()
    layer.set(weight=rng.normal(size=(4, 16)), bias=np.zeros(4))
    x = torch.tensor(rng.normal(size=(8, 16)), dtype=torch.float32)
    plain = layer.layer(x)
    with torch.autocast("cpu", torch.bfloat16):
        assert layer.layer.step(Use())(x).dtype == torch.bfloat16
        np.testing.assert_array_equal(layer.layer.step(Use(exact=True))(x).detach(), plain.detach())


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "num_output"), ("num_output: 0", "num_output"), ("num_output: 5 axis: 3", "axis"),
     ("num_output: 2147483647", "more than Caffe's")],
)  # fmt: skip
def test_settings_that_cannot_work(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "InnerProduct" inner_product_param {{ {text} }}', (2, 3, 4))


def test_opencv_gives_the_same(alone, opencv, rng):
    x = rng.normal(size=(2, 3, 4)).astype(np.float32)
    w, b = rng.normal(size=(5, 4)), rng.normal(size=5)
    text = 'type: "InnerProduct" inner_product_param { num_output: 5 axis: 2 }'
    layer = alone(text, x.shape)
    layer.set(weight=w, bias=b)
    np.testing.assert_allclose(layer(x.astype(np.float64)), opencv(text, x, [w, b]), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_an_embedding_is_a_row_for_each_index(alone, rng, bias):
    x = np.array([[0, 3, 3.9], [1, 2, 0]])  # fractions are cut off, as by C's cast to int
    flag = str(bias).lower()
    layer = alone(f'type: "Embed" embed_param {{ num_output: 5 input_dim: 4 bias_term: {flag} }}', x.shape)
    w, b = rng.normal(size=(4, 5)), rng.normal(size=5) if bias else np.zeros(5)
    layer.set(weight=w, **({"bias": b} if bias else {}))
    np.testing.assert_array_equal(layer(x), w[x.astype(int)] + b)
    (grad,) = torch.autograd.grad(layer.differentiable(torch.tensor(x)).sum(), layer.layer.weight)
    np.testing.assert_array_equal(grad, np.repeat([[2.0], [1], [1], [2]], 5, 1))


@pytest.mark.parametrize(
    ("text", "said"),
    [("input_dim: 4", "num_output"), ("num_output: 4", "input_dim"), ("num_output: 4 input_dim: 0", "input_dim")],
)
def test_embeddings_that_cannot_be(alone, text, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "Embed" embed_param {{ {text} }}', (2, 3))
