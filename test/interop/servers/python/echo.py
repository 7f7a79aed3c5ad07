"""Echo server on python-websockets (Debian's python3-websockets 10.4).

servers/README.md describes its answers.
"""

import argparse
import asyncio

import websockets

SUBPROTOCOL = "echo.interop"
CHARACTERS = "aé€😀"  # one of each UTF-8 length, 10 bytes in all


def binary_pattern(size):
    unit = bytes(range(251))
    return (unit * (size // 251 + 1))[:size]


def cut(data, count):
    """Cuts data, bytes or characters, into count parts."""
    size = -(-len(data) // count)
    return [data[i : i + size] for i in range(0, len(data), size)]


async def half(ws, size):
    """Yields the beginning of a message whose end never comes."""
    yield binary_pattern(size)
    await ws.wait_closed()


async def answer(ws, message):
    """Carries out a command and echoes everything else."""
    name, rest = "", ""
    if isinstance(message, str) and len(message.encode()) <= 125:
        name, _, rest = message.partition(" ")
    if name == "close":
        code, _, reason = rest.partition(" ")
        await ws.close(int(code), reason)
    elif name == "ping":
        await (await ws.ping(rest.encode()))
        await ws.send("pong " + rest)
    elif name == "blob":
        await ws.send(binary_pattern(int(rest)))
    elif name == "fragments":
        kind, count, size = rest.split(" ")
        count, size = int(count), int(size)
        if kind == "text":
            await ws.send(cut(CHARACTERS * (count * size // 10), count))
        else:
            await ws.send(cut(binary_pattern(count * size), count))
    elif name == "half":
        await ws.send(half(ws, int(rest)))
    else:
        await ws.send(message)


async def serve_connection(ws):
    try:
        while True:
            await answer(ws, await ws.recv())
    except websockets.ConnectionClosed as closed:
        if closed.rcvd is not None:
            print("closed", closed.rcvd.code, closed.rcvd.reason, flush=True)


async def main(host, port):
    server = await websockets.serve(
        serve_connection,
        host,
        port,
        subprotocols=[SUBPROTOCOL],
        compression=None,
        max_size=128 << 20,
        ping_interval=None,
    )
    print("listening %s:%d" % server.sockets[0].getsockname()[:2], flush=True)
    await server.wait_closed()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("-listen", default="127.0.0.1:0")
    host, _, port = parser.parse_args().listen.rpartition(":")
    asyncio.run(main(host, int(port)))
