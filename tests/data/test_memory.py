"""A container's limit counts where it is smaller than what the machine has free."""

from gradus.data.memory import available_memory


def test_the_smaller_counts(tmp_path):
    free = available_memory(tmp_path / "none")
    assert free > 0
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert available_memory(tmp_path) == 600000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) > 600000
