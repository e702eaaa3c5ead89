"""A provider that speaks OpenID Connect, on this machine: it lets one person in, and signs what it says of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

CLIENT, SECRET = "cats4ml", "of-the-tests"


class Provider(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Door)
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.person: dict[str, Any] = {}
        self.issued: dict[str, str] = {}

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def let_in(self, leaving: str) -> str:
        """What a browser does that was sent to `leaving`: the address that it is sent back to."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(leaving).query).items()}
        assert (asked["client_id"], asked["response_type"], asked["code_challenge_method"]) == (CLIENT, "code", "S256")
        code = f"code-{len(self.issued)}"
        self.issued[code] = asked.get("nonce", "")
        return f"{asked['redirect_uri']}?code={code}&state={asked['state']}"

    def id_token(self, code: str) -> str:
        now = int(time.time())
        said = {"iss": self.address, "aud": CLIENT, "iat": now, "exp": now + 60, "nonce": self.issued[code]}
        return jwt.encode({**said, **self.person}, self.key, algorithm="RS256", headers={"kid": "one"})


class _Door(BaseHTTPRequestHandler):
    server: Provider

    def answer(self, content: dict[str, Any], status: int = 200) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        here = self.server.address
        if self.path == "/.well-known/openid-configuration":
            self.answer(
                {
                    "issuer": here,
                    "authorization_endpoint": f"{here}/authorize",
                    "token_endpoint": f"{here}/token",
                    "userinfo_endpoint": f"{here}/userinfo",
                    "jwks_uri": f"{here}/keys",
                    "token_endpoint_auth_methods_supported": ["client_secret_post"],
                }
            )
        elif self.path == "/keys":
            public = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(self.server.key.public_key()))
            self.answer({"keys": [{**public, "kid": "one", "alg": "RS256", "use": "sig"}]})
        elif self.path == "/userinfo":
            self.answer(self.server.person)

    def do_POST(self) -> None:
        form = {k: v[0] for k, v in parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode()).items()}
        code = form.get("code", "")
        if code not in self.server.issued or form.get("client_secret") != SECRET or not form.get("code_verifier"):
            self.answer({"error": "invalid_grant"}, 400)
            return
        self.answer({"access_token": "x", "token_type": "bearer", "id_token": self.server.id_token(code)})

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
