"""Run a script that was written for Caffe: `python -m gradus.nets.caffe.pycaffe SCRIPT [ARGUMENT...]`.

In it `import caffe` finds this package; everything else is as if Python had been started with the script.
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

from gradus.nets.caffe.pycaffe import finder


def main(arguments: list[str]) -> int:
    """Run the script as `__main__`, with its folder first on the path."""
    if not arguments:
        sys.stderr.write(f"{__doc__}")
        return 2
    finder.install()
    sys.argv = arguments
    sys.path[0] = str(Path(arguments[0]).resolve().parent)
    runpy.run_path(arguments[0], run_name="__main__")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
