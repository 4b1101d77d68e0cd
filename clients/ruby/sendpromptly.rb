# frozen_string_literal: true

# The sendpromptly client, one file to copy into your app. Ruby 3.0 or newer, no gems.
#
# receipt and result never raise and end within 2 seconds: your webhook handler goes on whatever
# happens here. Each call is written to a folder, the spool, before it is sent. What does not get
# through stays there and is sent again in the background, by this process or the next one.

require "fileutils"
require "json"
require "net/http"
require "openssl"
require "securerandom"
require "time"
require "tmpdir"

class SendPromptly
  BUDGET = 1.9 # seconds for DNS, connect, TLS, headers and body together, with a margin to 2
  PATIENCE = 10 # seconds for an attempt in the background
  WORK = 3600 # seconds after which work that has not ended died with its process
  LEASE = 60 # seconds after which whoever was sending a call is gone
  DAY = 86_400
  MOST_PAYLOAD = 65_536 # bytes
  MOST_FILES = 10_000
  MOST_REJECTED = 100
  LIMITS = { "error_code" => 200, "error_message" => 2000 }.freeze # characters
  NUMBERS = %w[occurred_at timeout_minutes].freeze # the rest is text, ids too
  KEY_PARTS = {
    "receipt" => %w[provider_event_id event_type effect_type
                    internal_reference effect_key shopify_shop_domain],
    "result" => %w[event effect_type status replay_id
                   internal_reference effect_key shopify_shop_domain event_type],
  }.freeze
  # Providers send test events with one id for all; a new key makes each of them an event.
  TEST_ID = /\A(evt_0+|[0-]{36})\z/
  # A file "<time>-<random>.<due>" waits until it is due. With ".sending" behind, a process is at it
  # and has until then. Times are in microseconds; renaming decides which process sends it.
  FILE = /\A(?<id>(?<time>\d{16})-\h{8})\.(?<due>\d{16})(?<sending>\.sending)?\z/
  RAW_BODY = "the raw body is needed, before any parser: pass request.raw_post (Rails) or " \
             "request.body.read (Rack, Sinatra), not params"

  Outcome = Struct.new(:answer, :why, :rejected, :wait)

  # spool: a folder that outlives deployments; the processes of one machine share it.
  # claim, extend, release: where several machines answer repairs, a table that they share, such as
  #   claim: ->(name, seconds) { Rails.cache.write(name, 1, unless_exist: true, expires_in: seconds) },
  #   extend: ->(name, seconds) { Rails.cache.write(name, 1, expires_in: seconds) },
  #   release: ->(name) { Rails.cache.delete(name) }
  def initialize(url: ENV["SENDPROMPTLY_URL"], key: ENV["SENDPROMPTLY_KEY"],
                 secret: ENV["SENDPROMPTLY_SECRET"], spool: ENV["SENDPROMPTLY_SPOOL"],
                 log: $stderr.method(:puts), claim: method(:claim_file), extend: method(:extend_file),
                 release: method(:release_file))
    @url, @key, @secret, @spool = [url, key, secret, spool].map { |setting| setting.to_s.strip }
    @key = @key[/\A[!-~]+\z/].to_s # a header holds nothing else, and would raise with the key in its message
    @url = "https://sendpromptly.example.com" if @url.empty?
    @spool = File.join(Dir.tmpdir, "sendpromptly-spool-#{sha256(@key)[0, 8]}") if @spool.empty?
    @log, @claim, @extend, @release = log, claim, extend, release
    @starting = Mutex.new
    send_in_background if !@key.empty? && waiting.any?
  end

  # You took a payment event, and an effect is due. Returns the response, or nil if there is none.
  def receipt(fields)
    call("receipt", fields)
  end

  # The effect is applied ("success"), is not ("failed"), or a newer event made it void ("superseded").
  # Name the event as in its receipt, or by event_id. An exception as error: fills code and message.
  def result(status, fields = {})
    call("result", fields, "status" => status)
  end

  # Sends what waits, for so many seconds at most. Returns how many calls are left.
  def flush(seconds = 10)
    guard("flush") { send_waiting(seconds, all: true) }
    waiting.size
  end

  # The same in every language: the parts, or their hash where a header could not hold them.
  def idempotency_key(kind, fields)
    event = fields["event_id"].to_s.empty? ? fields["provider_event_id"] : fields["event_id"]
    parts = { **fields, "event" => event }.values_at(*KEY_PARTS.fetch(kind))
    parts = parts.map { |part| utf8(part) }.reject(&:empty?)
    key = [kind, *parts].join("-")
    return key if key.match?(/\A[!-~]{1,200}\z/)

    "#{kind}-#{sha256(parts.map { |part| "#{part.bytesize}:#{part}" }.join)}"
  end

  # The order of a repair callback, or nil if it is not genuine. Headers: a Rack env or a hash.
  def verify(headers, raw_body)
    check(headers, raw_body)[:order]
  end

  # Answers a repair callback with a status and a text, and does the work (the block) afterwards in
  # a thread, once per replay_id, and reports its result. It may return "superseded". A process can
  # die in the middle of it, so doing the work twice must do no harm.
  def repair(headers, raw_body, &work)
    raise "SENDPROMPTLY_KEY is not set" if @key.empty?

    reason, order, nonce = check(headers, raw_body).values_at(:reason, :order, :nonce)
    return [401, reason] if reason
    return [409, "nonce seen before"] unless @claim.call("nonce-#{sha256(nonce)}", 600)
    return [200, "probe"] if order["type"] == "probe"
    return [422, "unknown type"] unless order["type"] == "reprocess"

    once = "replay-#{sha256(order["replay_id"])}"
    return [202, "taken before"] unless @claim.call(once, WORK)

    Thread.new { work_on(order, once, work) }
    [202, "accepted"]
  rescue StandardError => e
    say("repair failed: #{e.message}")
    [500, e.message]
  end

  private

  def call(kind, fields, more = {})
    stop = clock + BUDGET
    guard(kind) do
      return say("#{kind} not sent: SENDPROMPTLY_KEY is not set") if @key.empty?

      body = clean(kind, fields.to_h.transform_keys(&:to_s).merge(more))
      key = idempotency_key(kind, body)
      key += "-#{SecureRandom.hex(4)}" if TEST_ID.match?(body["provider_event_id"].to_s)
      text = [kind, key, encode(body)].join("\n")
      settle(key, keep(key, text), deliver(text, stop - clock))
    end
  end

  def guard(what)
    yield
  rescue StandardError, SystemStackError => e
    say("#{what} failed: #{e.class}: #{e.message}")
  end

  def say(line)
    @log.call("sendpromptly: #{utf8(line).gsub(/\s+/, " ")}")
    nil
  rescue StandardError
    nil # a log that does not work is no reason to fail
  end

  def clean(kind, fields)
    fields.delete("payload") if kind == "result"
    error = fields.delete("error")
    code = error.class.name if error.is_a?(Exception)
    message = code ? error.message : error
    fields = { "error_code" => code, "error_message" => message }.merge(fields)
    fields.compact.to_h { |name, value| [name, clean_value(name, value)] }
  end

  def clean_value(name, value)
    return value if name == "payload" || (NUMBERS.include?(name) && value.is_a?(Numeric))

    text = utf8(value.respond_to?(:iso8601) ? value.iso8601 : value)
    text.gsub(/[[:cntrl:]&&[^\n\t]]/, "")[0, LIMITS.fetch(name, text.size)]
  end

  # What comes from databases and sockets is often UTF-8 that is marked as binary.
  def utf8(value)
    text = value.to_s
    unnamed = text.encoding.dummy? || [Encoding::BINARY, Encoding::US_ASCII].include?(text.encoding)
    text = text.dup.force_encoding(Encoding::UTF_8) if unnamed
    text.encode(Encoding::UTF_8, invalid: :replace, undef: :replace, replace: "\uFFFD")
  end

  def encode(body)
    payload = body.delete("payload")
    json = JSON.generate(body)
    extra = payload && JSON.generate(payload)
    return json unless extra
    return "#{json.chop},\"payload\":#{extra}}" if extra.bytesize <= MOST_PAYLOAD

    say("payload left out: it has #{extra.bytesize} bytes of JSON, at most #{MOST_PAYLOAD} are kept")
    json
  rescue StandardError, SystemStackError => e
    raise unless json

    say("payload left out: #{e.class}")
    json
  end

  # Writes a call to the spool, flushed under another name first: half a call is never sent.
  def keep(key, text)
    FileUtils.mkdir_p(@spool, mode: 0o700)
    raise "#{MOST_FILES} calls wait" if waiting.size >= MOST_FILES

    file = path("#{now}-#{SecureRandom.hex(4)}", LEASE, ".sending")
    begin
      File.open("#{file}.tmp", "wbx", 0o600) { |io| io.write(text) && io.fsync }
      File.rename("#{file}.tmp", file)
    ensure
      FileUtils.rm_f("#{file}.tmp")
    end
    file
  rescue StandardError => e
    say("#{key} is not kept in #{@spool}: #{e.message}")
  end

  # The thread keeps the deadline: Net::HTTP's time-outs begin anew with each read, and nothing
  # interrupts a DNS lookup.
  def deliver(text, seconds)
    outcome = nil
    sender = Thread.new { outcome = exchange(*text.split("\n", 3), seconds) }
    sender.join([seconds, 0].max) || sender.kill
    outcome || Outcome.new(nil, "no response in time")
  end

  def exchange(kind, key, body, seconds)
    uri = URI("#{@url.chomp("/")}/api/v1/#{kind}")
    options = { use_ssl: uri.scheme == "https", open_timeout: seconds, read_timeout: seconds }
    headers = { "Authorization" => "Bearer #{@key}", "Idempotency-Key" => key,
                "Content-Type" => "application/json" }
    judge(Net::HTTP.start(uri.hostname, uri.port, options) { |http| http.post(uri.path, body, headers) })
  rescue StandardError => e
    Outcome.new(nil, "#{e.class}: #{e.message}")
  end

  def judge(response)
    status = response.code.to_i
    answer = parse(response.body)
    return Outcome.new(answer) if answer && status.between?(200, 299)

    error = answer.to_h["error"]
    code, message, fields = error.values_at("code", "message", "fields") if error.is_a?(Hash)
    fields = Array(fields).map { |field| "#{field["field"]}: #{field["message"]}" }
    again = [408, 425, 429].include?(status) || code == "idempotency_in_progress"
    why = [status, code, message, *fields].compact.join(", ")
    Outcome.new(nil, why, status.between?(400, 499) && !again, response["Retry-After"].to_i)
  end

  def parse(json)
    value = JSON.parse(utf8(json))
    value if value.is_a?(Hash)
  rescue JSON::ParserError
    nil
  end

  def settle(key, file, outcome)
    if outcome.answer
      FileUtils.rm_f(file) if file
      return outcome.answer
    elsif outcome.rejected
      say("#{key} was rejected: #{outcome.why}")
      set_aside(file) if file
    else
      say("#{key} did not get through, it is #{file ? "sent again" : "lost"}: #{outcome.why}")
      put_back(file, outcome.wait.to_i) if file
    end
    nil
  end

  # Waits as long again as the call has waited already: 1 s, doubling to 60 s.
  def put_back(file, wait)
    name = FILE.match(File.basename(file))
    delay = (now - name[:time].to_i) * rand(0.75..1.25) / 1e6
    File.rename(file, path(name[:id], [delay, wait].max.clamp(1, 60)))
    send_in_background
  end

  def set_aside(file)
    folder = File.join(@spool, "rejected")
    FileUtils.mkdir_p(folder)
    File.rename(file, File.join(folder, File.basename(file, ".sending")))
    FileUtils.rm_f(Dir.children(folder).sort[0...-MOST_REJECTED].map { |name| File.join(folder, name) })
  end

  # Oldest first, so that a result does not overtake its receipt.
  def waiting
    Dir.children(@spool).sort.filter_map { |name| FILE.match(name) }
  rescue SystemCallError
    []
  end

  # Gives false where the server seems to be away.
  def send_waiting(seconds, all: false)
    stop = clock + seconds
    failures = 0
    waiting.each do |name|
      next drop(name) if now - name[:time].to_i > 7 * DAY * 1e6 # the server forgets keys by then
      next if name[:due].to_i > now && (name[:sending] || !all)
      break if clock >= stop
      file = lease(name) or next # another process was faster

      text = File.binread(file)
      outcome = deliver(text, [PATIENCE, stop - clock].min)
      settle(text.split("\n", 3)[1], file, outcome)
      next if outcome.answer || outcome.rejected

      # One call that never gets through must not hold up the others.
      failures += 1
      return false if failures == 3 || outcome.wait.to_i.positive?
    end
    failures.zero?
  end

  def lease(name)
    file = path(name[:id], LEASE, ".sending")
    File.rename(File.join(@spool, name.to_s), file)
    file
  rescue Errno::ENOENT
    nil
  end

  def drop(name)
    say("#{name} was dropped: it is 7 days old")
    FileUtils.rm_f(File.join(@spool, name.to_s))
  end

  # Threads do not keep a process alive. In a forked process this one is dead, and another starts.
  def send_in_background
    @starting.synchronize do
      return if @thread&.alive?

      @thread = Thread.new do
        pause = 1
        loop do
          pause = guard("spool") { send_waiting(LEASE) } ? 1 : [pause * 2, 60].min
          sleep(pause * rand(0.5..1))
        end
      end
    end
  end

  def path(id, seconds, suffix = "")
    File.join(@spool, "#{id}.#{(now + (seconds * 1e6)).to_i}#{suffix}")
  end

  def now
    Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
  end

  def clock
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  def sha256(text)
    OpenSSL::Digest::SHA256.hexdigest(text.to_s)
  end

  def check(headers, raw_body)
    raise ArgumentError, RAW_BODY unless raw_body.is_a?(String)

    secret = @secret.delete_prefix("whsec_").unpack1("m")
    raise "SENDPROMPTLY_SECRET is not set" if secret.empty? # anyone can sign with an empty key

    timestamp, nonce, signatures = %w[timestamp nonce signature].map { |name| header(headers, "x-sp-#{name}") }
    return { reason: "no timestamp" } unless timestamp.match?(/\A\d{1,12}\z/)
    return { reason: "stale timestamp" } if (Time.now.to_i - timestamp.to_i).abs > 300
    return { reason: "bad nonce" } if nonce.empty? || nonce.include?(".")

    mac = OpenSSL::HMAC.hexdigest("SHA256", secret, "#{timestamp}.#{nonce}.".b + raw_body.b)
    # While a secret is being rotated there are several signatures; one of them fits.
    genuine = signatures.split(",").any? { |given| OpenSSL.secure_compare("v1=#{mac}", given.strip) }
    genuine ? { order: parse(raw_body), nonce: nonce } : { reason: "bad signature" }
  end

  def header(headers, wanted)
    _, value = headers.find { |name, _| name.to_s.downcase.tr("_", "-").delete_prefix("http-") == wanted }
    Array(value).join(",")
  end

  def work_on(order, once, work)
    event = { event_id: order["event_id"], replay_id: order["replay_id"] }
    outcome = work.call(order)
    guard("repair") { @extend.call(once, 30 * DAY) } # done: later attempts change nothing
    result(outcome.to_s == "superseded" ? outcome : "success", event)
  rescue Exception => e # rubocop:disable Lint/RescueException -- this thread has nobody else to tell
    guard("repair") { @release.call(once) } # the next attempt works again
    result("failed", { **event, error: e })
  end

  # What was seen is a file that only one process can make. Its time is when it can be forgotten.
  def claim_file(name, seconds)
    folder = File.join(@spool, "seen")
    FileUtils.mkdir_p(folder, mode: 0o700)
    Dir.children(folder).map { |old| File.join(folder, old) }.each do |old|
      FileUtils.rm_f(old) if File.mtime(old) < Time.now - LEASE
    rescue Errno::ENOENT
      next # another process was faster
    end
    File.open(File.join(folder, name), "wx", 0o600).close
    extend_file(name, seconds)
    true
  rescue Errno::EEXIST
    false
  end

  def extend_file(name, seconds)
    FileUtils.touch(File.join(@spool, "seen", name), mtime: Time.now + seconds)
  end

  def release_file(name)
    FileUtils.rm_f(File.join(@spool, "seen", name))
  end
end
