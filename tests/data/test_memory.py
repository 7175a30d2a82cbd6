"""A container's limit counts where it is smaller than what the machine has free."""

import subprocess
import sys

from gradus.data.memory import available_memory


def test_the_smaller_counts(tmp_path):
    free = available_memory(tmp_path / "none")
    assert free > 0
    (tmp_path / "memory.max").write_text("1000000\n")
    (tmp_path / "memory.current").write_text("400000\n")
    assert available_memory(tmp_path) == 600000
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory(tmp_path) > 600000


FAULTS = """
import resource, sys
from gradus.data.memory import reuse_memory
if sys.argv[1] == "reuse":
    reuse_memory()
kept = [bytes(300_000) for _ in range(4)]
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(50):
    many = [bytearray(b"1") * 1_000_000 for _ in range(8)]
    del many
sys.stdout.write(str(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before))
"""


def test_freed_memory_is_used_again():
    given_back, reused = (
        int(subprocess.run([sys.executable, "-c", FAULTS, how], capture_output=True, check=True).stdout)
        for how in ("plain", "reuse")
    )
    assert reused < given_back / 4  # 2,000 pages once, instead of each time
