# Reads Relax's queue; see ../../README.md. Needs: gem install redis (5.0 or later)
require "json"
require "redis"
require "socket"

QUEUE = ENV.fetch("RELAX_QUEUE", "relax:events")
PROCESSING = "{#{QUEUE}}:processing:#{ENV.fetch('CONSUMER', Socket.gethostname)}"

def handle(event)
  puts [event["type"], event["team_uid"], event["channel_uid"], event["text"]].join(" ")
  $stdout.flush
end

stopping = false
trap("TERM") { stopping = true }

redis = Redis.new(url: ENV.fetch("REDIS_URL", "redis://127.0.0.1:6379"))

# What an earlier run left behind goes back to the head, in its order.
nil while redis.lmove(PROCESSING, QUEUE, "RIGHT", "LEFT")

until stopping
  item = redis.blmove(QUEUE, PROCESSING, "LEFT", "RIGHT", timeout: 5)
  next if item.nil?

  handle(JSON.parse(item))
  redis.lrem(PROCESSING, 1, item)
end
