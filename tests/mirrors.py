"""A server on this machine that has files to download, and every fault that a server can have."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

# What a request is led to instead, of those faults that lead elsewhere.
LEADS = {
    "moved": "/fine/{name}",
    "to-file": "file:///etc/hostname",
    "to-ftp": "ftp://127.0.0.1/{name}",
    "around": "/around/{name}",
    "to-nonsense": "http://[nonsense/{name}",
    "to-nowhere": "",
    "with-endless-body": "/fine/{name}",
}


class Mirror(BaseHTTPRequestHandler):
    """/<fault>/<name>: the file of that name, with the fault."""

    files: dict[str, bytes] = {}
    asked: list[tuple[str, str | None]] = []
    released = threading.Event()

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        _, fault, name = self.path.partition("?")[0].split("/")
        self.asked.append((fault, self.headers.get("Range")))
        self.close_connection = True
        with suppress(OSError):  # nobody listens any more
            self._answer(fault, name, self.files.get(name))

    def _answer(self, fault: str, name: str, data: bytes | None) -> None:
        if fault == "missing" or data is None:
            self.send_error(404)
        elif fault == "silent":
            self.released.wait(5)
        elif fault in LEADS:
            self._lead(fault, name)
        elif fault == "page":
            self._send(b"<html><title>Log in</title></html>", {"Content-Type": "text/html; charset=utf-8"})
        elif fault == "forever":
            self._send(b"", {})
            self._never_end()
        elif fault == "huge":
            self._send(data, {"Content-Length": str(10**12)})
        elif fault == "odd-length":
            self._send(data, {"Content-Length": "9" * 5000})
        elif fault == "chunked":
            self._send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data), {"Transfer-Encoding": "chunked"})
        elif fault == "chunked-nonsense":
            self._send(b"%x\r\n%b\r\nzz\r\n" % (len(data), data), {"Transfer-Encoding": "chunked"})
        else:
            self._file(fault, data)

    def _lead(self, fault: str, name: str) -> None:
        self.send_response(302)
        if LEADS[fault]:
            self.send_header("Location", LEADS[fault].format(name=name))
        self.end_headers()
        if fault == "with-endless-body":
            self._never_end()

    def _never_end(self) -> None:
        while not self.released.is_set():
            self.wfile.write(bytes(2**16))

    def _file(self, fault: str, data: bytes) -> None:
        wanted, start, headers = self.headers.get("Range"), 0, {}
        if fault == "wrong":
            data = data[:-1] + bytes([data[-1] ^ 1])
        if fault == "shorter":
            data = data[:-100]
        if wanted and fault not in ("rangeless", "without-length"):
            start = int(wanted.removeprefix("bytes=").removesuffix("-"))
            if start >= len(data) or fault == "unsatisfiable":
                return self.send_error(416)
            begin = 0 if fault == "liar" else start
            headers["Content-Range"] = f"bytes {begin}-{len(data) - 1}/{len(data)}"
        body = data[start:]
        if fault == "endless":
            body = data * 3
        elif fault != "without-length":
            headers["Content-Length"] = str(len(body))
        if fault in ("breaking", "stalling"):  # a third at a time
            body = body[: len(data) // 3]
        if fault == "stuck":
            body = b""
        self._send(body, headers)
        if fault == "stalling":
            self.released.wait(20)
        return None

    def _send(self, body: bytes, headers: dict[str, str]) -> None:
        self.protocol_version = "HTTP/1.1"
        self.send_response(206 if "Content-Range" in headers else 200)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()


@contextmanager
def serving(files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server that has these files."""
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(Mirror, "files", files)
    monkeypatch.setattr(Mirror, "asked", [])
    monkeypatch.setattr(Mirror, "released", threading.Event())
    server = ThreadingHTTPServer(("127.0.0.1", 0), Mirror)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        Mirror.released.set()
        server.shutdown()
        thread.join()
        server.server_close()
