"""Every layer type of the table is built from a prototxt, run, and differentiated. A name without a snippet fails."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import h5py
import lmdb
import numpy as np
import pytest
import torch
from PIL import Image

from gradus.core.errors import NetworkError
from gradus.nets.caffe import user_code
from gradus.nets.caffe.layers.base import Layer
from gradus.nets.caffe.layers.table import LAYERS, layer_class, preload
from gradus.nets.caffe.net import Net
from gradus.nets.caffe.schema import message_class

RNG = np.random.default_rng(5)
Shape = tuple[int, ...]
IMAGE = (2, 3, 4, 5)


@dataclass(frozen=True)
class Snippet:
    """One layer: its settings, what comes in, the shapes that go out, and through which bottoms it learns."""

    settings: str = ""
    bottoms: dict[str, np.ndarray] = field(default_factory=lambda: {"a": values(*IMAGE)})
    tops: dict[str, Shape] = field(default_factory=lambda: {"y": IMAGE})
    learns: str = "a"  # names of one letter
    phase: str = "test"
    refused: bool = False


def values(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def above_0(*shape: int) -> np.ndarray:
    return RNG.uniform(0.5, 2, size=shape).astype(np.float32)


def below(count: int, *shape: int) -> np.ndarray:
    return RNG.integers(0, count, size=shape).astype(np.float32)


def row(*numbers: float) -> np.ndarray:
    return np.array(numbers, np.float32)


def to(shape: Shape, settings: str = "", **more: object) -> Snippet:
    """One bottom of the usual size, and one top."""
    return Snippet(settings, tops={"y": shape}, **more)


def of(*bottoms: np.ndarray, settings: str = "", top: Shape = (), learns: str = "a", **more: object) -> Snippet:
    return Snippet(settings, dict(zip("abcdef", bottoms, strict=False)), {"y": top}, learns, **more)


def source(settings: str, *shapes: Shape, names: str = "yz") -> Snippet:
    return Snippet(settings, {}, dict(zip(names, shapes, strict=False)), "")


SAME = Snippet()
FILLED = 'weight_filler { type: "gaussian" std: 0.5 }'
PRIORS = np.stack([row(0.1, 0.1, 0.4, 0.4, 0.5, 0.5, 0.9, 0.9), np.tile(row(0.1, 0.1, 0.2, 0.2), 2)])[None]
REGIONS = np.array([[0, 0, 0, 5, 5], [0, 1, 1, 3, 4], [0, 2, 0, 4, 2]], np.float32)
LABELS = np.zeros((2, 1, 3, 16), np.float32)  # DetectNet: one box of 20 x 16 pixels in each picture
LABELS[:, 0, 0, 0], LABELS[:, 0, 1, :6] = 1, [8, 6, 20, 16, 0, 1]

SNIPPETS: dict[str, Snippet] = {
    "AbsVal": SAME,
    "Accuracy": of(values(6, 4), below(4, 6), settings="accuracy_param { top_k: 2 }", learns=""),
    "AnnotatedData": source('annotated_data_param {} data_param { source: "boxes" batch_size: 2 backend: LMDB }',
                            (2, 3, 6, 5), (1, 1, 2, 8)),
    "ArgMax": to((2, 1, 3, 1), "argmax_param { top_k: 3 }", learns=""),
    "Axpy": of(values(2, 3), values(*IMAGE), values(*IMAGE), top=IMAGE, learns="abc"),
    "BatchNorm": Snippet(phase="train"),
    "BatchReindex": of(values(4, 3), row(3, 0, 3, 1, 3), top=(5, 3)),
    "Bias": SAME,
    "BNLL": SAME,
    "Clip": Snippet("clip_param { min: -1 max: 0.5 }"),
    "Concat": of(values(2, 3, 4), values(2, 2, 4), top=(2, 5, 4), learns="ab"),
    "ContrastiveLoss": of(values(6, 3), values(6, 3), row(0, 1, 0, 1, 0, 0), learns="ab",
                          settings="contrastive_loss_param { margin: 4 }"),
    "Convolution": to((2, 4, 2, 3), f"convolution_param {{ num_output: 4 kernel_size: 3 {FILLED} }}"),
    "ConvolutionDepthwise": to((2, 3, 2, 3), f"convolution_param {{ num_output: 3 kernel_size: 3 {FILLED} }}"),
    "Crop": of(values(2, 3, 6, 5), values(2, 3, 3, 3), settings="crop_param { offset: 1 }", top=(2, 3, 3, 3)),
    "Data": source('data_param { source: "db" batch_size: 4 backend: LMDB }', (4, 3, 6, 5), (4,)),
    "Deconvolution": to((2, 4, 8, 10), f"convolution_param {{ num_output: 4 kernel_size: 2 stride: 2 {FILLED} }}"),
    "DepthwiseConvolution": to((2, 3, 4, 5), f"convolution_param {{ num_output: 3 kernel_size: 3 pad: 1 {FILLED} }}"),
    "DetectionEvaluate": of(
        row(0, 1, 0.9, 0.1, 0.1, 0.4, 0.4, 0, 2, 0.8, 0.5, 0.5, 0.9, 0.9).reshape(1, 1, 2, 7),
        row(0, 1, 0, 0.1, 0.1, 0.4, 0.4, 0).reshape(1, 1, 1, 8),
        settings="detection_evaluate_param { num_classes: 3 }", top=(1, 1, 4, 5), learns="",
    ),  # a row for each class but the background, and one for each detection
    "DetectionOutput": of(
        0.1 * values(1, 8), row(0.1, 0.9, 0.2, 0.8).reshape(1, 4), PRIORS, top=(1, 1, 2, 7), learns="",
        settings="detection_output_param { num_classes: 2 code_type: CENTER_SIZE keep_top_k: 5 }",
    ),
    "DetectNetTransformation": Snippet(
        "detectnet_groundtruth_param { stride: 16 image_size_x: 64 image_size_y: 32 "
        "object_class { src: 1 dst: 0 } } detectnet_augmentation_param {} transform_param { mean_value: 127 }",
        {"a": below(256, 2, 3, 40, 60), "b": LABELS}, {"y": (2, 3, 32, 64), "z": (2, 9, 2, 4)}, "",
    ),
    "Dropout": SAME,
    "DummyData": source('dummy_data_param { shape { dim: 2 dim: 3 } data_filler { type: "gaussian" } }', (2, 3)),
    "Eltwise": of(values(*IMAGE), values(*IMAGE), settings="eltwise_param { operation: PROD }", top=IMAGE, learns="ab"),
    "ELU": SAME,
    "Embed": of(below(6, 5), settings=f"embed_param {{ input_dim: 6 num_output: 4 {FILLED} }}", top=(5, 4), learns=""),
    "EuclideanLoss": of(values(6, 4), values(6, 4), learns="ab"),
    "Exp": Snippet("exp_param { base: 2 scale: 0.5 shift: 1 }"),
    "Filter": of(values(4, 3), row(1, 0, 2, 1), top=(3, 3)),
    "Flatten": to((2, 60)),
    "HDF5Data": source('hdf5_data_param { source: "rows.txt" batch_size: 4 }', (4, 2), (4,)),
    "HDF5Output": Snippet('hdf5_output_param { file_name: "out.h5" }', {"a": values(4, 3), "b": values(4)}, {}, ""),
    "HingeLoss": of(values(6, 4), below(4, 6), settings="hinge_loss_param { norm: L2 }"),
    "Im2col": to((2, 12, 3, 4), "convolution_param { kernel_size: 2 }"),
    "ImageData": source('image_data_param { source: "list.txt" batch_size: 3 }', (3, 3, 6, 5), (3,)),
    "InfogainLoss": of(values(6, 4), below(4, 6), above_0(4, 4)),
    "InnerProduct": to((2, 6), f"inner_product_param {{ num_output: 6 {FILLED} }}"),
    "Input": source("input_param { shape { dim: 2 dim: 3 } }", (2, 3)),
    "Interp": to((2, 3, 7, 9), "interp_param { zoom_factor: 2 }"),
    "L1Loss": of(values(6, 4), values(6, 4), learns="ab"),
    "Log": of(above_0(*IMAGE), settings="log_param { base: 10 shift: 1 }", top=IMAGE),
    "LRN": Snippet("lrn_param { local_size: 3 alpha: 2 }"),
    "LSTM": of(values(4, 2, 3), row(0, 0, 1, 1, 1, 0, 1, 1).reshape(4, 2), top=(4, 2, 5),
               settings=f"recurrent_param {{ num_output: 5 {FILLED} }}"),
    "LSTMUnit": Snippet("", {"a": values(1, 2, 3), "b": values(1, 2, 12), "c": row(0, 1).reshape(1, 2)},
                        {"y": (1, 2, 3), "z": (1, 2, 3)}, "ab"),
    "MemoryData": source("memory_data_param { batch_size: 2 channels: 3 height: 6 width: 5 }", (2, 3, 6, 5), (2,)),
    "MultiBoxLoss": of(
        values(1, 8), values(1, 4), PRIORS, row(0, 1, 0, 0.1, 0.1, 0.45, 0.4, 0).reshape(1, 1, 1, 8), learns="ab",
        settings="multibox_loss_param { num_classes: 2 code_type: CENTER_SIZE }",
    ),
    "MultinomialLogisticLoss": of(above_0(6, 4) / 8, below(4, 6)),
    "MVN": SAME,
    "Normalize": Snippet("norm_param { across_spatial: false }"),
    "Parameter": source("parameter_param { shape { dim: 3 dim: 4 } }", (3, 4)),
    "Permute": to((2, 4, 5, 3), "permute_param { order: 0 order: 2 order: 3 order: 1 }"),
    "Pooling": to((2, 3, 2, 3), "pooling_param { kernel_size: 2 stride: 2 }"),
    "Power": Snippet("power_param { power: 2 scale: 0.5 shift: 1 }"),
    "PReLU": SAME,
    "PriorBox": of(values(1, 3, 2, 2), values(1, 3, 10, 10), settings="prior_box_param { min_size: 4 }",
                   top=(1, 2, 16), learns=""),
    "PSROIPooling": of(values(1, 8, 6, 6), REGIONS, top=(3, 2, 2, 2),
                       settings="psroi_pooling_param { output_dim: 2 group_size: 2 spatial_scale: 1 }"),
    "Python": Snippet('python_param { module: "digits_python_layers" layer: "Twice" }'),
    "Reduction": to((2,), "reduction_param { operation: SUMSQ axis: 1 }"),
    "ReLU": Snippet("relu_param { negative_slope: 0.1 }"),
    "ReLU6": SAME,
    "Reshape": to((2, 6, 10), "reshape_param { shape { dim: 0 dim: 6 dim: -1 } }"),
    "ROIPooling": of(values(1, 3, 6, 6), REGIONS, top=(3, 3, 2, 2),
                     settings="roi_pooling_param { pooled_h: 2 pooled_w: 2 }"),
    "RNN": of(values(4, 2, 3), row(0, 0, 1, 1, 1, 0, 1, 1).reshape(4, 2), top=(4, 2, 5),
              settings=f"recurrent_param {{ num_output: 5 {FILLED} }}"),
    "Scale": Snippet("scale_param { bias_term: true }"),
    "ShuffleChannel": of(values(2, 6, 4), settings="shuffle_channel_param { group: 3 }", top=(2, 6, 4)),
    "Sigmoid": SAME,
    "SigmoidCrossEntropyLoss": of(values(6, 4), below(2, 6, 4)),
    "Silence": Snippet(tops={}, learns=""),
    "Slice": Snippet("slice_param { slice_point: 1 }", tops={"y": (2, 1, 4, 5), "z": (2, 2, 4, 5)}),
    "SmoothL1Loss": of(values(6, 4), values(6, 4), below(2, 6, 4), learns="ab"),
    "Softmax": SAME,
    "SoftmaxWithLoss": of(values(6, 4), below(4, 6)),
    "Split": Snippet(tops={"y": IMAGE, "z": IMAGE}),
    "SPP": to((2, 15), "spp_param { pyramid_height: 2 }"),
    "Swish": SAME,
    "TanH": SAME,
    "Threshold": Snippet(learns=""),
    "Tile": to((2, 6, 4, 5), "tile_param { tiles: 2 }"),
    "TRT": Snippet(refused=True),
    "Upsample": to((2, 3, 8, 10), "upsample_param { scale: 2 }"),
    "VideoData": Snippet(bottoms={}, refused=True),
    "WindowData": source('transform_param { crop_size: 4 } window_data_param { source: "windows.txt" batch_size: 4 }',
                         (4, 3, 4, 4), (4,)),
}  # fmt: skip

TWICE = """
import caffe

class Twice(caffe.Layer):
    def setup(self, bottom, top):
        pass

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = 2 * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] = 2 * top[0].diff
"""


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def store(path: Path, messages: list[object]) -> None:
    with lmdb.open(str(path), map_size=1 << 24) as environment, environment.begin(write=True) as transaction:
        for i, message in enumerate(messages):
            transaction.put(b"%08d" % i, message.SerializeToString())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Data of each kind that the snippets read: five pictures of 6 x 5 pixels, and a matrix of rows."""
    root = tmp_path_factory.mktemp("data")
    pictures = np.random.default_rng(1).integers(0, 256, (5, 6, 5, 3), dtype=np.uint8)
    datums, boxes = [], []
    for i, picture in enumerate(pictures):
        (root / f"{i}.png").write_bytes(png(picture))
        datum = message_class("Datum")(channels=3, height=6, width=5, label=i, data=picture.tobytes())
        datums.append(datum)
        annotated = message_class("AnnotatedDatum")(datum=datum, type=0)
        instance = annotated.annotation_group.add(group_label=1).annotation.add(instance_id=0)
        instance.bbox.xmin, instance.bbox.ymin, instance.bbox.xmax, instance.bbox.ymax = 0.1, 0.2, 0.7, 0.8
        boxes.append(annotated)
    store(root / "db", datums)
    store(root / "boxes", boxes)
    (root / "list.txt").write_text("".join(f"{i}.png {i}\n" for i in range(5)))
    (root / "windows.txt").write_text("# 0\n0.png\n3 6 5 2\n1 0.9 0 0 4 4\n0 0.1 1 1 3 5\n")
    with h5py.File(root / "rows.h5", "w") as file:
        file["y"], file["z"] = np.arange(10.0).reshape(5, 2), np.arange(5.0)
    (root / "rows.txt").write_text("rows.h5\n")
    (root / user_code.FILE).write_text(TWICE)
    return root


@pytest.fixture
def build(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Net]]:
    """The net of a snippet, read from a file in the folder of its data."""
    monkeypatch.chdir(folder)
    nets: list[Net] = []

    def make(kind: str) -> Net:
        if kind not in SNIPPETS:
            pytest.fail(f"{kind} is in the table of layers, and nothing tests it: give it a snippet")
        snippet = SNIPPETS[kind]
        text = "force_backward: true\n"
        for name, array in snippet.bottoms.items():
            dims = " ".join(f"dim: {side}" for side in array.shape)
            text += f'layer {{ name: "in_{name}" type: "Input" top: "{name}" input_param {{ shape {{ {dims} }} }} }}\n'
        blobs = [f'bottom: "{name}"' for name in snippet.bottoms] + [f'top: "{name}"' for name in snippet.tops]
        text += f'layer {{ name: "it" type: "{kind}" {" ".join(blobs)} {snippet.settings} }}\n'
        (folder / "net.prototxt").write_text(text)
        with user_code.permitted(user_code.Policy((folder,))):
            net = Net("net.prototxt", phase=snippet.phase)
        nets.append(net)
        if kind == "MemoryData":
            net.sources["it"].set_arrays(values(4, 3, 6, 5), np.arange(4.0))
        for name, array in snippet.bottoms.items():
            net.values[name].copy_(torch.from_numpy(array))
        return net

    yield make
    for net in nets:
        net.close()
    sys.modules.pop("digits_python_layers", None)


RUNNING = [kind for kind in LAYERS if not (kind in SNIPPETS and SNIPPETS[kind].refused)]


def test_every_name_has_a_snippet_and_every_snippet_a_name() -> None:
    assert set(SNIPPETS) == set(LAYERS)


@pytest.mark.parametrize("kind", RUNNING)
def test_it_gives_blobs_of_the_right_shape(build: Callable[[str], Net], kind: str) -> None:
    net = build(kind)
    snippet = SNIPPETS[kind]
    before = {name: net.shape(name) for name in snippet.tops}
    net.compute()
    for name, shape in snippet.tops.items():
        value = net.values[name]
        assert tuple(value.shape) == shape
        assert torch.isfinite(value).all()
        if kind not in ("Filter", "DetectionOutput"):  # theirs depends on the values
            assert before[name] == shape
        if kind not in ("Input", "Parameter", "Bias"):  # which are zeros until they are filled or learned
            assert value.any()


@pytest.mark.parametrize("kind", [kind for kind in RUNNING if not layer_class(kind).is_source])
def test_gradients_are_how_the_tops_change(build: Callable[[str], Net], kind: str) -> None:
    """In a random direction of all that learns, against the difference quotient; nothing goes down to the rest."""
    net, snippet = build(kind), SNIPPETS[kind]
    rng = np.random.default_rng(3)
    net.compute(grad=True)
    seeds = {name: torch.tensor(rng.normal(size=shape), dtype=torch.float32) for name, shape in snippet.tops.items()}
    gradients = net.backward(seeds, start=len(net.layers) - 1)
    assert set(gradients) & set(snippet.bottoms) == set(snippet.learns)
    moved = [(net.values[name], gradients[name]) for name in snippet.learns]
    moved += [(spec.tensor, spec.tensor.grad) for spec in net.specs]
    if not moved:
        return
    directions = [torch.tensor(rng.normal(size=tensor.shape), dtype=torch.float32) for tensor, _ in moved]

    def change(step: float) -> float:
        with torch.no_grad():
            for (tensor, _), direction in zip(moved, directions, strict=True):
                tensor += step * direction
        net.compute()
        return sum((net.values[name].double() * seed).sum().item() for name, seed in seeds.items())

    step = 2e-3
    up, down = change(step), change(-2 * step)
    slope = sum((gradient * direction).sum().item() for (_, gradient), direction in zip(moved, directions, strict=True))
    assert abs(slope) > 1e-3
    assert slope == pytest.approx((up - down) / (2 * step), rel=0.03, abs=5e-3)


@pytest.mark.parametrize("kind", [kind for kind in SNIPPETS if SNIPPETS[kind].refused])
def test_what_cannot_run_says_so(build: Callable[[str], Net], kind: str) -> None:
    with pytest.raises(NetworkError, match="is not supported, because") as caught:
        build(kind)
    assert caught.value.problem.hint


def test_each_caffe_has_as_many_types_as_it_registers() -> None:
    """61 in BVLC's master (59 in 1.0, without Clip and Swish), 57 in NVIDIA's 0.15 and 0.16, 71 in its 0.17."""

    def count(*origins: str) -> int:
        return sum(row.origin in origins for row in LAYERS.values())

    assert count("all", "bvlc", "recurrent") == 61
    assert {"Clip", "Swish"} <= {kind for kind, row in LAYERS.items() if row.origin == "bvlc"}
    assert count("all", "nvidia") == 57
    assert count("all", "nvidia", "nvidia-0.17", "recurrent", "ssd") == 71


def test_all_families_can_be_loaded_beforehand_and_hold_layers() -> None:
    preload()
    assert all(issubclass(layer_class(kind), Layer) for kind in LAYERS)
