"""HTTP answers leave in one piece, in order, and whole before a connection closes."""

from __future__ import annotations

import asyncio

from tests.ingest.lines import http_port

GET = b"GET /api/data HTTP/1.1\r\nHost: x\r\n%s\r\n"
BODY = b'"message":"Only POST is answered here."}'


def talk(*requests: bytes) -> list[bytes]:
    """What each read of the connection gave, until it was closed or everything was answered."""

    async def run() -> list[bytes]:
        async with http_port() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            try:
                pieces = []
                for request in requests:
                    writer.write(request)
                    pieces.append(await asyncio.wait_for(reader.read(1 << 16), 10))
                return pieces
            finally:
                writer.close()
                await writer.wait_closed()

    return asyncio.run(run())


def test_head_and_body_of_an_answer_are_one_piece() -> None:
    for piece in talk(GET % b"", GET % b"", GET % b""):
        assert piece.startswith(b"HTTP/1.1 405 ")
        assert piece.endswith(BODY)


def test_an_answer_is_whole_before_its_connection_closes() -> None:
    (piece,) = talk(GET % b"Connection: close\r\n")
    assert piece.startswith(b"HTTP/1.1 405 ")
    assert piece.endswith(BODY)


def test_answers_to_requests_that_came_together_keep_their_order() -> None:
    async def run() -> bytes:
        async with http_port() as port:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write((GET % b"") * 3 + GET % b"Connection: close\r\n")
            answers = await asyncio.wait_for(reader.read(-1), 10)
            writer.close()
            await writer.wait_closed()
            return answers

    answers = asyncio.run(run())
    assert answers.count(b"HTTP/1.1 405 ") == answers.count(BODY) == 4
    assert answers.endswith(BODY)
