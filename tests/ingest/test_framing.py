"""Cutting bytes into messages, whatever the network does to their boundaries."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge_ingest.protocol.errors import SessionError
from bridge_ingest.protocol.framing import LineFramer, ObjectFramer, split

values = st.one_of(
    st.integers(-(10**9), 10**9),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=12),
    st.none(),
    st.booleans(),
)
objects = st.dictionaries(st.text(max_size=8), values, max_size=5)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """`data` in pieces, cut at `places` taken modulo its length."""
    marks = sorted({place % (len(data) + 1) for place in places} | {0, len(data)})
    return [data[a:b] for a, b in itertools.pairwise(marks)]


@given(st.lists(objects, max_size=6), st.lists(st.integers(0, 10**6), max_size=8))
def test_lines_come_out_whole_wherever_the_packets_are_cut(
    content: list[dict[str, object]], places: list[int]
) -> None:
    lines = [json.dumps(each).encode() for each in content]
    framer = LineFramer()
    chunk = b"".join(
        framer.feed(piece) for piece in cut(b"".join(x + b"\n" for x in lines), places)
    )
    assert split(chunk) == (lines, 0)
    assert framer.pending == b""


@given(
    st.lists(objects, min_size=1, max_size=6),
    st.sampled_from([b"", b"\0", b"\n", b"\r\n", b" ", b"\0\n\0", b",", b", "]),
    st.lists(st.integers(0, 10**6), max_size=8),
    st.booleans(),
)
def test_bare_objects_come_out_whole_with_any_separator_and_any_cut(
    content: list[dict[str, object]], separator: bytes, places: list[int], ascii_only: bool
) -> None:
    pieces = [json.dumps(each, ensure_ascii=ascii_only).encode() for each in content]
    framer = ObjectFramer()
    found: list[bytes] = []
    for part in cut(separator.join(pieces) + separator, places):
        found += framer.feed(part)
    assert found == pieces
    assert framer.pending == b""


def test_a_cut_off_object_is_given_out_so_that_it_can_be_refused() -> None:
    framer = ObjectFramer()
    assert framer.feed(b'{"symbol":"EURUSD","bid":1.0{"symbol":"GBPUSD"}') == [
        b'{"symbol":"EURUSD","bid":1.0',
        b'{"symbol":"GBPUSD"}',
    ]


def test_noise_before_an_object_is_a_piece_of_its_own() -> None:
    assert ObjectFramer().feed(b'garbage {"a":1}') == [b"garbage ", b'{"a":1}']


def test_a_megabyte_of_tiny_objects_is_cut_in_time_that_grows_with_its_length() -> None:
    def seconds(count: int) -> float:
        began = time.perf_counter()
        assert len(ObjectFramer().feed(b"{}" * count)) == count
        return time.perf_counter() - began

    seconds(1000)
    # Sixteen times the objects took 256 times as long when each was cut off the front.
    assert seconds(400_000) < 64 * seconds(25_000)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_a_backslash_at_the_end_of_a_packet_escapes_the_next_byte(size: int) -> None:
    framer, text = ObjectFramer(), rb'{"a":"\\\"}"}{"b":"\\"}'
    parts = [text[at : at + size] for at in range(0, len(text), size)]
    found = [piece for part in parts for piece in framer.feed(part)]
    assert found == [rb'{"a":"\\\"}"}', rb'{"b":"\\"}']


def test_a_brace_inside_a_string_is_text() -> None:
    assert ObjectFramer().feed(rb'{"a":"}{\"}"}') == [rb'{"a":"}{\"}"}']


def test_a_long_line_is_left_out_and_counted() -> None:
    long = b"x" * (64 * 1024 + 1)
    assert split(b"a\n" + long + b"\nb\r\n") == ([b"a", b"b"], 1)


def test_a_mebibyte_without_an_end_of_line_ends_the_session() -> None:
    framer = LineFramer()
    framer.feed(b"x" * 1024 * 1024)
    with pytest.raises(SessionError) as caught:
        framer.feed(b"x")
    assert caught.value.code == "limit"


def test_an_object_that_never_ends_ends_the_session() -> None:
    with pytest.raises(SessionError) as caught:
        ObjectFramer().feed(b'{"a":"' + b"x" * 70_000)
    assert caught.value.code == "limit"
