"""`import caffe` finds our module: the same under both names, and never in place of another."""

from __future__ import annotations

import importlib
import subprocess
import sys
import types

import pytest

from gradus.core.errors import ConflictError
from gradus.nets.caffe import pycaffe
from gradus.nets.caffe.pycaffe import finder


def test_it_is_one_module_under_both_names(caffe) -> None:
    assert caffe is pycaffe
    assert importlib.import_module("caffe.io") is importlib.import_module("gradus.nets.caffe.pycaffe.io")
    assert importlib.import_module("caffe.proto.caffe_pb2").NetParameter is caffe.proto.caffe_pb2.NetParameter
    assert caffe.__spec__.name == "gradus.nets.caffe.pycaffe"


def test_layers_are_functions_and_a_package_at_once(caffe) -> None:
    layers = importlib.import_module("caffe.layers")
    assert caffe.layers is layers
    assert layers.__path__
    assert layers.Convolution.__name__ == "Convolution"
    with pytest.raises(AttributeError, match="no attribute"):
        _ = layers.nothing


def test_installing_twice_adds_one_finder(caffe) -> None:
    before = list(sys.meta_path)
    finder.install()
    assert sys.meta_path == before


def test_what_is_not_there_is_not_found(caffe) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"caffe\.nothing"):
        importlib.import_module("caffe.nothing")
    with pytest.raises(AttributeError, match="'caffe' has no attribute 'nothing'"):
        _ = caffe.nothing


def test_another_caffe_that_is_imported_stays(monkeypatch) -> None:
    other = types.ModuleType("caffe")
    monkeypatch.setitem(sys.modules, "caffe", other)
    with pytest.raises(ConflictError, match="another module named caffe") as caught:
        finder.install()
    assert caught.value.problem.hint
    assert sys.modules["caffe"] is other


def test_a_users_layer_costs_no_torch_networks() -> None:
    """`caffe.Layer` alone imports neither the net nor the solvers."""
    code = (
        "import sys; from gradus.nets.caffe.pycaffe import finder; finder.install(); import caffe; caffe.Layer;"
        "print([n for n in sys.modules if n.endswith(('pycaffe.net', 'pycaffe.solver', 'caffe.build'))])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_the_whole_surface_is_there(caffe) -> None:
    """Catalogue 5.2."""
    names = (
        "Net Layer SGDSolver NesterovSolver AdaGradSolver RMSPropSolver AdaDeltaSolver AdamSolver get_solver Classifier"
        " Detector io layers params NetSpec to_proto TRAIN TEST set_mode_cpu set_mode_gpu set_device set_random_seed"
        " layer_type_list solver_count set_solver_count solver_rank set_solver_rank set_multiprocess init_log log"
        " has_nccl NCCL Timer __version__ proto coord_map draw LayerParameter LayerBase create_layer set_devices"
    )
    for name in names.split():
        assert getattr(caffe, name) is not None
        assert name in dir(caffe)
    assert (caffe.TRAIN, caffe.TEST) == (0, 1)
