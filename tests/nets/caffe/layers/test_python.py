"""Layers written in Python: called as Caffe calls them, learned from, and kept in bounds."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from gradus.core.errors import NetworkError
from gradus.nets.caffe import user_code
from gradus.nets.caffe.net import Net

SCALED = """
import caffe

class Scaled(caffe.Layer):
    '''y = factor * w * x with one learned w; keeps what it is told.'''

    def setup(self, bottom, top):
        self.factor = float(self.param_str)
        self.calls = ['setup']
        self.blobs.add_blob(1)
        self.blobs[0].data[...] = 3

    def reshape(self, bottom, top):
        self.calls.append('reshape')
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        self.calls.append('forward')
        top[0].data[...] = self.factor * self.blobs[0].data[0] * bottom[0].data

    def backward(self, top, propagate_down, bottom):
        self.calls.append('backward')
        self.down = list(propagate_down)
        self.blobs[0].diff[...] += self.factor * (top[0].diff * bottom[0].data).sum()
        if propagate_down[0]:
            bottom[0].diff[...] = self.factor * self.blobs[0].data[0] * top[0].diff
"""

# The example that DIGITS ships: a square of the picture is blanked.
BLANK_SQUARE = """
import caffe

class BlankSquareLayer(caffe.Layer):
    def setup(self, bottom, top):
        assert len(bottom) == 1 and len(top) == 1

    def reshape(self, bottom, top):
        top[0].reshape(*bottom[0].data.shape)

    def forward(self, bottom, top):
        top[0].data[...] = bottom[0].data
        top[0].data[:, :, 2:4, 1:3] = 0

    def backward(self, top, propagate_down, bottom):
        pass
"""

Load = Callable[..., Net]


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    """A net of an input `x` and the layers of a text, with Python code in the folder that is permitted."""

    def make(text: str, code: str = "", shape: tuple[int, ...] = (2, 3), phase: str = "test") -> Net:
        if code:
            (tmp_path / user_code.FILE).write_text(code)
        dims = " ".join(f"dim: {d}" for d in shape)
        path = tmp_path / "net.prototxt"
        path.write_text(f'layer {{ name: "x" type: "Input" top: "x" input_param {{ shape {{ {dims} }} }} }}\n{text}')
        with user_code.permitted(user_code.Policy((tmp_path,) if code else ())):
            return Net(path, phase=phase)

    yield make
    sys.modules.pop("digits_python_layers", None)


def layer(name: str, *, module: str = "digits_python_layers", more: str = "", param: str = "", top: str = "y") -> str:
    given = f'module: "{module}" layer: "{name}" param_str: "{param}"'
    return f'layer {{ name: "it" type: "Python" bottom: "x" top: "{top}" python_param {{ {given} }} {more} }}'


def user(net: Net, trains: bool = False) -> object:
    return net.layers["it"].instance(trains)


def test_a_layer_runs_and_what_setup_wrote_into_its_blobs_are_its_first_weights(load: Load) -> None:
    net = load(layer("Scaled", param="2"), SCALED)
    x = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    np.testing.assert_array_equal(net.forward(x=x)["y"], 6 * x)
    np.testing.assert_array_equal(net.params["it"][0], [3])


def test_setup_is_called_once_and_reshape_before_each_forward(load: Load) -> None:
    net = load(layer("Scaled", param="1"), SCALED)
    built = len(user(net).calls)
    assert user(net).calls[:2] == ["setup", "reshape"]
    net.forward(x=np.zeros((2, 3), np.float32))
    net.forward(x=np.zeros((5, 3), np.float32))
    later = [call for call in user(net).calls[built:] if call != "reshape"]
    assert later == ["forward", "forward"]
    assert user(net).calls.count("setup") == 1
    assert user(net).calls[built : built + 2] == ["reshape", "forward"]


def test_gradients_go_to_the_bottom_and_to_the_blobs(load: Load) -> None:
    """y = 2 w x, so dL/dx = 2 w g and dL/dw = 2 sum(g x)."""
    net = load(layer("Scaled", param="2", more="loss_weight: 1"), SCALED, phase="train")
    call = net.layers["it"].step(type("Use", (), {"training": True, "shapes_only": False})())
    x = torch.tensor([[1.0, -2.0, 3.0]], requires_grad=True)
    weight = net.layers["it"].blob0
    g = torch.tensor([[0.5, 1.0, -1.0]])
    call(x).backward(g)
    np.testing.assert_allclose(x.grad, 2 * 3 * g)
    np.testing.assert_allclose(weight.grad, [2 * (0.5 - 2.0 - 3.0)])
    assert user(net, trains=True).down == [True]


def test_gradients_of_two_passes_add_up_however_the_layer_writes_them(load: Load) -> None:
    net = load(layer("Scaled", param="1"), SCALED, phase="train")
    call = net.layers["it"].step(type("Use", (), {"training": True, "shapes_only": False})())
    for _ in range(2):
        call(torch.ones(1, 3)).sum().backward()
    np.testing.assert_allclose(net.layers["it"].blob0.grad, [6])
    assert user(net, trains=True).down == [False]  # nobody asks for the input's gradient


def test_the_example_of_digits_blanks_a_square(load: Load) -> None:
    net = load(layer("BlankSquareLayer"), BLANK_SQUARE, shape=(1, 1, 5, 4))
    expected = np.ones((1, 1, 5, 4), np.float32)
    expected[:, :, 2:4, 1:3] = 0
    np.testing.assert_array_equal(net.forward(x=np.ones((1, 1, 5, 4)))["y"], expected)


def test_a_layer_in_place_has_one_blob_for_both(load: Load) -> None:
    code = """
import caffe
class Negate(caffe.Layer):
    def reshape(self, bottom, top):
        assert bottom[0] is top[0]
    def forward(self, bottom, top):
        top[0].data[...] *= -1
    def backward(self, top, propagate_down, bottom):
        bottom[0].diff[...] *= -1
"""
    net = load(layer("Negate", top="x"), code)
    np.testing.assert_array_equal(net.forward(x=np.ones((2, 3)))["x"], -np.ones((2, 3)))
    call = net.layers["it"].step(type("Use", (), {"training": False, "shapes_only": False})())
    x = torch.ones(2, 3, requires_grad=True)
    call(x).sum().backward()
    np.testing.assert_array_equal(x.grad, -np.ones((2, 3)))
    np.testing.assert_array_equal(x.detach(), np.ones((2, 3)))  # what came in is left alone


def test_layers_without_bottoms_or_tops_run_too(load: Load) -> None:
    code = """
import caffe
SEEN = []
class Data(caffe.Layer):
    def setup(self, bottom, top):
        self.count = 0
    def reshape(self, bottom, top):
        top[0].reshape(2)
        top[1].reshape()
    def forward(self, bottom, top):
        self.count += 1
        top[0].data[...] = self.count
        top[1].data[()] = self.phase
class Watch(caffe.Layer):
    def forward(self, bottom, top):
        SEEN.append(bottom[0].data.copy())
"""
    text = """
    layer { name: "data" type: "Python" top: "a" top: "phase"
            python_param { module: "digits_python_layers" layer: "Data" } }
    layer { name: "watch" type: "Python" bottom: "a" python_param { module: "digits_python_layers" layer: "Watch" } }
    """
    net = load(text, code, phase="train")
    for expected in (1, 2):
        values = net.forward(x=np.zeros((2, 3)))
        np.testing.assert_array_equal(net.blobs["a"], [expected, expected])
        assert values["phase"] == 0
    seen = sys.modules["digits_python_layers"].SEEN
    np.testing.assert_array_equal(seen, [[1, 1], [2, 2]])
    assert load(text, code).forward(x=np.zeros((2, 3)))["phase"] == 1


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import caffe\nclass It(caffe.Layer):\n  def setup(self, b, t):\n    raise KeyError('no side')",
         "fails in setup: line 4 of module \"digits_python_layers\" raises KeyError: 'no side'"),
        ("import caffe\nclass It(caffe.Layer):\n  def reshape(self, b, t):\n    t[0].reshape(-1)",
         'fails in reshape: line 4 of module "digits_python_layers" raises InputError'),
        ("import caffe\nimport nothing_here", "cannot be imported: line 2 of module"),
        ("import caffe\nclass It(caffe.Layer)\n  pass", "cannot be imported: line 2 of module"),
        ("import sys\nsys.exit(3)", 'line 2 of module "digits_python_layers" raises SystemExit: 3'),
        ("class It:\n  pass", 'has no class "It" with setup, reshape, forward, backward'),
        ("It = 3", 'has no class "It"'),
    ],
)  # fmt: skip
def test_what_the_users_code_raises_names_its_own_line(load: Load, code: str, said: str) -> None:
    with pytest.raises(NetworkError) as caught:
        load(layer("It"), code)
    assert said in str(caught.value)
    assert caught.value.problem.line == 2 and caught.value.problem.hint


def test_code_for_python_2_is_told_what_to_change(load: Load) -> None:
    code = """
import caffe
class It(caffe.Layer):
  def reshape(self, bottom, top):
    top[0].reshape(*bottom[0].data.shape)
  def forward(self, bottom, top):
    top[0].data[:, :bottom[0].data.shape[1] / 2] = 0
"""
    with pytest.raises(NetworkError, match=r"line 7 .* TypeError: slice indices must be integers") as caught:
        load(layer("It"), code).forward(x=np.zeros((2, 3)))
    assert "a // b" in str(caught.value.problem.hint)


def test_an_error_while_running_says_so_too(load: Load) -> None:
    code = "import caffe\nclass It(caffe.Layer):\n  def forward(self, b, t):\n    t[0].data[...] = b[7].data"
    net = load(layer("It"), code)
    with pytest.raises(NetworkError, match=r'layer "it" \(Python\) fails in forward: line 4 .* IndexError'):
        net.forward(x=np.zeros((2, 3)))


@pytest.mark.parametrize("module", ["os", "sys", "subprocess", "caffe.io", "gradus.core.errors", "other", "a/b", ""])
def test_only_the_file_that_was_given_may_be_imported(load: Load, tmp_path: Path, module: str) -> None:
    with pytest.raises(NetworkError) as caught:
        load(layer("It", module=module), "import caffe\nclass It(caffe.Layer): pass")
    assert "digits_python_layers" in str(caught.value.problem.hint) or "module:" in str(caught.value.problem.hint)
    assert caught.value.problem.line == 2


def test_without_a_file_nothing_of_the_users_is_imported(load: Load, tmp_path: Path) -> None:
    (tmp_path / user_code.FILE).write_text("raise SystemExit('imported')")
    with pytest.raises(NetworkError, match="no file with Python layers was given"):
        load(layer("It"))


def test_a_link_that_leads_out_of_the_folder_is_not_followed(load: Load, tmp_path: Path) -> None:
    outside = tmp_path.parent / f"{tmp_path.name}-outside.py"
    outside.write_text("import caffe\nclass It(caffe.Layer): pass")
    (tmp_path / "linked.py").symlink_to(outside)
    with pytest.raises(NetworkError, match="is not in the file"):
        load(layer("It", module="linked"), "import caffe")


def test_the_users_own_program_imports_from_pythons_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "layers_of_mine.py").write_text(BLANK_SQUARE)
    path = tmp_path / "net.prototxt"
    path.write_text('layer { name: "x" type: "Input" top: "x" input_param { shape { dim: 1 dim: 1 dim: 4 dim: 4 } } }\n'
                    + layer("BlankSquareLayer", module="layers_of_mine"))  # fmt: skip
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    with user_code.permitted(user_code.Policy(everywhere=True)):
        assert Net(path).forward(x=np.ones((1, 1, 4, 4)))["y"].sum() == 12
    sys.modules.pop("layers_of_mine")


def test_no_compiled_file_is_left_in_the_folder(load: Load, tmp_path: Path) -> None:
    load(layer("BlankSquareLayer"), BLANK_SQUARE, shape=(1, 1, 5, 4))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits_python_layers.py", "net.prototxt"]
