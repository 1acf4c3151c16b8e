"""Reads Relax's queue; see ../../README.md. Needs: pip install redis"""

import json
import os
import signal
import socket

import redis

QUEUE = os.environ.get("RELAX_QUEUE", "relax:events")
PROCESSING = f"{{{QUEUE}}}:processing:{os.environ.get('CONSUMER', socket.gethostname())}"


def handle(event):
    print(event["type"], event["team_uid"], event["channel_uid"], event["text"], flush=True)


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
            handle(json.loads(item))
            client.lrem(PROCESSING, 1, item)


if __name__ == "__main__":
    main()
