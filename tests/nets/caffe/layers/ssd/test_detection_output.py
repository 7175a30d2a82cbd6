from __future__ import annotations

import cv2
import numpy as np
import pytest

from gradus.core.errors import NetworkError

PRIORS = 60


def layer(param: str) -> str:
    return f'type: "DetectionOutput" detection_output_param {{ {param} }}'


def predictions(rng: np.random.Generator, number: int, classes: int, places: int = 1) -> list[np.ndarray]:
    offsets = rng.normal(0, 1, (number, PRIORS * places * 4))
    scores = rng.dirichlet(np.ones(classes) * 0.4, (number, PRIORS)).reshape(number, -1)
    low = rng.uniform(0, 0.6, (PRIORS, 2))
    priors = np.concatenate([low, low + rng.uniform(0.1, 0.4, (PRIORS, 2))], 1)
    variance = np.tile([0.1, 0.1, 0.2, 0.2], PRIORS)
    return [offsets, scores, np.stack([priors.ravel(), variance])[None]]


def opencv(param: str, arrays: list[np.ndarray]) -> np.ndarray:
    text = ""
    for name, array in zip("abc", arrays, strict=True):
        text += f'input: "{name}" input_shape {{ {" ".join(f"dim: {d}" for d in array.shape)} }} '
    text += f'layer {{ name: "it" bottom: "a" bottom: "b" bottom: "c" top: "y" {layer(param)} }}'
    net = cv2.dnn.readNetFromCaffe(np.frombuffer(text.encode(), np.uint8))
    for name, array in zip("abc", arrays, strict=True):
        net.setInput(array.astype(np.float32), name)
    return net.forward("it").reshape(-1, 7)


@pytest.mark.parametrize("code", ["CORNER", "CENTER_SIZE"])
@pytest.mark.parametrize("more", ["", "variance_encoded_in_target: true", "clip: true"])
def test_rows_are_those_of_opencv(alone, rng, code, more):
    param = (
        f"num_classes: 4 share_location: true background_label_id: 0 code_type: {code} keep_top_k: 30 "
        f"confidence_threshold: 0.1 nms_param {{ nms_threshold: 0.45 top_k: 40 }} {more}"
    )
    arrays = predictions(rng, 1, 4)
    encoded = more.startswith("variance")
    if encoded:
        arrays[0] = arrays[0] / 10
    ours = alone(layer(param), *[a.shape for a in arrays])(*arrays)
    if encoded:
        arrays[2] = arrays[2][:, :1]  # OpenCV then takes no variances
    theirs = opencv(param, arrays)
    theirs = theirs[theirs[:, 2] > 0]  # OpenCV pads with zeros
    assert len(theirs) == 30
    theirs = theirs[np.lexsort((-theirs[:, 2], theirs[:, 1]))]  # its order of classes is another
    np.testing.assert_allclose(ours[0, 0], theirs, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("places", [1, 3])
@pytest.mark.parametrize("code", ["CORNER", "CENTER_SIZE", "CORNER_SIZE"])
@pytest.mark.parametrize(
    ("threshold", "eta", "top_k", "keep", "confidence"),
    [(0.45, 1.0, 20, 10, 0.2), (0.7, 0.9, -1, -1, 0.05), (0.3, 0.5, 7, 100, None), (0.9, 0.98, 50, 25, 0.0)],
)
def test_rows_are_those_of_the_rule(alone, reference, rng, places, code, threshold, eta, top_k, keep, confidence):
    param = (
        f"num_classes: 3 share_location: {'true' if places == 1 else 'false'} background_label_id: 1 "
        f"code_type: {code} keep_top_k: {keep} nms_param {{ nms_threshold: {threshold} eta: {eta}"
        + (f" top_k: {top_k} }}" if top_k >= 0 else " }")
        + (f" confidence_threshold: {confidence}" if confidence is not None else "")
    )
    arrays = predictions(rng, 3, 3, places)
    ours = alone(layer(param), *[a.shape for a in arrays])(*arrays)
    rows = reference.detections(
        *arrays, classes=3, places=places, background=1, code=code, threshold=threshold, eta=eta, top_k=top_k,
        keep=keep, confidence=-np.inf if confidence is None else confidence,
    )  # fmt: skip
    np.testing.assert_allclose(ours[0, 0], rows, rtol=1e-5, atol=1e-6)


def test_nothing_found_is_a_row_for_each_image(alone, rng):
    arrays = predictions(rng, 2, 3)
    net = alone(layer("num_classes: 3 confidence_threshold: 2"), *[a.shape for a in arrays])
    np.testing.assert_array_equal(net(*arrays), [[[[0] + [-1] * 6, [1] + [-1] * 6]]])


def test_files_on_the_side_are_not_written(alone, rng, tmp_path):
    arrays = predictions(rng, 1, 3)
    folder = tmp_path / "out"
    param = f'num_classes: 3 save_output_param {{ output_directory: "{folder}" output_format: "VOC" }}'
    assert alone(layer(param), *[a.shape for a in arrays])(*arrays).shape[3] == 7
    assert not folder.exists()


@pytest.mark.parametrize(
    ("param", "reason"),
    [
        ("", "num_classes"),
        ("num_classes: 4", "180 class scores.* needs 240"),
        ("num_classes: 3 share_location: false", "240 box offsets.* needs 720"),
        ("num_classes: 3 nms_param { eta: 0 }", "eta"),
        ("num_classes: 3 nms_param { nms_threshold: -1 }", "nms_threshold"),
    ],
)
def test_what_does_not_fit_is_refused(alone, rng, param, reason):
    with pytest.raises(NetworkError, match=reason):
        alone(layer(param), *[a.shape for a in predictions(rng, 1, 3)])
