"""Every layer type that a prototxt may name, on one screen: its family (the module) and who registers it."""

from __future__ import annotations

import importlib
from functools import cache
from typing import Literal, NamedTuple, cast

from gradus.nets.caffe.layers.base import Layer

Origin = Literal["all", "bvlc", "recurrent", "nvidia", "nvidia-0.17", "ssd", "fork"]


class Row(NamedTuple):
    """Where a layer type is. `origin` says which Caffe has it; `name` is the class where it is not the type's own."""

    family: str  # the module in this folder
    origin: Origin = "all"  # BVLC and NVIDIA alike
    name: str = ""


LAYERS: dict[str, Row] = {
    "AbsVal": Row("neuron"),
    "Accuracy": Row("accuracy"),
    "AnnotatedData": Row("data", "nvidia-0.17"),
    "ArgMax": Row("reduce"),
    "Axpy": Row("combine", "nvidia-0.17"),
    "BatchNorm": Row("batch"),
    "BatchReindex": Row("select"),
    "Bias": Row("batch"),
    "BNLL": Row("neuron"),
    "Clip": Row("neuron", "bvlc"),
    "Concat": Row("combine"),
    "ContrastiveLoss": Row("distance_loss"),
    "Convolution": Row("convolution"),
    "ConvolutionDepthwise": Row("convolution", "fork", "DepthwiseConvolution"),
    "Crop": Row("crop"),
    "Data": Row("data"),
    "Deconvolution": Row("convolution"),
    "DepthwiseConvolution": Row("convolution", "fork"),
    "DetectionEvaluate": Row("detection_evaluate", "nvidia-0.17"),
    "DetectionOutput": Row("detection_output", "ssd"),
    "DetectNetTransformation": Row("detectnet", "nvidia"),
    "Dropout": Row("dropout"),
    "DummyData": Row("data"),
    "Eltwise": Row("combine"),
    "ELU": Row("neuron"),
    "Embed": Row("inner_product"),
    "EuclideanLoss": Row("distance_loss"),
    "Exp": Row("power"),
    "Filter": Row("select"),
    "Flatten": Row("shape"),
    "HDF5Data": Row("data"),
    "HDF5Output": Row("hdf5_output"),
    "HingeLoss": Row("class_loss"),
    "Im2col": Row("convolution"),
    "ImageData": Row("data"),
    "InfogainLoss": Row("infogain_loss"),
    "InnerProduct": Row("inner_product"),
    "Input": Row("data"),
    "Interp": Row("resample", "fork"),
    "L1Loss": Row("distance_loss", "nvidia"),
    "Log": Row("power"),
    "LRN": Row("normalisation"),
    "LSTM": Row("recurrent", "recurrent"),
    "LSTMUnit": Row("recurrent", "recurrent"),
    "MemoryData": Row("data"),
    "MultiBoxLoss": Row("multibox_loss", "ssd"),
    "MultinomialLogisticLoss": Row("class_loss"),
    "MVN": Row("normalisation"),
    "Normalize": Row("normalisation", "ssd"),
    "Parameter": Row("parameter", "bvlc"),
    "Permute": Row("shape", "ssd"),
    "Pooling": Row("pooling"),
    "Power": Row("power"),
    "PReLU": Row("neuron"),
    "PriorBox": Row("prior_box", "ssd"),
    "PSROIPooling": Row("roi", "fork"),
    "Python": Row("python"),
    "Reduction": Row("reduce"),
    "ReLU": Row("neuron"),
    "ReLU6": Row("neuron", "fork"),
    "Reshape": Row("shape"),
    "ROIPooling": Row("roi", "fork"),
    "RNN": Row("recurrent", "recurrent"),
    "Scale": Row("batch"),
    "ShuffleChannel": Row("shape", "fork"),
    "Sigmoid": Row("neuron"),
    "SigmoidCrossEntropyLoss": Row("class_loss"),
    "Silence": Row("combine"),
    "Slice": Row("combine"),
    "SmoothL1Loss": Row("distance_loss", "ssd"),
    "Softmax": Row("class_loss"),
    "SoftmaxWithLoss": Row("class_loss"),
    "Split": Row("combine"),
    "SPP": Row("pooling"),
    "Swish": Row("neuron", "bvlc"),
    "TanH": Row("neuron"),
    "Threshold": Row("neuron"),
    "Tile": Row("shape"),
    "TRT": Row("unsupported", "nvidia-0.17"),
    "Upsample": Row("resample", "fork"),
    "VideoData": Row("unsupported", "nvidia-0.17"),
    "WindowData": Row("data"),
}


@cache
def layer_class(type_name: str) -> type[Layer]:
    """The class of a layer type; KeyError where there is none. Families are imported when a network names one."""
    row = LAYERS[type_name]
    module = importlib.import_module(f"gradus.nets.caffe.layers.{row.family}")
    return cast("type[Layer]", getattr(module, row.name or type_name))


def preload() -> None:
    """Import all families, so that a process forked from this one builds any network at once."""
    for row in LAYERS.values():
        importlib.import_module(f"gradus.nets.caffe.layers.{row.family}")
