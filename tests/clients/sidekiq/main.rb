# Sidekiq at work: jobs are queued before, across and after an outage, and a process of its own does them.
require_relative "work"

COUNT = 20 # jobs before the middle, and after it
PATIENCE = 30 # seconds

$counts = { "acknowledged" => 0, "uncertain" => 0, "aborted" => 0, "refused" => 0, "interrupted" => 0 }
$queued = []

def enqueue(number)
  Double.perform_async(number)
  $queued << number
  $counts["acknowledged"] += 1
rescue StandardError => error
  is_refused = error.message.match?(/not applied|was not run/)
  $counts[is_refused ? "refused" : "uncertain"] += 1
end

def wait_for_all(missing: 0)
  limit = Process.clock_gettime(Process::CLOCK_MONOTONIC) + PATIENCE
  loop do
    done = Sidekiq.redis { |redis| redis.hgetall("doubled") }
    left = $queued.reject { |number| done[number.to_s] == (2 * number).to_s }
    return if left.length <= missing
    raise "not done: #{left}" if Process.clock_gettime(Process::CLOCK_MONOTONIC) > limit

    sleep 0.05
  end
end

def work(is_made)
  numbers = (0..).each
  COUNT.times { enqueue(numbers.next) }
  wait_for_all
  puts "outage please" if is_made
  enqueue(numbers.next) until !is_made || $stdin.wait_readable(0.01)
  COUNT.times { enqueue(numbers.next) }
  # Each of its threads may have held one whose reply was lost with the connection, as straight to a Redis.
  wait_for_all(missing: is_made ? 2 : 0)
end

require "io/wait"
$stdout.sync = true
Sidekiq.logger.level = Logger::WARN
file = File.join(__dir__, "work.rb")
server = spawn("sidekiq", "-r", file, "-c", "2", in: File::NULL, out: $stderr)
verdict, fault = "passed", ""
begin
  work(ENV["OUTAGE"] == "yes")
  raise "Sidekiq has ended" if Process.wait(server, Process::WNOHANG)
rescue StandardError => error
  verdict, fault = "failed", error.message.tr("\n", " ")
ensure
  begin
    Process.kill("KILL", server)
  rescue Errno::ESRCH
    nil
  end
end
puts "#{verdict} jobs #{$counts.map { |kind, count| "#{kind}=#{count}" }.join(' ')} #{fault}".rstrip
puts "done"
