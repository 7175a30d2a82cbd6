"""Caffe's messages by name."""

from __future__ import annotations

import subprocess
import sys

import pytest
from google.protobuf import text_format

from gradus.nets.caffe.pycaffe.proto import caffe_pb2
from gradus.nets.caffe.schema import message_class


def test_messages_and_constants_are_found_by_name() -> None:
    assert caffe_pb2.NetParameter is message_class("NetParameter")
    assert (caffe_pb2.TRAIN, caffe_pb2.TEST, caffe_pb2.Phase.Value("TEST")) == (0, 1, 1)
    assert caffe_pb2.PoolingParameter.MAX == 0
    assert caffe_pb2.SolverParameter.GPU == 1
    assert {"Datum", "BlobProto", "SolverState", "V1LayerParameter"} <= set(dir(caffe_pb2))
    with pytest.raises(AttributeError, match="no message 'Nothing'"):
        _ = caffe_pb2.Nothing


def test_text_is_merged_as_scripts_do() -> None:
    net = caffe_pb2.NetParameter()
    text_format.Merge('name: "n" layer { name: "a" type: "ReLU" phase: TEST }', net)
    assert (net.layer[0].phase, net.layer[0].type) == (caffe_pb2.TEST, "ReLU")
    assert caffe_pb2.NetParameter.FromString(net.SerializeToString()) == net


def test_the_messages_are_there_after_import_caffe_alone() -> None:
    """Scripts say `caffe.proto.caffe_pb2` and `caffe.io.caffe_pb2` without importing either."""
    code = (
        "from gradus.nets.caffe.pycaffe import finder; finder.install(); import caffe;"
        "print(caffe.proto.caffe_pb2.BlobProto is caffe.io.caffe_pb2.BlobProto, hasattr(caffe.proto, 'nothing'))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "True False\n"
