"""A file's way in: unpacked, cut into blocks of whole rows, nothing lost between them."""

from __future__ import annotations

import gzip
import io
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from market.imports import files
from market.imports.files import FileRefused, Position
from market.imports.shape import Code, Layout

TEXT = Layout(header_bytes=2, header_lines=1)
RECORDS = Layout(header_bytes=3, record_bytes=7)


def blocks(data: bytes, layout: Layout, size: int) -> tuple[list[tuple[int, bytes]], list[int]]:
    """(number of the first row, bytes) of each block, and the lines that were passed over."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        path.write_bytes(data)
        at, found, passed_over = files.beginning(layout), [], []
        while at.offset < len(data):
            block, following, refusals = files.next_block(path, layout, at, size)
            assert following.offset > at.offset
            assert all(refusal.code is Code.LONG_LINE for refusal in refusals)
            passed_over += [refusal.line for refusal in refusals]
            found.append((block.line, block.data))
            at = following
    return found, passed_over


@given(
    lines=st.lists(st.text("ab,", max_size=9), max_size=40),
    size=st.integers(1, 30),
    ends=st.booleans(),
)
def test_blocks_of_any_size_hold_every_line_with_its_number(
    lines: list[str], size: int, ends: bool
) -> None:
    body = "\n".join(lines) + "\n" * ends
    found, passed_over = blocks(f"h\n{body}".encode(), TEXT, size)
    numbered = {}
    for first, data in found:
        for number, line in enumerate(data.decode().splitlines(), first):
            assert number not in numbered
            numbered[number] = line
    expected = dict(enumerate(body.split("\n"), 2))
    kept = {number: line for number, line in expected.items() if number not in passed_over}
    assert {n: line for n, line in numbered.items() if line} == {
        n: line for n, line in kept.items() if line
    }
    assert all(len(expected[number]) >= size for number in passed_over)


@given(count=st.integers(0, 30), rest=st.integers(0, 6), size=st.integers(7, 60))
def test_blocks_hold_whole_records_and_the_last_one_what_is_left(
    count: int, rest: int, size: int
) -> None:
    body = bytes(range(256))[: count * 7 + rest]
    found, _ = blocks(b"hhh" + body, RECORDS, size)
    assert b"".join(data for _, data in found) == body
    assert all(len(data) % 7 == 0 for _, data in found[:-1])
    rows = 0
    for first, data in found:
        assert first == rows + 1
        rows += len(data) // 7


def test_a_line_without_an_end_is_passed_over_and_reading_goes_on() -> None:
    found, passed_over = blocks(b"h\n" + b"x" * 5_000_000 + b"\na,b\n", TEXT, 100)
    assert [(line, data) for line, data in found if data] == [(3, b"a,b\n")]
    assert passed_over == [2]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("packed", [False, True])
def test_a_file_is_unpacked_into_utf_8(tmp_path: Path, encoding: str, packed: bool) -> None:
    written = "price \u20ac \U0001f4b9\n" * 1000
    data = written.encode(encoding)
    source = io.BytesIO(gzip.compress(data) if packed else data)
    taken = files.take(source, tmp_path / "new" / "file", 1 << 20)
    assert taken.path.read_text("utf-8") == written
    assert taken.size_bytes == len(written.encode())


@pytest.mark.parametrize(
    "data",
    [gzip.compress(b"x" * 10_000)[:-20], b"\x1f\x8b", b"\xff\xfea", "a".encode("utf-16") + b"x"],
    ids=["cut off", "no more than a mark", "half a letter", "and a half letter"],
)
def test_a_damaged_file_is_refused_and_leaves_nothing(tmp_path: Path, data: bytes) -> None:
    with pytest.raises(FileRefused) as refused:
        files.take(io.BytesIO(data), tmp_path / "file", 1 << 20)
    assert refused.value.code == "unreadable"
    assert list(tmp_path.iterdir()) == []


def test_a_bomb_stops_at_the_limit(tmp_path: Path) -> None:
    bomb = io.BytesIO(gzip.compress(bytes(50 << 20)))
    with pytest.raises(FileRefused, match="larger than 2 MiB"):
        files.take(bomb, tmp_path / "file", 2 << 20)
    assert list(tmp_path.iterdir()) == []


def test_a_position_is_where_the_first_row_stands() -> None:
    assert files.beginning(TEXT) == Position(2, 2)
    assert files.beginning(RECORDS) == Position(3, 1)
