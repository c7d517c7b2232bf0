"""Fixtures: real servers, one of each for the whole run where sharing does no harm."""

from __future__ import annotations

import gc
import logging
import os
import signal
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from collector.stores.sqlite import Sqlite
from collector.stores.store import Stored
from common.language import OURS
from tests import unclosed
from tests.closes import Closes
from tests.remains import end_with_us
from tests.servers import Influxd, Mosquitto, Victoria

hypothesis.settings.register_profile("shared", deadline=None)  # how long an example takes says what else runs here
hypothesis.settings.load_profile("shared")

LONGEST = {
    Path(__file__).parent / name
    for name in (
        "agent/test_boots.py",
        "benchmarks/test_costs.py",
        "field/test_setup.py",
        "rules/test_rest.py",
        "sensors/test_probing.py",
        "simulation/test_simulation.py",
        "simulator/test_city.py",
        "simulator/test_scenarios.py",
        "test_check.py",
        "web/test_browser.py",
        "web/test_browser_desk.py",
        "web/test_schema.py",
    )
}
"""As `--durations` has them: more than a minute each when both cores are busy."""


def pytest_configure(config: pytest.Config) -> None:
    """Before any test."""
    if not hasattr(config, "workerinput"):  # this is the run, none of the processes that test for it
        end_with_us()
    os.environ[OURS] = "en"  # whatever language the developer's terminal has
    unclosed.watch()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in the background, and so would all that is started there
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if hasattr(config, "workerinput"):
        _compile_a_share(config)


def _compile_a_share(config: pytest.Config) -> None:
    """Each worker imports its tests from elsewhere on: in a fresh clone every one of them compiled them all."""
    files = [file for arg in config.args for file in sorted(Path(arg).rglob("test_*.py"))]
    worker: dict[str, Any] = config.workerinput  # type: ignore[attr-defined]
    first = len(files) * int(worker["workerid"].removeprefix("gw")) // worker["workercount"]
    for file in files[first:] + files[:first]:
        with suppress(Exception, pytest.skip.Exception):  # told when it is collected
            import_module(".".join(file.absolute().relative_to(config.rootpath).with_suffix("").parts))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first, then those that start servers: no worker shall wait at the end for one begun last."""
    real = {item.path for item in items if item.get_closest_marker("real")}
    items.sort(key=lambda item: (item.path not in LONGEST, item.path not in real))


def pytest_collection_finish() -> None:
    """The tests themselves stay to the end: to look through them after each file took a fifth of a second."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True, scope="module")
def _let_go() -> Iterator[None]:
    """What a file's tests left open shows in that file, not in the next one: a warning is an error here."""
    yield
    with warnings.catch_warnings():
        # paho joins two sockets of its own; now and then they are met before the client that would have closed them.
        ends = r"unclosed <socket\.socket .*laddr=\('127\.0\.0\.1', \d+\), raddr=\('127\.0\.0\.1', \d+\)>"
        warnings.filterwarnings("ignore", ends, ResourceWarning)
        gc.collect()
    gc.freeze()  # what outlives a file is the run's: every later look passes over it


@pytest.fixture
def closes() -> Iterator[Closes]:
    """`closes(open_state(path))` is that connection; it is closed when the test has ended."""
    with ExitStack() as at_the_end:
        yield Closes(at_the_end)


@pytest.fixture
def store(tmp_path: Path, closes: Closes) -> Sqlite:
    """An empty database of the test's own."""
    made = closes(Sqlite(tmp_path / "readings.db"))
    assert made.prepare() == Stored()
    return made


@pytest.fixture
def quiet() -> Iterator[None]:
    """Thousands of faults say a line each, which nobody reads."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.fixture(scope="session")
def mosquitto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    server = Mosquitto(tmp_path_factory.mktemp("mosquitto"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    server = Influxd(tmp_path_factory.mktemp("influxd"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def victoria(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victoria]:
    server = Victoria(tmp_path_factory.mktemp("victoria"))
    server.start()
    yield server
    server.stop()
