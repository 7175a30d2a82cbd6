"""The lines that people's scripts look for."""

from gradus.nets.caffe.files.weights import Copied
from gradus.nets.caffe.solvers import lines


def test_weights_that_are_of_no_use_are_told():
    heard = []

    def hear(_: str, words: str) -> None:
        heard.append(words)

    lines.weights(hear, "a.caffemodel", Copied(layers=["ip"], unused=["fc6", "fc7"]))
    assert heard == ["Ignoring source layer fc6", "Ignoring source layer fc7"]
    heard.clear()
    lines.weights(hear, "a.caffemodel", Copied(unused=["fc6"]))
    assert heard[1:] == ["No layer took weights from a.caffemodel: the network has none of its layers"]
