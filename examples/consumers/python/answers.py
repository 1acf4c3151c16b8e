"""Reads Relax's queue and answers what Slack waits for; see ../../../docs/answers.md. Needs: pip install redis"""

import json
import os
import signal
import socket
import urllib.request
from datetime import datetime, timezone

import redis

QUEUE = os.environ.get("RELAX_QUEUE", "relax:events")
PROCESSING = f"{{{QUEUE}}}:processing:{os.environ.get('CONSUMER', socket.gethostname())}"


def payload_for(item):
    """What Slack gets at once; None for nothing in particular."""
    event = item["event"]
    if item["type"] == "slash_commands":
        return {"response_type": "ephemeral", "text": f"{event['command']} {event['text']}: on it"}
    if item["type"] == "view_submission":
        values = event["view"].get("state", {}).get("values", {})
        name = values.get("name", {}).get("value", {}).get("value")
        return None if name else {"response_action": "errors", "errors": {"name": "Please give a name"}}
    if item["type"] == "block_suggestion":
        return {"options": [{"text": {"type": "plain_text", "text": f"Find {event['value']}"}, "value": "find"}]}
    return None


def answer(client, reply, payload):
    """False if it is too late: Slack has been told by now that the command arrived, and no more than that."""
    if datetime.now(timezone.utc) > datetime.fromisoformat(reply["before"].replace("Z", "+00:00")):
        return False
    with client.pipeline(transaction=True) as push:
        push.rpush(reply["to"], json.dumps({"id": reply["id"], "payload": payload}))
        # Nobody reads the list of a connector that is gone for good: it must not stay.
        push.expire(reply["to"], 60)
        push.execute()
    return True


def handle(client, item):
    if "reply" not in item:
        print(item["type"], item["team_uid"], item["text"], flush=True)
        return
    payload = payload_for(item)
    in_time = answer(client, item["reply"], payload)
    print(item["type"], item["team_uid"], "answered" if in_time else "too late", flush=True)
    # Up to five times, for half an hour.
    url = item["event"].get("response_url")
    if not in_time and payload is not None and url is not None:
        body = json.dumps(payload).encode()
        request = urllib.request.Request(url, body, {"content-type": "application/json"})
        urllib.request.urlopen(request, timeout=10).close()


def main():
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    # Longer than BLMOVE waits, or an idle queue looks like a dead server.
    client = redis.Redis.from_url(
        os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True, socket_timeout=15
    )
    while client.lmove(PROCESSING, QUEUE, "RIGHT", "LEFT"):
        pass  # what an earlier run left behind goes back to the head, in its order
    while not stopping:
        item = client.blmove(QUEUE, PROCESSING, 5, "LEFT", "RIGHT")
        if item is not None:
            handle(client, json.loads(item))
            client.lrem(PROCESSING, 1, item)


if __name__ == "__main__":
    main()
