"""Surface db_answer: the database answers strangely, or not at all, while a batch is written."""

from __future__ import annotations

import time

from tests.bad_inputs import oracle
from tests.bad_inputs.around import Around, Case
from tests.bad_inputs.batches import flood
from tests.bad_inputs.spool_file import FAULT_WORDS, failing, number_of, shim
from tests.bad_inputs.system import System
from tests.bad_inputs.verdicts import FINAL, same, stored
from tests.bad_inputs.vocabulary import UnknownWord, compact, digest, only
from tests.servers import listens, wait_for

FOR_S_MAX, DELAY_S_MAX = 20.0, 35.0
ANSWER_S = 75.0
ANSWER_WORDS = {
    "status", "headers", "body", "body_len", "for_s", "delay_s", "for_sensor", "over_bytes", "close", "tls",
}  # fmt: skip


def answer(system: System, case: Case) -> list[str]:
    """A good batch while the proxy answers in the database's place; then the database itself again."""
    said = dict(case["input"]["answer"])
    only(said, ANSWER_WORDS, "answer")
    if "body" in said:
        said["body"] = system.words.text(said["body"])
    short = system.words.scale < 1
    said["delay_s"] = min(said.get("delay_s", 0), 3 if short else DELAY_S_MAX)
    for_s = min(said["for_s"], 5 if short else FOR_S_MAX) if "for_s" in said else None
    if said.get("tls"):
        return _other_authority(system, case)
    system.voice.fresh()
    voice = system.voice
    document = voice.document()
    if "over_bytes" in said:
        document = oracle_sized(document, said["over_bytes"])
    data = compact(document).encode()
    voice.seq += 1
    reading = oracle.read(data, voice.node, system.words.bases["now"])
    around = Around(system).begin()
    system.proxy.say(said, for_s, 20)
    try:
        voice.send(data)
        faults = _while(system, case["expect"], data, said, for_s)
    finally:
        system.proxy.hush()
    found = voice.answer(data, ANSWER_S)
    _caught_up(system)
    around.end(counted=case["expect"] != "stored")
    faults += around.faults
    if found is None:
        return [*faults, "never answered afterwards"]
    rows = stored(system, voice.node)
    if case["expect"] == "partial":
        sensor = said.get("for_sensor")
        good = [point for point in reading.points if sensor is not None and point.sensor != sensor]
        kept = system.quarantined("SELECT count(*) FROM quarantine_part WHERE digest = ?", digest(data))[0][0]
        faults += same(rows, good)
        if voice.answers(data)[0][2] != 1 or kept != len(reading.points) - len(good):
            faults.append(f"answered {found[2]}, {kept} rows kept")
    else:
        faults += same(rows, reading.points)
        if found[2] not in (0, 3):
            faults.append(f"answered {found[2]} in the end")
    return faults


def _while(system: System, expect: str, data: bytes, said: dict[str, object], for_s: float | None) -> list[str]:
    """What must and must not happen as long as the strange answers last."""
    voice = system.voice
    if expect in ("partial", "stored"):
        voice.answer(data, 15)
        return []
    if expect not in ("hold", "retry_same"):
        raise UnknownWord(f"expect {expect!r} of an answer")
    delay = said["delay_s"]
    assert isinstance(delay, int | float)
    time.sleep(for_s if for_s is not None else 4 + delay)  # the case: so long it lasts, and none of it may happen
    faults = []
    if any(entry[2] in FINAL for entry in voice.answers(data)):
        faults.append(f"acknowledged meanwhile: {voice.answers(data)}")
    if stored(system, voice.node) and not said.get("close"):
        faults.append("rows are stored although the database did not say so")
    _, alarms = system.counters()
    if expect == "hold" and "store" not in alarms:
        faults.append("no alarm")
    bodies = [body for body in system.proxy.bodies if body]
    if expect == "retry_same" and not bodies:
        faults.append("nothing was written")
    return faults


def _caught_up(system: System) -> None:
    """The collector has seen that the database is back: batches are answered at once again."""
    until_s = time.monotonic() + ANSWER_S
    number = 100
    while time.monotonic() < until_s:
        number += 1
        took = system.voice.good(number)[1]
        if took is not None and took < 1:
            return


def collector_fault(system: System, case: Case) -> list[str]:
    """A system call of the collector fails on its own file while a batch comes that must be kept there."""
    fault = case["input"]["fault"]
    control = system.folder / "fault"
    system.collector.stop()
    system.collector.more = {"LD_PRELOAD": str(shim(system.folder / "x")), "LAMPPOST_FAULT": str(control)}
    _start_again(system)
    system.voice.fresh()
    voice = system.voice
    words = fault.get("with") or {"base": "batch", "set": {"/blocks": None}}
    data = system.words.data(words, voice.document())
    voice.seq += 1
    around = Around(system).begin()
    times = fault.get("times", -1)
    only(fault, FAULT_WORDS, "fault")
    control.write_text(f"{failing(fault['call'])} {number_of(fault['errno'])} collector.db {times}\n")
    voice.send(data)
    time.sleep(min(fault.get("for_s", 3), FOR_S_MAX))  # the case: so long nothing can be kept
    faults = []
    if times < 0 and any(entry[2] in FINAL for entry in voice.answers(data)):
        faults.append(f"acknowledged although nothing could be kept: {voice.answers(data)}")
    _, alarms = system.counters()
    control.unlink(missing_ok=True)
    codes = flood(voice, iter([data]))
    around.end(counted=False)
    faults += around.faults
    if times < 0 and not any("quarantine" in key or "state" in key for key in alarms):
        faults.append("no alarm")
    kept = system.quarantined(
        "SELECT (SELECT count(*) FROM quarantine_whole WHERE digest = ?) + (SELECT count(*) FROM quarantine_part"
        " WHERE digest = ?)", digest(data), digest(data),
    )[0][0]  # fmt: skip
    if not kept or not set(codes.values()) <= {1, 2, 3}:
        faults.append(f"afterwards: answers {codes}, {kept} kept")
    system.collector.stop()
    system.collector.more = {}
    _start_again(system)
    return faults


def _start_again(system: System) -> None:
    system.collector.start()
    wait_for("the collector's page", lambda: listens(system.city.page_port), 30)


def oracle_sized(document: dict[str, object], over: int) -> dict[str, object]:
    """A batch whose rows make a body larger than a limit."""
    from tests.bad_inputs.vocabulary import with_columns

    rows = min(5000, max(3, over // 60 + 50))
    made: dict[str, object] = with_columns(document, {"rows_n": rows, "column": "pm25_raw_ugm3", "bad_at": []})
    return made


def _other_authority(system: System, case: Case) -> list[str]:
    """The database's certificate is from another authority: nothing is sent there. Asked of the store itself."""
    import ssl
    import threading
    from http.server import BaseHTTPRequestHandler, HTTPServer

    from collector.identity.authority import Authority, new_key, pem, pem_key, utc_now
    from collector.stores.influx1 import Influx1
    from collector.stores.store import Stored
    from common.whole_file import PRIVATE, write_whole

    key, now = new_key(), utc_now()
    folder = system.folder / "other-authority"
    certificate = Authority.new("other", now).sign_server(["127.0.0.1"], key.public_key(), now)
    write_whole(folder / "server.pem", pem_key(key) + pem(certificate), PRIVATE)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    seen: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            seen.append(self.rfile.read(int(self.headers.get("Content-Length", 0))))
            self.send_response(204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    class Quiet(HTTPServer):
        def handle_error(self, *_: object) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        said = Influx1(f"https://127.0.0.1:{server.server_port}", "lamppost").write([b"m v=1 1"])
    finally:
        server.shutdown()
        server.server_close()
    del case
    return ["it writes to a server of another authority"] if seen or said == Stored() else []
