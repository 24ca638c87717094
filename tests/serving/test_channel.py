from __future__ import annotations

import pytest

from perfgate.serving.channel import Channel, ChannelClosedError


def test_a_message_arrives_whole() -> None:
    left, right = Channel.pair()
    left.send({"op": "start", "text": "ü" * 1000})
    assert right.receive(1.0) == {"op": "start", "text": "ü" * 1000}
    left.close()
    right.close()


def test_a_channel_travels_with_a_message() -> None:
    left, right = Channel.pair()
    mine, theirs = Channel.pair()
    left.send({"op": "start"}, theirs)
    message, passed = right.receive_with_channel(1.0)
    assert message == {"op": "start"}
    assert passed is not None
    passed.send({"hello": 1})
    assert mine.receive(1.0) == {"hello": 1}
    for channel in (left, right, mine, theirs, passed):
        channel.close()


def test_silence_is_a_time_out_and_a_closed_peer_is_not() -> None:
    left, right = Channel.pair()
    with pytest.raises(TimeoutError):
        right.receive(0.01)
    left.close()
    with pytest.raises(ChannelClosedError):
        right.receive(0.01)
    with pytest.raises(ChannelClosedError):
        right.send({"op": "stop"})
    right.close()
