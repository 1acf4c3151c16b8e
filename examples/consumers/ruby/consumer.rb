# Reads Relax's queue; see ../../README.md. Needs: gem install redis (5.0 or later)
require "json"
require "redis"
require "socket"

QUEUE = ENV.fetch("RELAX_QUEUE", "relax:events")
URGENT = ENV["RELAX_QUEUE_URGENT"].to_s
PROCESSING = "{#{QUEUE}}:processing:#{ENV.fetch('CONSUMER', Socket.gethostname)}"

def handle(event)
  $stdout.write [event["type"], event["team_uid"], event["channel_uid"], event["text"]].join(" ") + "\n"
  $stdout.flush
end

stopping = false
trap("TERM") { stopping = true }

# Reads one list, on a connection of its own: a BLMOVE that waits blocks the whole connection.
read = lambda do |list, processing|
  redis = Redis.new(url: ENV.fetch("REDIS_URL", "redis://127.0.0.1:6379"))

  # What an earlier run left behind goes back to the head, in its order.
  nil while redis.lmove(processing, list, "RIGHT", "LEFT")

  until stopping
    item = redis.blmove(list, processing, "LEFT", "RIGHT", timeout: 5)
    next if item.nil?

    handle(JSON.parse(item))
    redis.lrem(processing, 1, item)
  end
end

Thread.abort_on_exception = true
readers = [Thread.new { read.call(QUEUE, PROCESSING) }]
readers << Thread.new { read.call(URGENT, "#{PROCESSING}:urgent") } unless URGENT.empty?
readers.each(&:join)
