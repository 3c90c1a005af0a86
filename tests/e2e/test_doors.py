"""Every door of a bridge started as an operator starts it: certificates and keys are there."""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from typing import Any

import pytest
import zmq
import zmq.asyncio
from websockets.asyncio.client import connect

from tests.e2e.bridge import LiveBridge


def messages(client: str, key: str) -> list[str]:
    """A hello and ten ticks."""
    told = {"type": "hello", "protocol": 1, "client": client, "key": key, "platform": "mt5"}
    quote = {"type": "tick", "symbol": "EURUSD", "bid": 1.08, "ask": 1.09}
    now_ms = int(time.time() * 1000)
    ticks = [{**quote, "seq": seq, "time_ms": now_ms} for seq in range(1, 11)]
    return [json.dumps(each) for each in ({**told, "stream": "s"}, *ticks)]


async def until_acknowledged(receive: Any) -> None:
    async with asyncio.timeout(10):
        while (message := json.loads(await receive())).get("seq") != 10:
            assert message["type"] in {"welcome", "ack"}, message


@pytest.mark.parametrize("door", ["web", "gateway"])
async def test_a_terminal_speaks_over_websocket_at_both_http_doors(
    bridge: LiveBridge, door: str
) -> None:
    name = f"WS-{door}"
    key = await asyncio.to_thread(bridge.issue_key, name)
    port = bridge.http_port if door == "web" else bridge.gateway_http_port
    async with connect(f"ws://127.0.0.1:{port}/ws/ingest", compression=None) as socket:
        for message in messages(name, key):
            await socket.send(message)
        await until_acknowledged(socket.recv)
    await asyncio.to_thread(bridge.wait_for_stats, name, produced=10, stored=10)


async def test_a_terminal_speaks_over_tls_with_the_certificate_that_the_bridge_made(
    bridge: LiveBridge,
) -> None:
    key = await asyncio.to_thread(bridge.issue_key, "TLS")
    context = ssl.create_default_context(cafile=bridge.folder / "tls" / "ca.pem")
    reader, writer = await asyncio.open_connection("localhost", bridge.tls_port, ssl=context)
    writer.write("".join(message + "\n" for message in messages("TLS", key)).encode())
    await until_acknowledged(reader.readline)
    writer.close()
    await writer.wait_closed()
    await asyncio.to_thread(bridge.wait_for_stats, "TLS", produced=10, stored=10)


def served(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port))


async def test_a_running_gateway_takes_up_a_new_certificate(bridge: LiveBridge) -> None:
    before = await asyncio.to_thread(served, bridge.tls_port)
    await asyncio.to_thread(bridge.manage, "dev_ca", "--name", "bridge.example")
    async with asyncio.timeout(10):
        while await asyncio.to_thread(served, bridge.tls_port) == before:  # noqa: ASYNC110
            await asyncio.sleep(0.2)


async def test_a_terminal_speaks_over_zeromq_with_the_key_that_the_bridge_prints(
    bridge: LiveBridge,
) -> None:
    key = await asyncio.to_thread(bridge.issue_key, "ZMQ")
    printed = await asyncio.to_thread(bridge.manage, "zmq_key")
    context = zmq.asyncio.Context()
    socket = context.socket(zmq.DEALER)
    socket.curve_publickey, socket.curve_secretkey = zmq.curve_keypair()
    socket.curve_serverkey = printed["server_key"].encode()
    socket.connect(f"tcp://127.0.0.1:{bridge.zmq_port}")
    try:
        for message in messages("ZMQ", key):
            await socket.send_string(message)
        await until_acknowledged(socket.recv)
    finally:
        await asyncio.to_thread(context.destroy, 0)
    await asyncio.to_thread(bridge.wait_for_stats, "ZMQ", produced=10, stored=10)
