"""Signals become requests."""

from __future__ import annotations

import os
import signal

import pytest

from gradus.engine.caffe.flags import UsageError
from gradus.engine.caffe.signals import Signals
from gradus.nets.caffe.solvers.solver import Action


def test_each_signal_asks_once_for_what_its_flag_says() -> None:
    before = signal.getsignal(signal.SIGINT)
    with Signals("stop", "snapshot") as signals:
        assert signals.asked() is Action.NONE
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGHUP)
        assert [signals.asked() for _ in range(3)] == [Action.SNAPSHOT, Action.STOP, Action.NONE]
    assert signal.getsignal(signal.SIGINT) is before


def test_an_effect_of_none_takes_the_signal_and_does_nothing() -> None:
    with Signals("none", "stop") as signals:
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.asked() is Action.NONE


def test_an_effect_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UsageError, match='sigint_effect is "stop", "snapshot" or "none"'):
        Signals("explode", "stop")
