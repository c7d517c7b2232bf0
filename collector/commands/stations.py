"""`lamppost stations`: what is known of them, care from the office over the broker, and who is let in or put out."""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from collector.clock import wall_ms
from collector.commands import station_config
from collector.commands.node import (
    NODE,
    TIMEOUT,
    as_agents_say,
    ask_node,
    end_with,
    known_words,
    must_be_called,
    node_of,
    nothing_of,
    state_of,
)
from collector.commands.options import (
    CONFIG,
    JSON,
    load_settings,
    open_desk,
    say,
    show_json,
    this_person,
)
from collector.commands.times import clock_of
from common.language import told
from wire.both import Both
from wire.exits import Exit, Failure

if TYPE_CHECKING:
    from collector.config import Config

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None)
app.add_typer(station_config.app, name="config")


@app.command("list")
def list_all(
    stale: bool = typer.Option(False, "--stale", help="Only those whose link is down or whose readings wait."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Every station, enrolled or heard of: link, what waits there, names.

    Example:  lamppost stations list --stale
    """
    from collector.stations.fleet import roster

    settings = load_settings(config)
    with state_of(settings) as db:
        stations = roster(db, settings)
    at_ms = wall_ms()
    shown = [station for station in stations if not stale or station.is_stale(at_ms)]
    if as_json:
        show_json([station._asdict() for station in shown])
        return
    for station in shown:
        link = "never heard" if station.online is None else "online" if station.online else "OFFLINE"
        link = station.state if station.state == "retired" else link
        since = f"for {_ago(at_ms, station.since_ms)}" if station.since_ms is not None else ""
        waits = f"oldest {_ago(at_ms, station.oldest_ms)}" if station.oldest_ms is not None else ""
        name = station.zh or station.en
        typer.echo(f"{station.node:<16} {link:<11} {since:<10} {waits:<18} {name}".rstrip())
    typer.echo(f"{len(shown)} of {len(stations)} stations", err=True)


@app.command("show")
def show(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """All that is known of one station: link, sensors, installation, settings.

    Example:  lamppost stations show lp-0017
    """
    from collector.stations.fleet import history, is_retired
    from collector.stations.names import names_of
    from collector.stations.technician import installations

    settings, known = node_of(config, node)
    birth, is_out = known.birth, is_retired(settings, node)
    with state_of(settings) as db:
        installed, sent = installations(db, node), history(db, node)
        zh, en = names_of(db, settings).get(node, ("", ""))
    if as_json:
        told = {
            "node": node, "site": birth.site, "zh": zh, "en": en, "retired": is_out,
            "online": known.online and not is_out, "since_ms": None if is_out else known.since_ms,
            "version": birth.version, "clock": birth.clock, "sensors": [asdict(sensor) for sensor in birth.sensors],
            "vitals": birth.vitals,
            "installed": [{"at_ms": at_ms, **record} for at_ms, record in installed],
            "config": [version._asdict() for version in sent],
        }  # fmt: skip
        show_json(told)
        return
    clock = clock_of(settings.web.time_zone)
    typer.echo(f"{node}  {zh} {en}".rstrip())
    typer.echo(f"site      {birth.site}")
    link = f"{'online' if known.online else 'OFFLINE'} since {clock(known.since_ms)}"
    typer.echo(f"link      {'retired' if is_out else link}")
    typer.echo(f"agent     {birth.version}, clock {birth.clock}")
    oldest = "" if birth.oldest_ms is None else f", the oldest of {clock(birth.oldest_ms)}"
    typer.echo(f"waits     {birth.vitals.get('spool_rows', 0):g} readings" + oldest)
    for sensor in birth.sensors:
        typer.echo(f"sensor    {sensor.name:<12} {sensor.profile}")
    for at_ms, record in installed[:1]:
        typer.echo(f"installed {clock(at_ms)} by {record.get('who') or '?'} {record.get('where') or ''}".rstrip())
        _tell_place(settings, node, record)
    for version in sent[:1]:
        typer.echo(f"settings  version {version.version}, {version.outcome}, {clock(version.at_ms)} by {version.who}")


def _tell_place(settings: Config, node: str, record: dict[str, Any]) -> None:
    """Where its technician says it stands; the public sees that only when the collector's settings say it too."""
    lat, lon = record.get("lat"), record.get("lon")
    if not (isinstance(lat, float) and isinstance(lon, float) and abs(lat) <= 90 and abs(lon) <= 180):
        return
    typer.echo(f"place     {lat:.5f}, {lon:.5f}")
    if not any(named.node == node and named.lat is not None for named in settings.stations):
        typer.echo("          not on the map; in the collector's settings, under stations:")
        typer.echo(f"          - {{node: {node}, zh: ..., en: ..., lat: {lat:.5f}, lon: {lon:.5f}}}")


@app.command("rename")
def rename(
    node: str = NODE,
    zh: str = typer.Option("", "--zh", help="Its name in Chinese."),
    en: str = typer.Option("", "--en", help="Its name in English."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Call a station otherwise. The node's own name, its readings and its history stay as they are.

    Example:  lamppost stations rename lp-0017 --zh 建国路东口 --en "Jianguo Rd East"
    """
    from collector.stations.fleet import note
    from collector.stations.names import names_of
    from collector.stations.names import rename as call

    zh, en = zh.strip(), en.strip()
    if not zh and not en:
        raise Failure(Exit.USAGE, "no-name", "a name is wanted", "--zh, --en, or both")
    if not (zh + en).isprintable():
        raise Failure(Exit.USAGE, "no-name", f"{zh + en!r} has control characters", "a name is one line of text")
    settings = load_settings(config)
    must_be_called(settings, node)
    with state_of(settings) as db:
        call(db, node, zh, en)
        zh, en = names_of(db, settings)[node]  # one that was not given stays
    note(settings, this_person(), "renamed", f"{node}: {zh or '-'} / {en or '-'}", wall_ms())
    say(f"{node} is called {zh or '-'} / {en or '-'}", as_json, node=node, zh=zh, en=en)


@app.command("doctor")
def doctor(
    node: str = NODE,
    only: list[str] = typer.Option([], "--only", help="These checks only."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Show what is wrong only."),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Have a station examine itself, and show its report. Exit code 1 when something fails there.

    Example:  lamppost stations doctor lp-0017
    """
    answer = ask_node(config, node, "doctor", {"only": only}, timeout)
    if as_json:
        show_json(answer)
    with as_agents_say(node):
        if answer.get("ok") and not as_json:
            for result in answer["results"]:
                if quiet and result["state"] not in ("warn", "fail"):
                    continue
                word = result["state"].upper() if result["state"] == "fail" else result["state"]
                text, cure = (told(Both(result[key], result.get(f"{key}_zh", result[key]))) for key in ("text", "cure"))
                typer.echo(f" {word:<4}  {result['id']:<20} {text}")
                if cure:
                    typer.echo(f"       -> {cure}")
        end_with(answer, lambda: all(result["state"] != "fail" for result in answer["results"]))


@app.command("identify")
def identify(
    node: str = NODE,
    seconds: float = typer.Option(30.0, "--seconds", min=1, max=600),
    timeout: float = TIMEOUT,
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Make a station blink: which of the boxes is it?

    Example:  lamppost stations identify lp-0017
    """
    answer = ask_node(config, node, "identify", {"seconds": seconds}, timeout)
    if answer.get("ok"):
        with as_agents_say(node):
            told = f"{node} blinks its LED {answer['led']} for {answer['seconds']:g} s"
        say(told, as_json, node=node, led=answer["led"])
    end_with(answer)


@app.command("frames")
def frames(node: str = NODE, timeout: float = TIMEOUT, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """The newest frame of each of a station's sensors. Byte for byte, with the newest damaged one.

    Example:  lamppost stations frames lp-0017
    """
    answer = ask_node(config, node, "frames", {}, timeout)
    if as_json:
        show_json(answer)
    else:
        clock = clock_of(load_settings(config).web.time_zone)
        with as_agents_say(node):
            for sensor in answer.get("sensors", []):
                typer.echo(f"{sensor['name']}  {sensor['profile']}  {sensor['frames']} frames")
                if "frame" in sensor:
                    told = "  ".join(f"{name} {value:g}" for row in sensor["values"] for name, value in row.items())
                    typer.echo(f"  {clock(sensor['at_ms'])}  {sensor['frame']}\n  {told}")
                if "bad" in sensor:
                    typer.echo(f"  {clock(sensor['bad_at_ms'])}  bad: {sensor['reason']}  {sensor['bad']}")
    end_with(answer)


@app.command("accept")
def accept(
    node: str = NODE,
    request: Path = typer.Option(..., "--request", help="Its request, a file; - reads stdin."),
    out: Path | None = typer.Option(None, "--out", help="Write the answer here instead of printing it."),
    config: Path = CONFIG,
) -> None:
    """Enrol a device whose request was carried here by hand. The answer goes back to it the same way.

    Example:  lamppost stations accept lp-0017 --request lp-0017.csr --out lp-0017.enrolment.json
    """
    from collector.identity.enrolment import Refused, as_file
    from collector.identity.office import enrolment
    from collector.identity.registrar import BrokerSilent

    try:
        asked = sys.stdin.buffer.read(65_536) if str(request) == "-" else request.read_bytes()
    except OSError as error:
        cure = "on the device: lamppost agent enrol request NODE --out FILE"
        raise Failure(Exit.CONFIGURATION, "request-unreadable", f"{request}: {error.strerror}", cure) from error
    with open_desk(config) as (settings, file):
        try:
            answer = as_file(enrolment(settings, file).accept(node, asked, this_person(), wall_ms()))
        except Refused as error:
            raise Failure(Exit.CONFIGURATION, error.word, str(error)) from error
        except BrokerSilent as error:
            raise Failure(Exit.NETWORK, "broker-silent", str(error), "is the broker up?") from error
    if out is None:
        typer.echo(answer.decode())
        return
    try:
        out.write_bytes(answer)
    except OSError as error:
        text, cure = f"{out}: {error.strerror}", "the same again with another --out: it may be repeated"
        raise Failure(Exit.NOT_PERMITTED, "file-unwritable", text, cure) from error
    typer.echo(f"{out}: on the device, lamppost agent enrol import {out.name}")


@app.command("retire")
def retire(node: str = NODE, config: Path = CONFIG, as_json: bool = JSON) -> None:
    """Put a station out, now: stolen, sold, taken down. Its readings stay; it can be enrolled again with a new token.

    Example:  lamppost stations retire lp-0017
    """
    from collector.identity.enrolment import OutForNow, Refused
    from collector.identity.office import enrolment
    from collector.identity.registrar import BrokerSilent

    with open_desk(config) as (settings, file):
        if settings.identities is None:
            text = f"this collector has no authority, so {node} has no certificate to revoke"
            cure = "write it down as removed on its page of /ops: nobody is called for its silence then"
            raise Failure(Exit.CONFIGURATION, "no-identities", text, cure)
        office = enrolment(settings, file)
        if not office.book.knows(node) and node not in known_words(settings, "node"):
            raise nothing_of(settings, node, f"nothing is known of {node}, and nothing was done")
        try:
            count = office.retire(node, this_person(), wall_ms())
        except Refused as error:
            raise Failure(Exit.USAGE, error.word, f"{node!r}: {error}", "lamppost stations") from error
        except BrokerSilent as error:
            text = f"{node} is on the list of the revoked, but the broker could not be told: {error}"
            raise Failure(Exit.NETWORK, "broker-silent", text, "say it again when the broker is up") from error
        except OutForNow as error:
            text = f"{node} is out at the broker for now, but it could not be written down: {error}"
            raise Failure(Exit.NOT_PERMITTED, "not-written", text, "make room (df -h), then say it again") from error
    say(f"{node}: out at the broker; {count} certificates revoked", as_json, node=node, certificates=count)


@app.command("purge")
def purge(
    node: str = NODE,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    config: Path = CONFIG,
    as_json: bool = JSON,
) -> None:
    """Forget a station: readings, quarantine, births, reports. It cannot be undone; only the trail keeps its name.

    Retire it first, or it will begin anew, and stop the collector meanwhile, or it writes down again what it has in
    mind. The lampposts keep what they measure. Its own disk: lamppost agent spool purge, on the device.

    Example:  lamppost stations purge lp-0017
    """
    from collector.stations.purge import purge
    from collector.stores.store import StoreDown

    if not yes and not typer.confirm(f"forget every reading of {node}, for ever?", err=True):
        raise Failure(Exit.USAGE, "not-confirmed", "nothing was purged", "--yes")
    with open_desk(config) as (settings, file):
        is_known = node in known_words(settings, "node")
        try:
            gone = purge(settings, node)
        except StoreDown as error:
            raise Failure(Exit.STORE, "store-down", str(error), "is the database up?") from error
        except ValueError as error:
            raise Failure(Exit.USAGE, "bad-node", str(error)) from error
        if not is_known and not any(gone.values()):
            raise nothing_of(settings, node, f"nothing is known of {node}")
        file.note(this_person(), "purged", node, wall_ms())
    told = ", ".join(f"{n} {what}" for what, n in sorted(gone.items()) if n) or "nothing"
    say(f"{node} is forgotten: {told}", as_json, node=node, gone=gone)


def _ago(at_ms: int, then_ms: int) -> str:
    """A length of time in its largest unit: 3 d, 5 min."""
    seconds = max(0, at_ms - then_ms) // 1000
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
