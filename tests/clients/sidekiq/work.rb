# Jobs with Sidekiq: what both sides load.

# snippet: work
require "sidekiq"

url = ENV.fetch("REDIS_URL", "redis://127.0.0.1:6379")
options = { url: url, reconnect_attempts: 0, read_timeout: 40 }

Sidekiq.configure_client { |config| config.redis = options }
Sidekiq.configure_server { |config| config.redis = options }
# end

class Double
  include Sidekiq::Worker

  def perform(number)
    Sidekiq.redis { |redis| redis.hset("doubled", number, 2 * number) }
  end
end
