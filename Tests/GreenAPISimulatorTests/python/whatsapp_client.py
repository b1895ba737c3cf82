"""Goes through the simulator with GREEN-API's own Python client, unchanged.

usage: whatsapp_client.py HOST ID_INSTANCE API_TOKEN_INSTANCE

Prints one line of JSON for each answer; ends with a traceback when something is not as the client expects it.
"""

import asyncio
import json
import sys

from whatsapp_api_client_python import API

host, id_instance, token = sys.argv[1:]
api = API.GreenAPI(id_instance, token, host=host, raise_errors=True)


def show(name, response):
    assert response.code == 200, (name, response.code, response.error)
    print(json.dumps({"call": name, "data": response.data}), flush=True)
    return response.data


assert show("getStateInstance", api.account.getStateInstance()) == {"stateInstance": "authorized"}
assert show("getSettings", api.account.getSettings())["typeInstance"] == "whatsapp"

sent = show(
    "sendTextStatus",
    api.statuses.sendTextStatus("posted by the client", "#228B22", "SERIF", ["70000000001@c.us"]),
)["idMessage"]
plain = show("sendTextStatus", api.statuses.sendTextStatus("for everyone"))["idMessage"]
assert sent != plain

for records in (
    show("getOutgoingStatuses", api.statuses.getOutgoingStatuses()),
    show("getOutgoingStatuses", api.statuses.getOutgoingStatuses(60)),
    show("getOutgoingStatuses", asyncio.run(api.statuses.getOutgoingStatusesAsync(60))),
):
    assert [record["idMessage"] for record in records] == [sent, plain]
    assert records[0]["extendedTextMessage"]["participants"] == ["70000000001@c.us"]
    assert records[0]["textMessage"] == "posted by the client"

assert isinstance(show("getStatusStatistic", api.statuses.getStatusStatistic(sent)), list)
assert show("lastOutgoingMessages", api.journals.lastOutgoingMessages(60)) == []

refused = API.GreenAPI(id_instance, "wrong", host=host).statuses.getOutgoingStatuses()
assert refused.code == 401, refused.code
print(json.dumps({"call": "refused", "data": refused.error}), flush=True)
