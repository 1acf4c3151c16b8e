"""Reads Relax's queue; see ../../README.md. Needs: pip install redis"""

import json
import os
import signal
import socket
import threading
from concurrent.futures import ThreadPoolExecutor, as_completed

import redis

QUEUE = os.environ.get("RELAX_QUEUE", "relax:events")
URGENT = os.environ.get("RELAX_QUEUE_URGENT")
PROCESSING = f"{{{QUEUE}}}:processing:{os.environ.get('CONSUMER', socket.gethostname())}"
LISTS = [(QUEUE, PROCESSING)] + ([(URGENT, f"{PROCESSING}:urgent")] if URGENT else [])

stopping = threading.Event()


def handle(event):
    line = (event["type"], event["team_uid"], event["channel_uid"], event["text"])
    print(" ".join(line) + "\n", end="", flush=True)


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
            handle(json.loads(item))
            client.lrem(processing, 1, item)


def main():
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    with ThreadPoolExecutor(len(LISTS)) as pool:
        for reader in as_completed([pool.submit(read, *each) for each in LISTS]):
            stopping.set()  # one that failed ends the other, too
            reader.result()


if __name__ == "__main__":
    main()
