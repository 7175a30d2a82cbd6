"""The command line as a whole."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gradus.engine.caffe.__main__ import COMMANDS
from gradus.engine.caffe.flags import FLAGS

Run = Callable[..., Any]


@pytest.mark.parametrize("arguments", [["--help"], ["train", "-h"]])
def test_help_names_commands_and_flags(caffe: Run, arguments: list[str]) -> None:
    ran = caffe(*arguments)
    assert ran.code == 0
    assert all(command in ran.out for command in COMMANDS)
    assert all(f"--{name}" in ran.out for name, flag in FLAGS.items() if flag.help)


def test_nothing_at_all_is_answered_with_the_usage(caffe: Run) -> None:
    ran = caffe()
    assert ran.code == 2
    assert ran.out.startswith("usage: gradus caffe COMMAND")


def test_the_version_is_said(caffe: Run) -> None:
    import gradus

    assert gradus.__version__ in caffe("--version").out


def test_an_unknown_command_is_refused(caffe: Run) -> None:
    ran = caffe("brew")
    assert ran.code == 2
    assert "Unknown action: brew" in ran.err


def test_a_quiet_log_is_quiet(caffe: Run, work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    assert caffe("device_query", "--gpu=all").messages == ["Querying GPUs all"]
    monkeypatch.setenv("GLOG_minloglevel", "2")
    assert caffe("device_query", "--gpu=all").err == ""


def test_a_gpu_that_is_not_there_is_said(caffe: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 0)
    ran = caffe("device_query", "--gpu=3")
    assert ran.code == 1
    assert "cuda:3" in ran.err


def test_a_script_that_is_not_there_is_said(caffe: Run, work: Path) -> None:
    ran = caffe("python", "lost.py")
    assert ran.code == 2
    assert "there is no script lost.py" in ran.err
    assert caffe("python").code == 2


def test_nothing_is_said_to_who_has_gone(caffe: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("gradus.engine.caffe.device_query.run", gone)
    ran = caffe("device_query")
    assert (ran.code, ran.err) == (1, "")
