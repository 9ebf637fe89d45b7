"""Free ports of 127.0.0.1, picked so that clusters that start side by side never share one.

They come from below the kernel's range for outgoing connections, so that a port stays free while
its process is restarted. A name in the abstract socket namespace reserves each port among starting
clusters: it lies in no folder, and it goes away with the process that holds it.
"""

import random
import socket
from pathlib import Path


class Ports:
    def __init__(self):
        self._reserved = []
        self._top = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])

    def pick(self):
        for _ in range(1000):
            port = random.randrange(10000, max(self._top, 20000))
            if self._reserve(port):
                return port
        raise RuntimeError("no free port was found on 127.0.0.1 in 1000 tries")

    def _reserve(self, port):
        name = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            name.bind(f"\0holdpoint-test-cluster-port-{port}")
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            name.close()
            return False
        self._reserved.append(name)
        return True
