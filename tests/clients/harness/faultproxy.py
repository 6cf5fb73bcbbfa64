"""A man in the middle who answers the first Produce requests himself, with an error of choice."""

import select
import socket
import socketserver
import ssl
import struct
import threading

from harness import wire

# Instead of an error code: the connection is closed without an answer.
CLOSE = "closed"
CHUNK_BYTES = 65_536


class FaultProxy:
    """Takes TLS connections with the certificate of a deployment and passes them on to its server, `to`.

    For each topic, `plan` says which fault its first `times` Produce requests meet. Nothing of those
    reaches the server. Everything else passes unchanged.
    """

    def __init__(self, deployment):
        self.to = None
        self.inward = ssl.create_default_context(cafile=deployment.certificates.authority)
        self.outward = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.outward.load_cert_chain(deployment.certificates.certificate, deployment.certificates.key)
        self.plans = {}
        self.met = {}
        self.lock = threading.Lock()
        proxy = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self):
                proxy.serve(self.request)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    def plan(self, topic, fault, times=1):
        """What the next Produce requests for a topic meet."""
        with self.lock:
            self.plans[topic.encode()] = (fault, times)
            self.met[topic.encode()] = 0

    def requests_refused(self, topic):
        """How many Produce requests for a topic met their fault."""
        with self.lock:
            return self.met[topic.encode()]

    def fault_of(self, frame):
        """The fault that a request is to meet, or None."""
        if len(frame) < wire.HEADER_BYTES_MIN or wire.api_of(frame)[0] != wire.PRODUCE:
            return None
        topics, _ = wire.partitions(frame)
        with self.lock:
            for name, _ in topics:
                fault, times = self.plans.get(name, (None, 0))
                if self.met.get(name, 0) < times:
                    self.met[name] += 1
                    return fault
        return None

    def serve(self, plain):
        """One connection, until either side ends it."""
        try:
            with (
                self.outward.wrap_socket(plain, server_side=True) as client,
                socket.create_connection(self.to) as inner,
                self.inward.wrap_socket(inner, server_hostname="localhost") as server,
            ):
                client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.pass_frames(client, server)
        except OSError:
            pass  # Either side may go at any moment; the other one is closed then.

    def pass_frames(self, client, server):
        """Whole frames in both directions, in one thread: a TLS connection must not be used by two."""
        arrived = {client: b"", server: b""}
        while True:
            for source in readable(client, server):
                data = source.recv(CHUNK_BYTES)
                if not data:
                    return
                frames, arrived[source] = split(arrived[source] + data)
                for frame in frames:
                    if source is server:
                        send_frame(client, frame)
                    elif not self.pass_request(frame, client, server):
                        return

    def pass_request(self, frame, client, server):
        """One request, or its fault; False closes the connection."""
        fault = self.fault_of(frame)
        if fault == CLOSE:
            return False
        if fault is None:
            send_frame(server, frame)
        elif (answer := wire.refusal(frame, fault, f"injected error {fault}")) is not None:
            send_frame(client, answer)
        return True


def readable(*sockets):
    """Those that have something to read; TLS may have decrypted more than was asked for."""
    pending = [one for one in sockets if one.pending()]
    return pending or select.select(sockets, [], [])[0]


def split(data):
    """The whole frames in the data, each without its length, and the rest."""
    frames = []
    while len(data) >= 4:
        (length,) = struct.unpack_from(">i", data)
        if len(data) < 4 + length:
            break
        frames.append(data[4 : 4 + length])
        data = data[4 + length :]
    return frames, data


def send_frame(to, frame):
    """One frame with its length in front."""
    to.sendall(struct.pack(">i", len(frame)) + frame)
