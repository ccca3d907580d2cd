import os
import signal
import sys
from pathlib import Path

import pytest

from napari_medkd.cli.stopping import SignalledControl
from napari_medkd.runs.orders import give_order


def test_without_a_signal_the_orders_in_the_folder_count(tmp_path: Path):
    give_order(tmp_path, "pause")

    with SignalledControl(tmp_path) as control:
        assert control.wish() == "pause"


@pytest.mark.parametrize("order", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_becomes_the_wish_to_stop(order: signal.Signals, tmp_path: Path):
    with SignalledControl(tmp_path) as control:
        os.kill(os.getpid(), order)

        assert control.wish() == "stop"


@pytest.mark.skipif(sys.platform == "win32", reason="nohup is of POSIX systems")
def test_logging_out_does_not_stop_what_nohup_started(tmp_path: Path):
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup leaves it to what it starts
    try:
        with SignalledControl(tmp_path) as control:
            os.kill(os.getpid(), signal.SIGHUP)

            assert control.wish() == "go"
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.skipif(sys.platform == "win32", reason="shells of POSIX systems")
def test_a_signal_stops_what_a_script_started_in_the_background(tmp_path: Path):
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # as a script's `medkd train ... &` finds it
    try:
        with SignalledControl(tmp_path) as control:
            os.kill(os.getpid(), signal.SIGINT)

            assert control.wish() == "stop"
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path):
    with SignalledControl(tmp_path):
        os.kill(os.getpid(), signal.SIGINT)

        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_signals_are_given_back_afterwards(tmp_path: Path):
    before = signal.getsignal(signal.SIGTERM)

    with SignalledControl(tmp_path):
        pass

    assert signal.getsignal(signal.SIGTERM) is before
