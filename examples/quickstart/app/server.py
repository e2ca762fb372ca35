"""A very small web application: says hello, and which OpenSSL it runs on."""

import http.server
import ssl
import sys


class Hello(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = f"hello from {ssl.OPENSSL_VERSION}\n".encode()
        self.send_response(200)
        self.send_header("content-type", "text/plain; charset=utf-8")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


if "--self-test" in sys.argv:
    print("ok", ssl.OPENSSL_VERSION)
else:
    http.server.ThreadingHTTPServer(("", 8080), Hello).serve_forever()
