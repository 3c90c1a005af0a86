"""What goes out next: batches, gaps, repeats."""

from __future__ import annotations

import json
from typing import Any

from agent.protocol import MAX_LINE_BYTES
from agent.ring import Item, Ring
from agent.stream import Stream


def tick(symbol: str, number: int) -> Item:
    return Item("ticks", symbol, f"[{number},1.1,1.2]")


def stream_of(*items: Item, capacity: int = 100) -> Stream:
    stream = Stream(Ring(capacity))
    for item in items:
        stream.ring.append(item)
    return stream


def everything(stream: Stream, batch: int = 100) -> list[dict[str, Any]]:
    messages = []
    while (message := stream.next_message(batch)) is not None:
        messages.append(json.loads(message))
    return messages


def test_neighbouring_ticks_of_a_symbol_share_a_message() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in (1, 2, 3)], tick("USDJPY", 4))
    assert everything(stream) == [
        {
            "type": "ticks",
            "seq": 1,
            "symbol": "EURUSD",
            "ticks": [[1, 1.1, 1.2], [2, 1.1, 1.2], [3, 1.1, 1.2]],
        },
        {"type": "ticks", "seq": 4, "symbol": "USDJPY", "ticks": [[4, 1.1, 1.2]]},
    ]


def test_a_batch_holds_no_more_than_it_may() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in range(1, 8)])
    messages = everything(stream, batch=3)
    assert [(m["seq"], len(m["ticks"])) for m in messages] == [(1, 3), (4, 3), (7, 1)]


def test_a_batch_never_outgrows_a_line() -> None:
    record = f"[{'1' * 200}]"
    stream = stream_of(*[Item("ticks", "EURUSD", record)] * 1000, capacity=1000)
    sizes = []
    while (message := stream.next_message(1000)) is not None:
        sizes.append(len(message))
    assert max(sizes) < MAX_LINE_BYTES
    assert stream.sent == 1000


def test_other_messages_go_one_by_one_between_ticks() -> None:
    bar = Item("bar", "", '"symbol":"EURUSD","period":"M1"')
    stream = stream_of(tick("EURUSD", 1), bar, tick("EURUSD", 3))
    assert [m["type"] for m in everything(stream)] == ["ticks", "bar", "ticks"]


def test_a_symbol_keeps_its_exact_spelling() -> None:
    stream = stream_of(tick('EURUSD.£"x"', 1))
    assert everything(stream)[0]["symbol"] == 'EURUSD.£"x"'


def test_what_was_dropped_before_sending_becomes_a_gap() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in range(1, 8)], capacity=3)
    messages = everything(stream)
    assert messages[0] == {"type": "gap", "from": 1, "to": 4}
    assert (messages[1]["seq"], len(messages[1]["ticks"])) == (5, 3)


def test_what_was_dropped_in_flight_is_not_a_gap_until_the_bridge_asks_for_it() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in (1, 2, 3)], capacity=3)
    everything(stream)
    stream.ring.append(tick("EURUSD", 4))
    assert [m["type"] for m in everything(stream)] == ["ticks"]
    stream.rewind(1)
    assert everything(stream)[0] == {"type": "gap", "from": 1, "to": 1}


def test_what_goes_out_again_is_counted_apart() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in range(1, 6)])
    everything(stream)
    stream.resume(3)
    everything(stream)
    assert (stream.sent, stream.resent, stream.ring.acked) == (5, 3, 2)


def test_asking_again_for_what_is_still_to_come_changes_nothing() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in range(1, 6)])
    stream.next_message(2)
    stream.rewind(5)
    assert stream.cursor == 3


def test_numbers_that_the_bridge_lost_after_acknowledging_are_told_as_a_gap() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in range(1, 6)])
    stream.resume(4)
    stream.resume(1)
    assert everything(stream)[0] == {"type": "gap", "from": 1, "to": 3}


def test_a_new_stream_begins_with_what_was_held() -> None:
    stream = stream_of(*[tick("EURUSD", n) for n in range(1, 6)])
    stream.resume(3)
    fresh = stream.renumbered()
    assert fresh.id != stream.id
    assert [(m["seq"], len(m["ticks"])) for m in everything(fresh)] == [(1, 3)]
