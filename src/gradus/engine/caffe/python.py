"""`gradus caffe python SCRIPT [ARGUMENT...]`: a script that says `import caffe`, unchanged."""

from __future__ import annotations

import runpy
import sys
from collections.abc import Sequence
from pathlib import Path

from gradus.engine.caffe.flags import UsageError
from gradus.nets.caffe.pycaffe import finder


def run(arguments: Sequence[str]) -> None:
    """Run a script as Python would, but that `caffe` is our module. What it raises is its own to show."""
    if not arguments:
        raise UsageError("python needs a script", hint="gradus caffe python SCRIPT [ARGUMENT...]")
    script = Path(arguments[0])
    if not script.is_file():
        raise UsageError(f"there is no script {script}", hint="Give the path of a Python file.")
    finder.install()
    sys.argv = list(arguments)
    sys.path.insert(0, str(script.resolve().parent))
    runpy.run_path(str(script), run_name="__main__")
