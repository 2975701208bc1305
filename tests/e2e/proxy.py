"""A way between two programs that can be blocked: bytes go through it until it stalls, then both ends believe that the other
one is slow."""
import socket
import threading


class Proxy:
    """Listens on `port` of its own and passes everything on to `target` of 127.0.0.1."""

    def __init__(self, target):
        self.target, self.flowing, self.ends = target, threading.Event(), []
        self.flowing.set()
        self.lock, self.closed = threading.Lock(), False
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                near, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(near,), daemon=True).start()

    def _join(self, near):
        """What connects while nothing flows waits for an answer."""
        self.flowing.wait()
        try:
            far = socket.create_connection(("127.0.0.1", self.target), 5)
            far.settimeout(None)
        except OSError:
            near.close()
            return
        with self.lock:
            self.ends += [near, far]
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=self._pass, args=(source, sink), daemon=True).start()

    def _pass(self, source, sink):
        try:
            while data := source.recv(65536):
                self.flowing.wait()
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try:
                end.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def stall(self):
        self.flowing.clear()

    def flow(self):
        self.flowing.set()

    def close(self):
        self.listener.close()
        with self.lock:
            for end in self.ends:
                end.close()
        self.flowing.set()
