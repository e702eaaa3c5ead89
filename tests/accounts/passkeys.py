"""A passkey in software, as a browser would speak for it: WebAuthn with an ES256 key and no attestation."""

from __future__ import annotations

import hashlib
import json
import struct
from base64 import urlsafe_b64encode
from secrets import token_bytes

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from fido2 import cbor
from fido2.cose import ES256

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


class Passkey:
    def __init__(self, *, host: str = "testserver") -> None:
        self.host, self.id, self.key, self.uses = host, token_bytes(16), ec.generate_private_key(ec.SECP256R1()), 0
        self.owner = ""

    def _client_data(self, kind: str, challenge: str) -> bytes:
        said = {"type": f"webauthn.{kind}", "challenge": challenge, "origin": f"https://{self.host}"}
        return json.dumps({**said, "crossOrigin": False}).encode()

    def _head(self, flags: int) -> bytes:
        self.uses += 1
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + struct.pack(">I", self.uses)

    def create(self, options: dict) -> str:
        """The answer to `navigator.credentials.create`."""
        self.owner = options["publicKey"]["user"]["id"]
        public = cbor.encode(dict(ES256.from_cryptography_key(self.key.public_key())))
        attested = bytes(16) + struct.pack(">H", len(self.id)) + self.id + public
        auth = self._head(PRESENT | VERIFIED | ATTESTED) + attested
        answer = {
            "clientDataJSON": text(self._client_data("create", options["publicKey"]["challenge"])),
            "attestationObject": text(cbor.encode({"fmt": "none", "attStmt": {}, "authData": auth})),
        }
        results = {"credProps": {"rk": True}}
        return self._answer(answer, results)

    def get(self, options: dict) -> str:
        """The answer to `navigator.credentials.get`."""
        auth = self._head(PRESENT | VERIFIED)
        client = self._client_data("get", options["publicKey"]["challenge"])
        signature = self.key.sign(auth + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        answer = {
            "clientDataJSON": text(client),
            "authenticatorData": text(auth),
            "signature": text(signature),
            "userHandle": self.owner,
        }
        return self._answer(answer, {})

    def _answer(self, response: dict, results: dict) -> str:
        whole = {"id": text(self.id), "rawId": text(self.id), "type": "public-key", "response": response}
        return json.dumps({**whole, "clientExtensionResults": results, "authenticatorAttachment": "platform"})
