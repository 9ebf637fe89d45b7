#!/usr/bin/env python3
"""The network of a node: a namespace of its own, and a way in from the host.

  network.py READY PORT...

Makes a network namespace that stands for a machine with the address 172.30.0.1, and writes the file READY.
What connects to a PORT of the host's 127.0.0.1 meets the same port of the 127.0.0.1 within, so that one
kubeconfig serves on both sides. The namespace lasts as long as a process uses it; nothing of it shows in the
host's network.
"""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import kernel

ADDRESS = "172.30.0.1"
# What the API server sends to a Service needs a route before kube-proxy's rules send it elsewhere.
SERVICES = "10.0.0.0/24"


def make_network():
    kernel.unshare(kernel.CLONE_NEWNET)
    for words in (
        "link set lo up",
        "link add eth0 type veth peer name eth0-far",
        f"addr add {ADDRESS}/24 dev eth0",
        "link set eth0 up",
        "link set eth0-far up",
        f"route add {SERVICES} dev eth0 src {ADDRESS}",
    ):
        subprocess.run(["ip", *words.split()], check=True)
    Path("/proc/sys/net/ipv4/ip_forward").write_text("1\n")


async def copy(reader, writer):
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()
    except OSError:
        writer.close()


async def pass_on(port, reader, writer):
    """One connection of the host, which was accepted there; ours is made within the namespace."""
    try:
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:  # Nobody listens there now: the client shall see just that.
        writer.transport.abort()
        return
    await asyncio.gather(copy(reader, inner_writer), copy(inner_reader, writer))
    inner_writer.close()
    writer.close()


async def serve(ready, doors):
    for port, door in doors.items():
        await asyncio.start_server(lambda *ends, port=port: pass_on(port, *ends), sock=door)
    ready.touch()
    await asyncio.Event().wait()


def main():
    ready, ports = Path(sys.argv[1]), [int(word) for word in sys.argv[2:]]
    doors = {port: socket.create_server(("127.0.0.1", port), backlog=512) for port in ports}
    make_network()
    asyncio.run(serve(ready, doors))


if __name__ == "__main__":
    main()
