# frozen_string_literal: true

# The sendpromptly client, one file to copy into your app. Ruby 3.0 or newer, no gems.
#
# receipt and result never raise and end within a second each, whatever network and disk do: your webhook
# handler goes on. Each call is written to a folder, the spool, before it is sent. What does not get
# through stays there and is sent again in the background, by this process or the next one. What the
# server rejects, and what is a week old, is moved to rejected/ beside it and logged.

require "fileutils"
require "json"
require "net/http"
require "openssl"
require "securerandom"
require "time"
require "tmpdir"

class SendPromptly
  BUDGET = 0.85 # seconds for disk, DNS, connect, TLS, headers and body: two calls have 2, with a margin
  DISK_BUDGET = 0.4 # of these, before the call is sent without waiting for the disk
  PATIENCE = 10 # seconds for an attempt in the background
  WORK = 3600 # seconds after which work that has not ended died with its process
  LEASE = 60 # seconds after which whoever was sending a call is gone
  DAY = 86_400
  MOST_PAYLOAD = 65_536 # bytes
  MOST_ANSWER = 65_536 # bytes
  MOST_FILES = 10_000
  LIMITS = { "error_code" => 200, "error_message" => 2000 }.freeze # characters
  NUMBERS = %w[occurred_at timeout_minutes].freeze # the rest is text, ids too
  # The server's errors that are about the call itself, so that no later attempt fares better. Whatever
  # else comes (a wrong key, a proxy's page, an overload) can be put right, and the call is kept until it is.
  FINAL = %w[validation_error ambiguous_event idempotency_conflict payload_too_large too_many_fields].freeze
  # All that tells calls apart, as keys are made of it.
  PARTS = %w[provider event_id provider_event_id event_type effect_type internal_reference effect_key
             shopify_shop_domain status replay_id].freeze
  SHOWN = { "receipt" => %w[provider_event_id event_type effect_type],
            "result" => %w[event_id effect_type status replay_id] }.freeze
  # Reads a key's head back. What reads back whole is a key as it is; all else needs a hash behind it.
  HEAD = {
    "receipt" => /\Areceipt-(?<provider_event_id>.+)-(?<event_type>[^-]+)-(?<effect_type>[^-]+)\z/,
    "result" => /\Aresult-((?<event_id>ev_[^-]+)|(?<provider_event_id>(?!ev_).+?))(-(?<effect_type>[^-]+))?
                 -(?<status>success|failed|superseded)(-(?<replay_id>rpl_[^-]+))?\z/x,
  }.freeze
  # Providers send test events with one id for all (zeros, or a UUID of them); a new key makes each an event.
  TEST_ID = /\A(evt_)?(?=-*0)[0-]{8,}\z/
  # A file "<time>-<random>.<due>" waits until it is due. With ".sending" behind, a process is at it
  # and has until then. Times are in microseconds; renaming decides which process sends it.
  FILE = /\A(?<id>(?<time>\d{16})-\h{8})\.(?<due>\d{16})(?<sending>\.sending)?\z/
  RAW_BODY = "the raw body is needed, before any parser: pass request.raw_post (Rails) or " \
             "request.body.read (Rack, Sinatra), not params"

  NO_TEXT = [StandardError, ScriptError, SystemStackError].freeze # what to_s of any value may raise

  Outcome = Struct.new(:answer, :why, :rejected, :wait)
  LATE = Object.new
  Done = Struct.new(:value) { def join(*) = self } # as a thread that has ended

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
    @temporary = @spool.empty?
    @spool = File.join(Dir.tmpdir, "sendpromptly-spool-#{sha256(@key)[0, 8]}") if @temporary
    @log, @claim, @extend, @release = log, claim, extend, release
    @starting = Mutex.new
    send_in_background if !@key.empty? && waiting.any?
  end

  # You took a payment event, and an effect is due. Returns the response, or nil if there is none.
  def receipt(fields)
    call("receipt", fields)
  end

  # The effect is applied ("success"), is not ("failed"), or a newer event made it void ("superseded").
  # Name the event as in its receipt, or by event_id. An exception as error: fills code and message, a
  # text as error: is the error_message.
  def result(status, fields = {})
    call("result", fields, "status" => status)
  end

  # Sends what waits, for so many seconds at most. Returns how many calls are left.
  def flush(seconds = 10)
    guard("flush") { send_waiting(seconds, all: true) }
    waiting.size
  end

  # Equal for equal calls, and different for different events, in all of the sendpromptly clients:
  # receipt-<event>-<event type>-<effect> or result-<event>-<effect>-<status>-<replay_id>, with a hash of
  # all the parts behind it where more than these tells the event apart.
  def idempotency_key(kind, fields)
    parts = key_parts(fields)
    shown = parts["event_id"].empty? || kind == "receipt" ? { "event_id" => parts["provider_event_id"] } : {}
    head = [kind, *{ **parts, **shown }.values_at(*SHOWN.fetch(kind)).reject(&:empty?)].join("-")
    read = { "provider" => kind == "receipt" ? "stripe" : "", **head.match(HEAD[kind])&.named_captures.to_h }
    whole = PARTS.all? { |name| read[name].to_s == parts[name] }
    hash = sha256(parts.values.map { |part| "#{part.bytesize}:#{part}" }.join)
    key = whole ? head : "#{head}-#{hash[0, 32]}"
    key.match?(/\A[!-~]{1,200}\z/) ? key : "#{kind}-#{hash}"
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

    start_work(order, once, work)
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
      id = body["provider_event_id"] || body["stripe_event_id"]
      key += "-#{SecureRandom.hex(4)}" if TEST_ID.match?(id.to_s)
      send_and_keep(key, [kind, key, encode(body)].join("\n"), stop)
    end
  end

  # In threads: nothing else goes on where a disk or a DNS lookup hangs.
  def send_and_keep(key, text, stop)
    keeping = in_thread(or_here: true) { keep(key, text) }
    file = within(DISK_BUDGET, keeping)
    say("spool: the disk of #{@spool} is slow, #{key} is sent meanwhile") if file.equal?(LATE)
    outcome = deliver(text, stop - clock)
    if outcome.rejected
      say("#{key} was rejected: #{outcome.why}")
    elsif !outcome.answer
      say("#{key} did not get through, it is #{file ? "sent again" : "lost"}: #{outcome.why}")
    end
    settling = in_thread(or_here: true) { guard("spool") { keeping.value && settle(keeping.value, outcome) } }
    within(stop + 0.05 - clock, settling)
    outcome.answer
  end

  def in_thread(or_here: false, &work)
    Thread.new(&work)
  rescue ThreadError # there are too many
    or_here ? Done.new(work.call) : raise
  end

  # What the work of a thread gives, or LATE where that takes longer.
  def within(seconds, thread)
    thread.join([seconds, 0].max) ? thread.value : LATE
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
    fields = describe(error).merge(fields).to_h { |name, value| [name, clean_value(name, value)] }
    fields.compact.reject { |_, value| value == "" }
  end

  def describe(error)
    return { "error_message" => error } unless Exception === error

    { "error_code" => error.class.name, "error_message" => error.message }
  rescue *NO_TEXT
    { "error_code" => type_name(error) } # an exception whose message raises
  end

  # What is sent of a value. One that has no text costs at most its field, and never the call.
  def clean_value(name, value)
    return value if name == "payload" || nil.equal?(value)
    return clean_amount(value) if name == "amount"

    value = LIMITS.key?(name) ? value : plain(name, value)
    return value if Numeric === value && NUMBERS.include?(name)

    text = utf8(value).gsub(/[[:cntrl:]&&[^\n\t]]/, "")
    LIMITS.key?(name) ? text[0, LIMITS[name]] : trim(text)
  rescue *NO_TEXT
    type = type_name(value)
    LIMITS.key?(name) ? type : say("#{name} left out: its value (#{type}) has no text")
  end

  # What is sent of an amount of money. One that is not exact costs its field, and never the call.
  def clean_amount(given)
    given = Hash === given ? given.to_h { |name, value| [name.to_s, value] } : {}
    value, currency = given.values_at("value", "currency")
    currency = currency.to_s.strip.upcase
    return { "value" => value, "currency" => currency } if Integer === value && currency.match?(/\A[A-Z]{3}\z/)

    say('amount left out: it takes whole minor units, as in { value: 4900, currency: "USD" }')
  end

  # Whole numbers have no point, and of others JSON knows only floats.
  def plain(name, value)
    return value.respond_to?(:iso8601) ? value.iso8601 : value unless Numeric === value
    return value.to_s unless value.finite?

    number = NUMBERS.include?(name)
    lossy = !number && Float === value && value.abs >= 2**53
    say("#{name} is a Float, which has lost digits of the id: give an Integer or a text") if lossy
    return value.to_i if value == value.to_i

    number ? value.to_f : value
  end

  # Of a BasicObject too.
  def type_name(value)
    Kernel.instance_method(:class).bind_call(value).to_s
  end

  def key_parts(fields)
    parts = PARTS.to_h { |name| [name, trim(utf8(fields[name]))] }
    stripe_id = trim(utf8(fields["stripe_event_id"]))
    return parts if !parts["provider_event_id"].empty? || stripe_id.empty?

    provider = parts["provider"].empty? ? "stripe" : parts["provider"]
    { **parts, "provider" => provider, "provider_event_id" => stripe_id }
  end

  # Ids are compared without white space around them.
  def trim(text)
    text.gsub(/\A[[:space:]]+|[[:space:]]+\z/, "")
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
    # Anyone can make a folder of this name in the system's temporary one.
    raise "the folder is another user's" if @temporary && !File.lstat(@spool).owned?
    raise "#{MOST_FILES} calls wait" if Dir.children(@spool).count { |name| FILE.match?(name) } >= MOST_FILES

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
    sender = in_thread { exchange(*text.split("\n", 3), seconds) }
    outcome = within(seconds, sender)
    return outcome unless outcome.equal?(LATE)

    sender.kill
    Outcome.new(nil, "no response in time")
  rescue ThreadError => e
    Outcome.new(nil, e.message)
  end

  def exchange(kind, key, body, seconds)
    uri = URI("#{@url.chomp("/")}/api/v1/#{kind}")
    options = { use_ssl: uri.scheme == "https", open_timeout: seconds, read_timeout: seconds }
    request = Net::HTTP::Post.new(uri, "Authorization" => "Bearer #{@key}", "Idempotency-Key" => key,
                                       "Content-Type" => "application/json", "Accept-Encoding" => "identity")
    request.body = body
    answer = String.new
    response = Net::HTTP.start(uri.hostname, uri.port, nil, nil, nil, nil, options) do |http|
      http.request(request) do |started|
        started.read_body do |part|
          raise "a response of over #{MOST_ANSWER} bytes" if (answer << part).bytesize > MOST_ANSWER
        end
      end
    end
    judge(response, answer, body)
  rescue StandardError => e
    Outcome.new(nil, "#{e.class}: #{e.message}")
  end

  def judge(response, text, body)
    status = response.code.to_i
    answer = parse(text).to_h
    return Outcome.new(answer) if status.between?(200, 299) && answer["accepted"] == true

    error = answer["error"].is_a?(Hash) ? answer["error"] : {}
    code, message, fields = error.values_at("code", "message", "fields")
    fields = Array(fields).grep(Hash).map { |field| "#{field["field"]}: #{field["message"]}" }
    unknown_event = code == "not_found" && !parse(body).to_h["event_id"].nil?
    rejected = status.between?(400, 499) && (FINAL.include?(code) || unknown_event)
    why = [status, code, message, *fields, *(cure(code) unless rejected)].compact.join(", ")
    Outcome.new(nil, why, rejected, response["Retry-After"].to_i)
  end

  def cure(code)
    case code
    when nil then "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies"
    when "unauthorized" then "check SENDPROMPTLY_KEY"
    when "not_found" then "check SENDPROMPTLY_URL"
    end
  end

  def parse(json)
    value = JSON.parse(utf8(json))
    value if value.is_a?(Hash)
  rescue JSON::ParserError
    nil
  end

  # Removes the file of a call that got through, sets aside a rejected one, and has others wait.
  def settle(file, outcome)
    if outcome.answer
      FileUtils.rm_f(file)
    elsif outcome.rejected
      set_aside(file)
    else
      put_back(file, outcome.wait.to_i)
    end
  end

  # Waits as long again as the call has waited already: 1 s, doubling to 60 s.
  def put_back(file, wait)
    name = FILE.match(File.basename(file))
    delay = (now - name[:time].to_i) * rand(0.75..1.25) / 1e6
    File.rename(file, path(name[:id], [delay, wait].max.clamp(1, 60)))
    send_in_background
  end

  # Keeps what is not sent any more: the newest 10,000 of the last 30 days. Moved back, a file is sent.
  def set_aside(file)
    folder = File.join(@spool, "rejected")
    FileUtils.mkdir_p(folder, mode: 0o700)
    File.rename(file, File.join(folder, File.basename(file, ".sending")))
    names = Dir.children(folder).sort
    since = (now - (30 * DAY * 1_000_000)).to_s
    old = names[0...-MOST_FILES] | names.take_while { |name| name < since }
    FileUtils.rm_f(old.map { |name| File.join(folder, name) })
    say("removed from #{folder}: #{old.size} that are old, #{old.first} first") if old.any?
  end

  # What has waited longest comes first: a result does not overtake its receipt, and what fails again and
  # again does not hold up the rest.
  def waiting
    Dir.children(@spool).filter_map { |name| FILE.match(name) }.sort_by { |name| [name[:due], name[:id]] }
  rescue SystemCallError
    []
  end

  # Removes halves of calls, whose process died while it was writing them.
  def sweep
    halves = Dir.children(@spool).grep(/\A\d{16}-\h{8}\.\d{16}\.sending\.tmp\z/)
    FileUtils.rm_f(halves.select { |name| name[26, 16].to_i < now }.map { |name| File.join(@spool, name) })
  end

  # Gives false where the server seems to be away.
  def send_waiting(seconds, all: false)
    stop = clock + seconds
    failures = 0
    sweep
    waiting.each do |name|
      next if name[:due].to_i > now && (name[:sending] || !all)
      break if clock >= stop
      file = lease(name) or next # another process was faster

      text = File.binread(file)
      next drop(name, file, text) if lost?(name, text)

      outcome = deliver(text, [PATIENCE, stop - clock].min)
      tell(text, outcome)
      settle(file, outcome)
      next if outcome.answer || outcome.rejected

      failures += 1
      return false if failures == 3 || outcome.wait.to_i.positive?
    end
    failures.zero?
  end

  # A reason is logged once, and not at every attempt.
  def tell(text, outcome)
    key = text.split("\n", 3)[1]
    return say("#{key} was rejected: #{outcome.why}") if outcome.rejected

    say("#{key} did not get through, it is sent again: #{outcome.why}") if outcome.why && outcome.why != @told
    @told = outcome.why
  end

  def lease(name)
    file = path(name[:id], LEASE, ".sending")
    File.rename(File.join(@spool, name.to_s), file)
    file
  rescue Errno::ENOENT
    nil
  end

  def whole?(text)
    text.match?(/\A(receipt|result)\n[!-~]+\n\{/n)
  end

  # The server forgets keys after 7 days.
  def lost?(name, text)
    !whole?(text) || now - name[:time].to_i > 7 * DAY * 1_000_000
  end

  def drop(name, file, text)
    why = whole?(text) ? "it is 7 days old" : "the file is damaged"
    say("#{whole?(text) ? text.split("\n", 3)[1] : name} was set aside: #{why}")
    set_aside(file)
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

  def start_work(order, once, work)
    in_thread { work_on(order, once, work) }
  rescue ThreadError # there are too many: the next attempt works
    @release.call(once)
    raise
  end

  def work_on(order, once, work)
    event = { event_id: order["event_id"], replay_id: order["replay_id"] }
    outcome = work.call(order)
    guard("repair") { @extend.call(once, 30 * DAY) } # done: later attempts change nothing
    result(["superseded", :superseded].include?(outcome) ? "superseded" : "success", event)
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
