"""Reads Relax's queue and answers what Slack waits for; see ../../../docs/answers.md. Needs: pip install redis"""

import json
import os
import signal
import socket
import threading
import urllib.request
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import datetime, timezone

import redis

QUEUE = os.environ.get("RELAX_QUEUE", "relax:events")
URGENT = os.environ.get("RELAX_QUEUE_URGENT")
PROCESSING = f"{{{QUEUE}}}:processing:{os.environ.get('CONSUMER', socket.gethostname())}"
# What Slack waits for is on the second list, if there is one.
LISTS = [(QUEUE, PROCESSING)] + ([(URGENT, f"{PROCESSING}:urgent")] if URGENT else [])

stopping = threading.Event()


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


def read(queue, processing):
    """Reads one list, on a connection of its own: a BLMOVE that waits blocks the whole connection."""
    # Longer than BLMOVE waits, or an idle queue looks like a dead server.
    client = redis.Redis.from_url(
        os.environ.get("REDIS_URL", "redis://127.0.0.1:6379"), decode_responses=True, socket_timeout=15
    )
    while client.lmove(processing, queue, "RIGHT", "LEFT"):
        pass  # what an earlier run left behind goes back to the head, in its order
    while not stopping.is_set():
        item = client.blmove(queue, processing, 5, "LEFT", "RIGHT")
        if item is not None:
            handle(client, json.loads(item))
            client.lrem(processing, 1, item)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with ThreadPoolExecutor(len(LISTS)) as pool:
        for reader in as_completed([pool.submit(read, *each) for each in LISTS]):
            stopping.set()  # one that failed ends the other, too
            reader.result()


if __name__ == "__main__":
    main()
