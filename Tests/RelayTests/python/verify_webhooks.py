"""Verifies deliveries as their consumers would.

Reads one JSON object from standard input,

    {"deliveries": [{"headers": {"webhook-id": "…", …}, "body": "BASE64"}, …], "keys": ["whsec_…", "whpk_…", …]}

and prints one line of JSON for each delivery: an object for each key, in their order, of every verifier's verdict on it, which is
"accepted" or the reason why not. A whsec_ key is given to the PyPI packages standardwebhooks and svix; for a whpk_ key, which they
don't know, the rules of Standard Webhooks are followed here with the package cryptography.

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import json
import sys
import time

import standardwebhooks
import svix.webhooks
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

TOLERANCE = 5 * 60


class Refused(Exception):
    pass


def verify_ed25519(key, body, headers):
    identifier, timestamp = headers["webhook-id"], headers["webhook-timestamp"]
    if abs(int(timestamp) - time.time()) > TOLERANCE:
        raise Refused("Message timestamp too old or too new")
    public_key = Ed25519PublicKey.from_public_bytes(base64.b64decode(key.removeprefix("whpk_")))
    signed = f"{identifier}.{timestamp}.".encode() + body
    for candidate in headers["webhook-signature"].split(" "):
        version, signature = candidate.split(",")
        if version == "v1a":
            try:
                public_key.verify(base64.b64decode(signature, validate=True), signed)
                return
            except InvalidSignature:
                pass
    raise Refused("No matching signature found")


def verdict(verify):
    try:
        verify()
    except (Refused, standardwebhooks.WebhookVerificationError) as reason:
        return str(reason)
    return "accepted"


def verdicts(key, body, headers):
    if key.startswith("whpk_"):
        return {"cryptography": verdict(lambda: verify_ed25519(key, body, headers))}
    return {
        "standardwebhooks": verdict(lambda: standardwebhooks.Webhook(key).verify(body, headers)),
        "svix": verdict(lambda: svix.webhooks.Webhook(key).verify(body, headers)),
    }


task = json.load(sys.stdin)
for delivery in task["deliveries"]:
    body = base64.b64decode(delivery["body"])
    print(json.dumps([verdicts(key, body, delivery["headers"]) for key in task["keys"]]), flush=True)
