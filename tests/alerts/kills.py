"""The collector is killed over and over around episodes; a receiver on a real webhook notes what it was told.

    python -m tests.alerts.kills --kills 1000 --episodes 200

One kill in three waits for the alerts' commit or the webhook's post and comes within a few milliseconds of its
beginning; the others come at any moment, the start included. `killed_while` counts what the collector was at:
`starting` is before its rules had caught up. `told_late` counts episodes that were told from a later reading of theirs,
because the first was only sent again later: they end under the key by which they were told.

Everything is real: collectors are processes that end by SIGKILL at random moments, mosquitto, InfluxDB, HTTP. Prints
one JSON object; exit code 1 when an episode was not told when it fired or when it was resolved, or under two keys
(`told_as_two`: to its end under both), or when a message came twice under different keys.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO

import yaml

from collector.rules.parsing import parse
from collector.rules.series import Series
from collector.rules.transition import key
from tests.alerts.feeder import SENSOR, SITE, Feeder
from tests.alerts.nursery import doing
from tests.alerts.receiver import Receiver
from tests.remains import end_with_us
from tests.servers import Influxd, Mosquitto

RULE: dict[str, Any] = {
    "alert": "pm25-high",
    "kind": "air_quality",
    "window": {"last": "pm25_ugm3"},
    "raise": "> 75",
    "clear": "< 60",
    "severity": "major",
    "text": {"zh": "PM2.5 过高", "en": "PM2.5 too high"},
}
LIFE_S = (0.0, 0.9)
AIMED = 1 / 3
AIM_S = 0.02
SLOW_S = 0.02
"""What the webhook takes for its answer: it has the message, and the collector does not know it yet."""
MEAN_LIFE_S = 0.65
BEHIND_S = 30.0
"""Readings older than two minutes call nobody, by design: one life in many is long enough to keep up with them."""
SETTLE_S = 90.0
BAD = ("missed", "unknown", "ended_under_other_keys", "told_as_two", "twice_under_other_keys", "out_of_order")
PROGRESS_S = 10.0


class Nursery:
    """Begins collectors and kills them."""

    def __init__(self, folder: Path, broker: Mosquitto, database: Influxd, hook: str) -> None:
        (folder / "rules.yaml").write_text(yaml.safe_dump([RULE]))
        settings = {
            "broker": {"port": broker.port},
            "store": {"kind": "influx1", "url": database.url, "database": "lamppost"},
            "state_file": str(folder / "collector.db"),
            "rules": [str(folder / "rules.yaml")],
            "alerts": {
                "channels": [{"name": "hook", "kind": "webhook", "url": hook}],
                "group": "0s",
                "flap_changes": 1000,
            },
        }
        (folder / "collector.yaml").write_text(yaml.safe_dump(settings))
        with (folder / "collector.log").open("ab") as log:
            self._parent = subprocess.Popen(
                [sys.executable, "-m", "tests.alerts.nursery", str(folder / "collector.yaml")],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
            )  # fmt: skip

    def begin(self) -> int:
        """Begin one; its process id."""
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        print(file=self._parent.stdin, flush=True)
        return int(self._parent.stdout.readline())

    @staticmethod
    def kill(process: int) -> None:
        os.kill(process, signal.SIGKILL)

    def close(self) -> None:
        assert self._parent.stdin is not None
        assert self._parent.stdout is not None
        self._parent.stdin.close()
        self._parent.wait(10)
        self._parent.stdout.close()


def run(
    folder: Path,
    kills: int,
    episodes: int,
    nodes: int,
    seed: int,
    progress: Callable[[int, Feeder, Receiver], None] = lambda *_: None,
) -> dict[str, Any]:
    """Kill so often while so many episodes come and go; what was told of them."""
    dice, receiver = random.Random(seed), Receiver()
    receiver.mood, receiver.slow_s = "slow", SLOW_S
    broker, database = Mosquitto(folder / "broker"), Influxd(folder / "database")
    broker.start()
    database.start()
    seconds = kills * MEAN_LIFE_S
    period_s = seconds * nodes / episodes
    quiet_s, high_s = (0.3 * period_s, 0.9 * period_s), (0.1 * period_s, 0.7 * period_s)
    nursery = Nursery(folder, broker, database, receiver.url)
    feeder = Feeder(broker.port, nodes, quiet_s, high_s, seed)
    done, long_lives, oldest_s, began_s = 0, 0, 0.0, time.monotonic()
    killed_while: Counter[str] = Counter()
    try:
        while done < kills or feeder.episodes < episodes:
            process = nursery.begin()
            live_for(dice, folder)
            oldest_s = max(oldest_s, feeder.oldest_s)
            if feeder.oldest_s > BEHIND_S:
                _await(lambda: feeder.oldest_s < BEHIND_S / 10)
                time.sleep(dice.uniform(0, AIM_S))  # a moment drawn by lot
                long_lives += 1
            nursery.kill(process)
            killed_while[doing(folder)] += 1
            done += 1
            progress(done, feeder, receiver)
        feeder.calm = True
        process = nursery.begin()
        _await(lambda: feeder.idle)
        wanted = wanted_of(feeder)
        _await(lambda: wanted <= told_of(feeder, receiver).keys())
        nursery.kill(process)
    finally:
        feeder.stop()
        nursery.close()
        broker.stop()
        database.stop()
        receiver.close()
    lives = {"kills": done, "long_lives": long_lives, "oldest_s": round(oldest_s, 1), "killed_while": killed_while}
    return lives | _report(feeder, receiver) | {"seconds": round(time.monotonic() - began_s, 1)}


def live_for(dice: random.Random, folder: Path) -> None:
    """Let it live until a moment drawn by lot, or until shortly after a commit or a post has begun."""
    life_s = dice.uniform(*LIFE_S)
    if dice.random() >= AIMED:
        time.sleep(life_s)  # the moment is what is drawn, not a wait for something
        return
    aim, until_s = dice.choice(("committing", "posting")), time.monotonic() + life_s + LIFE_S[1]
    while doing(folder) != aim and time.monotonic() < until_s:
        time.sleep(0.0005)
    time.sleep(dice.uniform(0, AIM_S) ** 2 / AIM_S)


def _await(is_so: Callable[[], bool]) -> None:
    """Give it time; what has not come by then is counted as missed."""
    until_s = time.monotonic() + SETTLE_S
    while not is_so() and time.monotonic() < until_s:
        time.sleep(0.1)


def wanted_of(feeder: Feeder) -> set[tuple[str, str]]:
    """Episode keys and states that must be told."""
    (rule,) = parse([RULE])
    return {
        (key(rule.alert, rule.version, Series("air_quality", SITE, node.name, SENSOR), start_ms), state)
        for node in feeder.nodes.values()
        for start_ms in node.episodes
        for state in ("firing", "resolved")
    }


def told_by(receiver: Receiver) -> Counter[tuple[str, str]]:
    """Episode keys and states that were told, and how often."""
    return Counter((alert["key"], alert["state"]) for message in list(receiver.took) for alert in message["alerts"])


def told_of(feeder: Feeder, receiver: Receiver) -> dict[tuple[str, str], Counter[str]]:
    """What was told of each episode, by its true key and a state: under which keys, and how often."""
    told: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (name, state), count in told_by(receiver).items():
        told[_true_key(name, feeder), state][name] += count
    return told


def _true_key(name: str, feeder: Feeder) -> str:
    """The key of the episode that was told from a later reading of its own, before the first had been sent again."""
    series, _, start = name.rpartition("|")
    node = series.partition("node=")[2].partition(",")[0]
    began = [at for at in feeder.nodes[node].episodes if 0 <= int(start) - at < BEHIND_S * 1000]
    return f"{series}|{max(began)}" if began else name


def _report(feeder: Feeder, receiver: Receiver) -> dict[str, Any]:
    wanted, told = wanted_of(feeder), told_of(feeder, receiver)
    messages: dict[tuple[str, str], set[str]] = {}
    last: dict[str, str] = {}
    disordered = 0
    firsts: dict[str, dict[str, Any]] = {}
    for message in receiver.took:
        firsts.setdefault(message["key"], message)  # a receiver knows by its key what it has had
    for message in firsts.values():
        for alert in message["alerts"]:
            if alert["reason"] == "corrected":  # it had merged with one before; when they part it is told anew, rightly
                messages = {name: keys for name, keys in messages.items() if name[0] != alert["key"]}
                last.pop(alert["key"], None)
                continue
            messages.setdefault((alert["key"], alert["state"]), set()).add(message["key"])
            disordered += last.get(alert["key"]) == "resolved" and alert["state"] == "firing"
            last[alert["key"]] = alert["state"]
    keys = {name: {state: told[name, state].keys() for state in ("firing", "resolved")} for name, _ in wanted}
    return {
        "episodes": len(wanted) // 2,
        "missed": len(wanted - told.keys()),
        "unknown": len(told.keys() - wanted),
        "told_late": sum(name not in under["firing"] for name, under in keys.items()),
        "ended_under_other_keys": sum(under["firing"] != under["resolved"] for under in keys.values()),
        "told_as_two": sum(len(under["resolved"]) > 1 for under in keys.values()),
        "told_twice": sum(count > 1 for under in told.values() for count in under.values()),
        "twice_under_other_keys": sum(len(keys) > 1 for keys in messages.values()),
        "out_of_order": disordered,
        "messages": len(receiver.took),
    }


def progress_on(stream: TextIO, kills: int) -> Callable[[int, Feeder, Receiver], None]:
    """A line every ten seconds."""
    began_s = said_s = time.monotonic()

    def tell(done: int, feeder: Feeder, receiver: Receiver) -> None:
        nonlocal said_s
        now_s = time.monotonic()
        if now_s - said_s >= PROGRESS_S:
            said_s = now_s
            print(
                f"{now_s - began_s:4.0f} s: {done} of {kills} kills, {feeder.episodes} episodes,"
                f" {len(receiver.took)} messages, the oldest reading waits {feeder.oldest_s:.1f} s",
                file=stream, flush=True,
            )  # fmt: skip

    return tell


def main() -> None:
    """Run once in a folder of its own."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--episodes", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=20)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    end_with_us()
    with tempfile.TemporaryDirectory() as folder:
        progress = progress_on(sys.stderr, asked.kills)
        said = run(Path(folder), asked.kills, asked.episodes, asked.nodes, asked.seed, progress)
    print(json.dumps({"seed": asked.seed} | said))
    sys.exit(1 if any(said[name] for name in BAD) else 0)


if __name__ == "__main__":
    main()
