"""A consumer made with GREEN-API's own kit, the PyPI package whatsapp-api-webhook-server-python, unchanged.

Prints its URL, then each notification as one line of JSON, until it is ended.
"""

import json
import socket

from tornado.ioloop import IOLoop
from whatsapp_api_webhook_server_python import webhooksHandler


def on_event(_, type_webhook, body):
    print(json.dumps({"typeWebhook": type_webhook, "body": body}), flush=True)


# The kit wants a port of one's choice. Whoever takes this one first lets the script end with a traceback.
with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
url = f"http://127.0.0.1:{port}/"
IOLoop.current().add_callback(lambda: print(url, flush=True))
webhooksHandler.startServer("127.0.0.1", port, on_event)
