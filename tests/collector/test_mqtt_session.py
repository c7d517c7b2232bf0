"""One connection as bytes: whole, byte by byte, refused, broken; what was not acknowledged is sent again."""

import mqtt5
import pytest

from collector.broker.mqtt_session import WAITING_MAX, Broken, Outbox, Outgoing, Refused, Session

CONNECT = mqtt5.ConnectPacket("collector-c1", clean_start=True, keep_alive=30)
BATCH = mqtt5.PublishPacket("lamppost/1/a/data", b"x" * 300, qos=mqtt5.QoS.AT_LEAST_ONCE, packet_id=7).write()
AT_ONCE = 3
GREETED = mqtt5.ConnAckPacket(receive_max=AT_ONCE).write()


def packets(session):
    data, found = b"".join(session.out), []
    session.out.clear()
    while data:
        packet, size = mqtt5.read(memoryview(data))
        found.append(packet)
        data = data[size:]
    return found


def greeted(outbox=None):
    session = Session(CONNECT, ("lamppost/1/+/status", "lamppost/1/+/data"), outbox or Outbox())
    session.receive(GREETED)
    packets(session)
    return session


def said(number):
    return Outgoing(f"lamppost/1/n{number}/ack", b"-", False, 60)


def test_it_connects_then_subscribes_then_publishes():
    outbox = Outbox()
    outbox.put(said(1))
    session = Session(CONNECT, ("lamppost/1/+/data",), outbox)
    assert [type(p) for p in packets(session)] == [mqtt5.ConnectPacket]
    session.receive(GREETED)
    subscribe, publish = packets(session)
    assert [each.pattern for each in subscribe.topic_filters] == ["lamppost/1/+/data"]
    assert (publish.topic, publish.message_expiry_interval) == ("lamppost/1/n1/ack", 60)


@pytest.mark.parametrize("step", [1, 2, 7, 1000])
def test_bytes_may_come_in_any_portions(step):
    session, data, found = greeted(), BATCH * 3, []
    for at in range(0, len(data), step):
        found += session.receive(data[at : at + step])
    assert [(p.topic, len(p.payload), p.packet_id) for p in found] == [("lamppost/1/a/data", 300, 7)] * 3


def test_a_message_is_acknowledged_when_its_taker_says_so():
    session = greeted()
    session.receive(BATCH)
    assert packets(session) == []
    session.acknowledge(7)
    assert [(type(p), p.packet_id) for p in packets(session)] == [(mqtt5.PubAckPacket, 7)]


def test_no_more_is_under_way_than_the_broker_takes():
    outbox = Outbox()
    session = greeted(outbox)
    for number in range(5):
        outbox.put(said(number))
    session.send_waiting()
    first = packets(session)
    assert len(first) == AT_ONCE
    session.receive(mqtt5.PubAckPacket(first[1].packet_id).write())
    assert [p.topic for p in packets(session)] == [said(3).topic]


def test_what_was_not_acknowledged_is_sent_again_on_the_next_connection_before_the_rest():
    outbox = Outbox()
    session = greeted(outbox)
    for number in range(4):
        outbox.put(said(number))
    session.send_waiting()
    session.receive(mqtt5.PubAckPacket(packets(session)[0].packet_id).write())
    packets(session)
    again = Session(CONNECT, ("t",), outbox)
    again.receive(GREETED)
    assert [p.topic for p in packets(again)[2:]] == [said(n).topic for n in (1, 2, 3)]


def test_what_is_larger_than_the_broker_takes_is_counted_and_keeps_nothing_else_back():
    """It was sent on every connection anew, and every one ended with it."""
    outbox = Outbox()
    session = Session(CONNECT, ("t",), outbox)
    session.receive(mqtt5.ConnAckPacket(receive_max=AT_ONCE, max_packet_size=100).write())
    packets(session)
    for message in (said(1), said(2)._replace(payload=b"x" * 100), said(3)):
        outbox.put(message)
    session.send_waiting()
    assert [p.topic for p in packets(session)] == [said(1).topic, said(3).topic]
    assert session.counts["publish_too_large"] == 1


def test_a_full_outbox_says_so():
    outbox = Outbox()
    assert all(outbox.put(said(0)) for _ in range(WAITING_MAX))
    assert not outbox.put(said(0))


def test_a_refusal_is_told_with_its_reason():
    session = Session(CONNECT, ("t",), Outbox())
    with pytest.raises(Refused, match="not authorized"):
        session.receive(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.NOT_AUTHORIZED).write())
    with pytest.raises(Refused, match="retain not supported; mosquitto: retain_available true"):
        session.receive(mqtt5.ConnAckPacket(reason_code=mqtt5.ConnAckReasonCode.RETAIN_NOT_SUPPORTED).write())
    with pytest.raises(Refused, match="subscription: not authorized"):
        greeted().receive(mqtt5.SubAckPacket(1, [mqtt5.SubAckReasonCode.NOT_AUTHORIZED]).write())


@pytest.mark.parametrize(("asked", "kept"), [(None, 30), (0, 30), (7, 7), (65_535, 30)])
def test_a_broker_that_wants_no_sign_of_life_still_gets_one(asked, kept):
    session = Session(CONNECT, ("t",), Outbox())
    session.receive(mqtt5.ConnAckPacket(server_keep_alive=asked).write())
    assert session.keepalive_s == kept


def test_a_refused_publish_is_counted():
    session = greeted()
    session.receive(mqtt5.PubAckPacket(3, reason_code=mqtt5.PubAckReasonCode.NOT_AUTHORIZED).write())
    assert session.counts["publish_refused"] == 1


@pytest.mark.parametrize("data", [b"\x00\x00", b"\x30\xff\xff\xff\xff\xff", b"\xf7\x00", BATCH[:30] + b"\xff" * 400])
def test_what_is_not_mqtt_breaks_the_connection(data):
    with pytest.raises(Broken):
        greeted().receive(data)


def test_a_goodbye_is_told_with_its_reason():
    goodbye = mqtt5.DisconnectPacket(reason_code=mqtt5.DisconnectReasonCode.SERVER_SHUTTING_DOWN).write()
    with pytest.raises(Broken, match="server shutting down"):
        greeted().receive(goodbye)
