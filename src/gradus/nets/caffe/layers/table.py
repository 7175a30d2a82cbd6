"""Every layer type that a prototxt may name, on one screen."""

from __future__ import annotations

from gradus.nets.caffe.layers.base import Layer
from gradus.nets.caffe.layers.batch import BatchNorm, Bias, Scale
from gradus.nets.caffe.layers.combine import Concat, Eltwise, Flatten, Reshape, Silence, Slice, Split
from gradus.nets.caffe.layers.convolution import Convolution
from gradus.nets.caffe.layers.data import Data, Input
from gradus.nets.caffe.layers.inner_product import InnerProduct
from gradus.nets.caffe.layers.loss import Accuracy, Softmax, SoftmaxWithLoss
from gradus.nets.caffe.layers.neuron import BNLL, ELU, AbsVal, Dropout, Power, ReLU, Sigmoid, TanH
from gradus.nets.caffe.layers.normalisation import LRN
from gradus.nets.caffe.layers.pooling import Pooling

LAYERS: dict[str, type[Layer]] = {
    "AbsVal": AbsVal,
    "Accuracy": Accuracy,
    "BatchNorm": BatchNorm,
    "Bias": Bias,
    "BNLL": BNLL,
    "Concat": Concat,
    "Convolution": Convolution,
    "Data": Data,
    "Dropout": Dropout,
    "Eltwise": Eltwise,
    "ELU": ELU,
    "Flatten": Flatten,
    "InnerProduct": InnerProduct,
    "Input": Input,
    "LRN": LRN,
    "Pooling": Pooling,
    "Power": Power,
    "ReLU": ReLU,
    "Reshape": Reshape,
    "Scale": Scale,
    "Sigmoid": Sigmoid,
    "Silence": Silence,
    "Slice": Slice,
    "Softmax": Softmax,
    "SoftmaxWithLoss": SoftmaxWithLoss,
    "Split": Split,
    "TanH": TanH,
}
