"""`python -m gradus.engine.caffe COMMAND [FLAG...]`: what `gradus caffe` becomes.

Exit codes: 0 done, 1 failed, 2 a command line or a file that cannot be used. A fatal line ends the log, as Caffe's
does, with what is wrong and what to do about it.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from gradus.core.errors import GradusError, InputError
from gradus.engine.caffe.flags import FLAGS, Given, UsageError, parse
from gradus.engine.caffe.log import Log
from gradus.nets.caffe import user_code

GLOG_FOLDER, GLOG_LEAST = "GLOG_log_dir", "GLOG_minloglevel"  # glog's variables, spelled as it does
COMMANDS = ("train", "test", "time", "upgrade", "deploy", "draw", "device_query")
FAILED, WRONG = 1, 2


def main(arguments: Sequence[str]) -> int:
    """Run one command. The boundary: what goes wrong becomes one line and an exit code."""
    if arguments[:1] == ["python"] and (len(arguments) == 1 or Path(arguments[1]).is_file()):
        from gradus.nets.caffe.pycaffe.__main__ import main as run_script

        return run_script(list(arguments[1:]))  # what it raises is its own to show
    log = Log()
    try:
        given = parse(arguments)
        if given.version:
            sys.stdout.write(_version())
            return 0
        if given.help or not given.words:
            sys.stdout.write(usage())
            return 0 if given.help else WRONG
        folder = given.log_dir or os.environ.get(GLOG_FOLDER)
        log = Log(least=_least(given), folder=Path(folder) if folder else None)
        user_code.permit_all()  # the process is the user's own
        _command(given)(given, log)
    except BrokenPipeError:  # who listened has gone
        return FAILED
    except (GradusError, OSError) as problem:
        log("caffe.cpp:1", _sentence(problem), "F")
        return WRONG if isinstance(problem, InputError | OSError) else FAILED
    except KeyboardInterrupt:
        return 128 + 2
    finally:
        log.close()
    return 0


def _command(given: Given) -> Callable[[Given, Log], None]:
    """The function of a command; each is a module of that name, imported only when it runs."""
    name = given.words[0].replace("-", "_")
    if name == "python":
        raise UsageError(f"there is no script {given.words[1][:200]}", hint="Give the path of a Python file.")
    if name not in COMMANDS:
        raise UsageError(f"Unknown action: {name[:80]}", hint=f"There are {', '.join(COMMANDS)}.")
    run: Callable[[Given, Log], None] = importlib.import_module(f"gradus.engine.caffe.{name}").run
    return run


def _least(given: Given) -> int:
    """The least severity that is logged: the flag's, else that of glog's variable."""
    wanted = os.environ.get(GLOG_LEAST, "")
    return int(given.minloglevel) or (int(wanted) if wanted.isdecimal() else 0)


def _sentence(problem: GradusError | OSError) -> str:
    if isinstance(problem, OSError):
        return f"{problem.filename or 'the system'}: {problem.strerror or problem}"
    said = [text for p in problem.problems() for text in (p.message, p.hint) if text]
    sentences = " ".join(text if text[-1] in ".!?" else f"{text}." for text in said)
    file = problem.problem.file
    return sentences if not file or Path(file).name in sentences else f"{file}: {sentences}"


def _version() -> str:
    import gradus

    return f"caffe version 1.0.0 on gradus {gradus.__version__}\n"


def usage() -> str:
    """The commands and the flags, with their defaults."""
    flags = [
        f"  --{name:<16}{flag.help}{f' (default {flag.default})' if flag.default not in ('', False) else ''}"
        for name, flag in FLAGS.items()
        if flag.help
    ]
    return "\n".join(
        ["usage: gradus caffe COMMAND [FLAG...]", "", f"commands: {', '.join((*COMMANDS, 'python'))}", "", *flags, ""]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
