import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe.layers.infogain_loss import InfogainLoss
from gradus.nets.caffe.schema import message_class
from gradus.nets.caffe.text.prototxt import Definition


def softmax(x):
    e = np.exp(x - x.max(1, keepdims=True))
    return e / e.sum(1, keepdims=True)


def infogain(x, labels, matrix, mode="VALID", ignored=None):
    """The loss and its gradient for scores (N, C, inner) and labels (N, inner) (catalogue 1.7)."""
    p, total, valid, gradient = softmax(x), 0.0, 0, np.zeros_like(x)
    for i in range(x.shape[0]):
        for j in range(x.shape[2]):
            if labels[i, j] == ignored:
                continue
            valid += 1
            row = matrix[int(labels[i, j])]
            total -= (row * np.log(np.maximum(p[i, :, j], 1e-20))).sum()
            gradient[i, :, j] = p[i, :, j] * row.sum() - row
    count = max(1, {"FULL": labels.size, "VALID": valid, "BATCH_SIZE": x.shape[0], "NONE": 1}[mode])
    return total / count, gradient / count


def write(path, matrix, field="data"):
    blob = message_class("BlobProto")(num=1, channels=1, height=len(matrix), width=len(matrix))
    getattr(blob, field).extend(matrix.ravel().tolist())
    path.write_bytes(blob.SerializeToString())
    return path


@pytest.mark.parametrize("mode", ["FULL", "VALID", "BATCH_SIZE", "NONE"])
@pytest.mark.parametrize("ignored", [None, 1, 255])
@pytest.mark.parametrize("inner", [1, 3])
def test_the_matrix_as_a_bottom(alone, rng, mode, ignored, inner):
    x, matrix = 2 * rng.normal(size=(4, 5, inner)), rng.uniform(size=(5, 5))
    labels = rng.integers(0, 5, size=(4, inner)).astype(float)
    if ignored is not None:
        labels[0, 0] = ignored
    ignore = "" if ignored is None else f"ignore_label: {ignored}"
    text = f'type: "InfogainLoss" loss_param {{ normalization: {mode} {ignore} }}'
    layer = alone(text, x.shape, labels.shape, (1, 1, 5, 5))
    arrays = x, labels, matrix.reshape(1, 1, 5, 5)
    expected, slope = infogain(x, labels, matrix, mode, ignored)
    np.testing.assert_allclose(layer(*arrays), expected, rtol=1e-9)
    of_x, of_labels, of_matrix = layer.gradients(*arrays)
    np.testing.assert_allclose(of_x, slope, rtol=1e-8, atol=1e-12)
    assert of_labels is None
    assert of_matrix is None


@pytest.mark.parametrize("field", ["data", "double_data"])
def test_the_matrix_from_a_file_of_the_working_folder(alone, rng, tmp_path, monkeypatch, field):
    x, labels = rng.normal(size=(3, 2, 4, 2)), rng.integers(0, 4, size=(3, 2, 2))
    matrix = rng.uniform(size=(4, 4)).astype(np.float32)
    write(tmp_path / "h.binaryproto", matrix, field)
    monkeypatch.chdir(tmp_path)
    text = 'type: "InfogainLoss" top: "l" top: "p" infogain_loss_param { source: "h.binaryproto" axis: 2 }'
    loss, probabilities = alone(text, x.shape, labels.shape)(x, labels)
    flat = x.reshape(6, 4, 2)
    np.testing.assert_allclose(loss, infogain(flat, labels.reshape(6, 2), matrix)[0], rtol=1e-6)
    np.testing.assert_allclose(probabilities, softmax(flat).reshape(x.shape), rtol=1e-9)


def test_no_chance_costs_what_1e_minus_20_costs_and_is_learned_from(alone):
    layer = alone('type: "InfogainLoss"', (1, 2), (1,), (2, 2))
    arrays = np.array([[0.0, 1e3]]), np.array([0.0]), np.eye(2)
    np.testing.assert_allclose(layer(*arrays), -np.log(1e-20), rtol=1e-9)
    np.testing.assert_allclose(layer.gradients(*arrays)[0], [[-1, 1]], rtol=1e-9)


def old(shapes):
    message = message_class("LayerParameter")(name="it", type="InfogainLoss", bottom=["a", "b", "c"], top=["y"])
    return InfogainLoss(Definition(message, makers=("Softmax", "Data", "Data")), shapes)


def test_behind_a_softmax_it_takes_probabilities(rng):
    """The older form, which NVIDIA's Caffe has: H[label] * log(max(p, 1e-20)) over the batch."""
    p, matrix, labels = softmax(rng.normal(size=(4, 3))), rng.uniform(size=(3, 3)), np.array([0, 2, 1, 2])
    p[0] = [0, 1, 0]
    layer = old([(4, 3), (4,), (3, 3)])
    tensor = torch.tensor(p, requires_grad=True)
    loss = layer.step(None)(tensor, torch.tensor(labels), torch.tensor(matrix))
    loss.backward()
    held = np.maximum(p, 1e-20)
    np.testing.assert_allclose(loss.item(), -(matrix[labels] * np.log(held)).sum() / 4, rtol=1e-9)
    np.testing.assert_allclose(tensor.grad, -matrix[labels] / held / 4, rtol=1e-9)
    with pytest.raises(NetworkError, match="one label for each sample"):
        old([(4, 3, 2), (4, 2), (6, 6)])


@pytest.mark.parametrize(
    ("settings", "shapes", "said"),
    [
        ("", [(4, 3), (4,)], "names no source"),
        ("", [(4, 3), (4,), (3, 4)], "a matrix of 3x3 and gets 3x4"),
        ("loss_param { normalize: true }", [(4, 3), (4,), (3, 3)], "old normalize"),
        ("infogain_loss_param { axis: 2 }", [(4, 3), (4,), (3, 3)], "axis 2"),
        ("", [(4, 3, 2), (4,), (3, 3)], "4 labels"),
    ],
)
def test_what_does_not_fit(alone, settings, shapes, said):
    with pytest.raises(NetworkError, match=said):
        alone(f'type: "InfogainLoss" {settings}', *shapes)


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("none", "cannot read none"),
        ("text", "cannot read text: The"),
        ("h", "a matrix of 3x3 and gets 1x1x2x2"),
        (".", "cannot read"),
    ],
)
def test_a_file_that_does_not_fit(alone, tmp_path, monkeypatch, source, said):
    write(tmp_path / "h", np.eye(2))
    (tmp_path / "text").write_bytes(b"\xff\xff\xff\xff")
    monkeypatch.chdir(tmp_path)
    layer = alone(f'type: "InfogainLoss" infogain_loss_param {{ source: "{source}" }}', (4, 3), (4,))
    with pytest.raises(NetworkError, match=said):
        layer(np.zeros((4, 3)), np.zeros(4))
