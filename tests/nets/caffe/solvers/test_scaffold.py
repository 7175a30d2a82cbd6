import pytest

from gradus.nets.caffe.solvers.scaffold import read_solver


@pytest.mark.parametrize(
    ("text", "tests"),
    [("", True), ("min_lr: 0.1", False), ("min_lr: 0.1 test_initialization: true", True), ("larc: true", False)],
)
def test_nvidias_solvers_test_at_the_start_only_if_asked_to(tmp_path, text, tests):
    (tmp_path / "s.prototxt").write_text(f"base_lr: 0.1 {text}")
    assert read_solver(tmp_path / "s.prototxt").test_initialization is tests
