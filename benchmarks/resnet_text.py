"""ResNet-18 as a prototxt, as Caffe users write it: convolution, BatchNorm, Scale, ReLU; Eltwise joins the ways."""

from __future__ import annotations

from collections.abc import Iterator

HEAD = """
name: "ResNet-18"
layer { name: "train-data" type: "Data" top: "data" top: "label" transform_param { crop_size: 224 }
        data_param { batch_size: 32 } include { stage: "train" } }
layer { name: "val-data" type: "Data" top: "data" top: "label" transform_param { crop_size: 224 }
        data_param { batch_size: 16 } include { stage: "val" } }
"""

TAIL = """
layer { name: "pool5" type: "Pooling" bottom: "res5b" top: "pool5"
        pooling_param { pool: AVE kernel_size: 7 stride: 1 } }
layer { name: "fc" type: "InnerProduct" bottom: "pool5" top: "fc"
        inner_product_param { weight_filler { type: "xavier" } } }
layer { name: "loss" type: "SoftmaxWithLoss" bottom: "fc" bottom: "label" top: "loss" exclude { stage: "deploy" } }
layer { name: "softmax" type: "Softmax" bottom: "fc" top: "softmax" include { stage: "deploy" } }
"""


def text() -> str:
    """The whole network."""
    return HEAD + "".join(_body()) + TAIL


def _body() -> Iterator[str]:
    yield _convolution("conv1", "data", 64, 7, 2)
    yield _relu("conv1")
    yield (
        'layer { name: "pool1" type: "Pooling" bottom: "conv1" top: "pool1"'
        " pooling_param { pool: MAX kernel_size: 3 stride: 2 } }\n"
    )
    bottom = "pool1"
    for stage, outputs in enumerate((64, 128, 256, 512), 2):
        for block in "ab":
            name, stride = f"res{stage}{block}", 2 if block == "a" and stage > 2 else 1
            around = bottom
            if stride > 1:
                around = f"{name}_branch1"
                yield _convolution(around, bottom, outputs, 1, stride)
            yield _convolution(f"{name}_branch2a", bottom, outputs, 3, stride)
            yield _relu(f"{name}_branch2a")
            yield _convolution(f"{name}_branch2b", f"{name}_branch2a", outputs, 3, 1)
            yield (
                f'layer {{ name: "{name}" type: "Eltwise" bottom: "{around}" bottom: "{name}_branch2b"'
                f' top: "{name}" }}\n'
            )
            yield _relu(name)
            bottom = name


def _convolution(name: str, bottom: str, outputs: int, kernel: int, stride: int) -> str:
    return (
        f'layer {{ name: "{name}" type: "Convolution" bottom: "{bottom}" top: "{name}" convolution_param {{'
        f" num_output: {outputs} kernel_size: {kernel} stride: {stride} pad: {kernel // 2} bias_term: false"
        ' weight_filler { type: "msra" } } }\n'
        f'layer {{ name: "bn_{name}" type: "BatchNorm" bottom: "{name}" top: "{name}" }}\n'
        f'layer {{ name: "scale_{name}" type: "Scale" bottom: "{name}" top: "{name}"'
        " scale_param { bias_term: true } }\n"
    )


def _relu(name: str) -> str:
    return f'layer {{ name: "relu_{name}" type: "ReLU" bottom: "{name}" top: "{name}" }}\n'
