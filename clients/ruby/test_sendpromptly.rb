# frozen_string_literal: true

# The tests of sendpromptly.rb, against a real HTTP server: ruby clients/ruby/test_sendpromptly.rb

require "bigdecimal"
require "minitest/autorun"
require "rbconfig"
require "socket"
require "stringio"
require "tmpdir"
require_relative "sendpromptly"

SECRET = "whsec_#{["s" * 32].pack("m0")}"
EVENT = { provider: "stripe", provider_event_id: "evt_1", event_type: "invoice.paid",
          effect_type: "credit_grant", internal_reference: "user_456", occurred_at: 1_764_079_329 }.freeze
RECEIPT_KEY = "receipt-evt_1-invoice.paid-credit_grant-2f5baf64cc0cd2777f56911cd492daea"
RESULT_KEY = "result-evt_1-credit_grant-success-3fc8f4898cce199e7280eb315c28e619"
ACCEPTED = [202, { "event_id" => "ev_1", "accepted" => true }].freeze

# Answers each request with what the block gives: [status, body, headers], or a way to misbehave.
class Server
  Request = Struct.new(:path, :headers, :body) do
    def key = headers["idempotency-key"]
    def json = JSON.parse(body)
  end

  attr_reader :requests

  def initialize(&answer)
    @socket = TCPServer.new("127.0.0.1", 0)
    @requests = Queue.new
    @answer = answer || proc { ACCEPTED }
    Thread.new { loop { Thread.new(@socket.accept) { |client| serve(client) } } }
  end

  def url = "http://127.0.0.1:#{@socket.addr[1]}"

  def seen = Array.new(@requests.size) { @requests.pop.tap { |one| @requests << one } }

  private

  def serve(client)
    request = read(client)
    # A client of another language's test may still send to who had this port before.
    return if request.headers["authorization"] == "Bearer sk_test_1"

    @requests << request
    case answer = @answer.call(request, @requests.size)
    when :hang then sleep
    when :endless
      client.write("HTTP/1.1 202 Accepted\r\n\r\n")
      loop { client.write(" " * 10_000) }
    when :drip
      "HTTP/1.1 202 Accepted\r\nContent-Length: 1000\r\n\r\n".each_char { |char| client.write(char) }
      loop { client.write(" ") && sleep(0.5) }
    when :drip_headers
      client.write("HTTP/1.1 202 Accepted\r\nX-Slow: ")
      loop { client.write("x") && sleep(0.5) }
    else write(client, *answer)
    end
  rescue SystemCallError, IOError
    nil # the client went away
  end

  def read(client)
    head = client.gets("\r\n\r\n").to_s.split("\r\n")
    raise IOError, "this is not HTTP" if head.size < 2

    headers = head.drop(1).to_h { |line| line.split(": ", 2) }.transform_keys(&:downcase)
    Request.new(head.first.split[1], headers, client.read(headers["content-length"].to_i))
  end

  def write(client, status, body, headers = {})
    body = JSON.generate(body) unless body.is_a?(String)
    headers = { "Content-Length" => body.bytesize, "Connection" => "close", **headers }
    client.write("HTTP/1.1 #{status} Status\r\n#{headers.map { |pair| pair.join(": ") }.join("\r\n")}\r\n\r\n#{body}")
    client.close
  end
end

class ClientTest < Minitest::Test
  def setup
    @spool = Dir.mktmpdir
    @log = StringIO.new
  end

  def teardown
    FileUtils.rm_rf(@spool)
  end

  def client(server = nil, kind: SendPromptly, **settings)
    url = server.is_a?(Server) ? server.url : server
    kind.new(url: url || "http://127.0.0.1:9", key: "sk_test_ruby", secret: SECRET, spool: @spool,
                     log: @log.method(:puts), **settings)
  end

  # Sends what waits only when it is told to.
  class Idle < SendPromptly
    def send_in_background = nil
  end

  def files = Dir.children(@spool).grep(/\A\d/)

  def eventually(what)
    Timeout.timeout(120) { sleep(0.01) until yield }
  rescue Timeout::Error
    flunk("#{what} did not happen; the log: #{@log.string}")
  end

  def timed
    start = Process.clock_gettime(Process::CLOCK_MONOTONIC)
    result = yield
    [result, Process.clock_gettime(Process::CLOCK_MONOTONIC) - start]
  end

  # As if so many seconds had passed for all that waits.
  def later(seconds)
    files.each do |name|
      aged = name.gsub(/\d{16}/) { |time| (time.to_i - (seconds * 1_000_000)).to_s }
      File.rename(File.join(@spool, name), File.join(@spool, aged))
    end
  end

  # A process of its own that runs the block and then ends.
  def child(&block)
    fork do
      block.call
    ensure
      exit!(0)
    end
  end
end

class SendingTest < ClientTest
  def test_a_call_is_sent_once_and_its_answer_is_returned
    server = Server.new
    one = client(server)
    assert_equal ACCEPTED[1], one.receipt(EVENT)
    assert_equal ACCEPTED[1], one.result("success", EVENT)
    assert_equal 0, one.flush
    receipt, result = server.seen
    assert_equal 2, server.requests.size
    assert_equal "/api/v1/receipt", receipt.path
    assert_equal "Bearer sk_test_ruby", receipt.headers["authorization"]
    assert_equal RECEIPT_KEY, receipt.key
    assert_equal EVENT.transform_keys(&:to_s), receipt.json
    assert_equal "/api/v1/result", result.path
    assert_equal RESULT_KEY, result.key
    assert_equal "success", result.json["status"]
    assert_empty files
    assert_empty @log.string
  end

  { hanging: proc { :hang }, dripping_body: proc { :drip }, dripping_headers: proc { :drip_headers } }.each do |name, answer|
    define_method("test_a_#{name}_server_costs_both_calls_two_seconds_and_they_arrive_later") do
      one = client(Server.new(&answer), kind: Idle)
      responses, seconds = timed { [one.receipt(EVENT), one.result("success", EVENT)] }
      assert_equal [nil, nil], responses
      assert_operator seconds, :<, 2
      assert_equal 2, files.size
      assert_equal 2, @log.string.scan("did not get through").size
      server = Server.new
      assert_equal 0, client(server, kind: Idle).flush
      assert_equal [RECEIPT_KEY, RESULT_KEY], server.seen.map(&:key)
    end
  end

  def test_a_server_that_says_nothing_to_tls_costs_both_calls_two_seconds
    one = client(Server.new.url.sub("http", "https"))
    responses, seconds = timed { [one.receipt(EVENT), one.result("success", EVENT)] }
    assert_equal [nil, nil], responses
    assert_operator seconds, :<, 2
  end

  def test_a_refused_connection_keeps_the_call
    assert_nil client("http://127.0.0.1:1").receipt(EVENT)
    assert_equal 1, files.size
  end

  def test_an_address_that_is_none_does_not_raise
    assert_nil client("not an address").receipt(EVENT)
    assert_nil client("http://").result("failed", EVENT)
    assert_nil client.result("failed", nil)
  end

  def error(status, code, message = "no", **more)
    [status, { "error" => { "code" => code, "message" => message, **more } }]
  end

  FOREIGN = "not a response of sendpromptly's, check SENDPROMPTLY_URL and the proxies"

  def test_only_what_the_server_says_of_the_call_itself_is_final
    answer = nil
    one = client(Server.new { answer })
    finals = [error(422, "ambiguous_event", candidates: []), error(409, "idempotency_conflict"),
              error(413, "payload_too_large"), error(413, "too_many_fields")]
    finals.each do |final|
      answer = final
      one.receipt(EVENT)
      assert_match(/ was rejected: #{final[0]}, /, @log.string.lines.last)
    end
    answer = error(404, "not_found")
    one.result("success", event_id: "ev_1")
    assert_match(/ was rejected: 404, not_found, no\n\z/, @log.string.lines.last, "nobody knows that event")
    assert_empty files
    assert_equal 5, Dir.children(File.join(@spool, "rejected")).size
  end

  passing = {
    "401, unauthorized, no, check SENDPROMPTLY_KEY" => [401, { "error" => { "code" => "unauthorized", "message" => "no" } }],
    "404, not_found, no, check SENDPROMPTLY_URL" => [404, { "error" => { "code" => "not_found", "message" => "no" } }],
    "400, malformed_request" => [400, { "error" => { "code" => "malformed_request", "fields" => "odd" } }],
    "422, a_code_of_later_days" => [422, { "error" => { "code" => "a_code_of_later_days" } }],
    "422, validation_error" => [422, { "error" => { "code" => ["validation_error"] } }],
    "500, validation_error" => [500, { "error" => { "code" => "validation_error" } }],
    "422, #{FOREIGN}" => [422, { "error" => "validation_error" }],
    **[400, 403, 404, 409, 413, 429, 502].to_h { |status| ["#{status}, #{FOREIGN}", [status, "<html>"]] },
  }
  # What a portal or another service says is no acceptance either.
  bodies = ["<html>", "[]", "null", "7", '"text"', "{}", '{"accepted":false}', '[{"accepted":true}]']
  [*passing, *bodies.map { |body| ["200, #{FOREIGN}", [200, body]] }].each do |why, answer|
    define_method("test_#{answer.inspect}_is_kept_told_with_its_cure_and_sent_when_it_is_put_right") do
      ready = false
      server = Server.new { ready ? ACCEPTED : answer }
      one = client(server, kind: Idle)
      assert_nil one.receipt(EVENT)
      assert_match(/ did not get through, it is sent again: .*#{Regexp.escape(why)}\n\z/, @log.string)
      assert_equal [1, 1], [one.flush, one.flush]
      assert_equal 2, @log.string.lines.size, "a reason is told once"
      ready = true
      assert_equal 0, one.flush
      assert_equal [RECEIPT_KEY], server.seen.map(&:key).uniq
      refute File.exist?(File.join(@spool, "rejected"))
    end
  end

  def test_an_answer_is_read_up_to_64_kib
    text = '{"accepted":true}'
    answer = [202, text.ljust(65_536)]
    one = client(Server.new { answer }, kind: Idle)
    assert_equal({ "accepted" => true }, one.receipt(EVENT))
    [[202, text.ljust(65_537)], :endless].each do |long|
      answer = long
      assert_nil one.receipt(EVENT)
      assert_match(/a response of over 65536 bytes/, @log.string.lines.last)
    end
  end

  def test_proxies_of_the_environment_play_no_part
    saved = ENV.to_h.slice("http_proxy", "no_proxy", "NO_PROXY")
    ENV.update("http_proxy" => "http://127.0.0.1:1", "no_proxy" => nil, "NO_PROXY" => nil)
    assert_equal ACCEPTED[1], client(Server.new).receipt(EVENT)
  ensure
    ENV.update({ "http_proxy" => nil, **saved })
  end

  [408, 425, 429, 500, 503].each do |status|
    define_method("test_#{status}_is_sent_again_with_the_same_key_and_bytes") do
      server = Server.new { |_, count| count == 1 ? [status, {}] : ACCEPTED }
      assert_nil client(server).receipt(EVENT)
      eventually("the second attempt") { files.empty? }
      first, second = server.seen
      assert_equal [first.key, first.body], [second.key, second.body]
      assert_equal 2, server.requests.size
    end
  end

  def test_a_first_request_that_still_runs_is_asked_again
    running = [409, { "error" => { "code" => "idempotency_in_progress" } }, { "Retry-After" => 1 }]
    server = Server.new { |_, count| count == 1 ? running : ACCEPTED }
    assert_nil client(server).receipt(EVENT)
    eventually("the second attempt") { files.empty? }
    assert_equal 2, server.requests.size
  end

  def test_what_is_rejected_is_logged_and_set_aside
    fields = [{ "field" => "occurred_at", "message" => "needs a time zone" }]
    error = { "error" => { "code" => "validation_error", "message" => "bad fields", "fields" => fields } }
    server = Server.new { |_, count| count == 1 ? [422, error] : ACCEPTED }
    one = client(server)
    assert_nil one.receipt(EVENT)
    assert_equal 0, one.flush
    assert_equal 1, server.requests.size
    assert_match(/\Asendpromptly: \S+ was rejected: 422, validation_error, bad fields, occurred_at: needs a time zone\n\z/,
                 @log.string)
    name = Dir.children(File.join(@spool, "rejected")).first
    File.rename(File.join(@spool, "rejected", name), File.join(@spool, name))
    assert_equal 0, one.flush, "moved back, it is sent"
    assert_equal 1, server.seen.map(&:body).uniq.size
    assert_equal 2, server.requests.size
  end

  def test_what_is_set_aside_stays_for_30_days_10000_of_it_and_what_is_removed_is_told
    rejected = File.join(@spool, "rejected")
    FileUtils.mkdir_p(rejected)
    aside = lambda do |days, random|
      time = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond) - (days * 86_400_000_000)
      File.write(File.join(rejected, "#{time}-#{random}.0000000000000000"), "")
    end
    aside.call(31, "aaaaaaaa")
    aside.call(29, "bbbbbbbb")
    one = client(Server.new { error(422, "validation_error") })
    one.receipt(EVENT)
    assert_equal 2, Dir.children(rejected).size
    assert_match(%r{removed from .*/rejected: 1 that are old, \d+-aaaaaaaa\S+ first}, @log.string)
    10_000.times { |index| aside.call(1, format("%08x", index)) }
    one.receipt(EVENT)
    # Listing so many again and again would keep the client's own threads from working.
    eventually("the log") { @log.string.include?(": 3 that are old") }
    names = Dir.children(rejected)
    assert_equal 10_000, names.size
    assert(names.none? { |name| name.include?("bbbbbbbb") })
  end

  def test_a_missing_or_broken_key_is_logged_and_nothing_is_sent
    server = Server.new
    [nil, "", "sk_test\n_1"].each do |key|
      one = client(server, key: key)
      assert_nil one.receipt(EVENT)
      assert_nil one.result("success", EVENT)
    end
    assert_equal 0, server.requests.size
    assert_equal "sendpromptly: receipt not sent: SENDPROMPTLY_KEY is not set\n", @log.string.lines.first
    refute_includes @log.string, "sk_test"
  end

  def test_a_log_that_fails_changes_nothing
    assert_nil client(log: ->(_) { raise "the disk is full" }).receipt(EVENT)
  end

  def test_neither_key_nor_payload_is_logged
    client(Server.new { [500, {}] }).receipt({ **EVENT, payload: { card: "4242" } })
    refute_match(/sk_test_ruby|4242/, @log.string)
  end

  def test_test_events_of_providers_get_a_key_each
    server = Server.new
    one = client(server)
    key = lambda do |fields|
      one.receipt({ **EVENT, **fields })
      server.seen.last.key
    end
    tests = %w[evt_00000000000000 evt_00000000 00000000 00000000-0000-0000-0000-000000000000]
    tests.each do |id|
      first, second = Array.new(2) { key.call(provider_event_id: id) }
      refute_equal first, second
      assert_match(/\Areceipt-#{id}-invoice.paid-credit_grant-\h{32}-\h{8}\z/, first)
    end
    assert_match(/-\h{32}-\h{8}\z/, key.call(provider_event_id: nil, stripe_event_id: tests[0]))
    %w[evt_0 evt_0000000 0 -------- evt_00000000000001 ev_00000000].each do |id|
      assert_match(/-credit_grant-\h{32}\z/, key.call(provider_event_id: id))
    end
  end
end

class SpoolTest < ClientTest
  # Writes a call to the spool, and dies before it is sent.
  def die_before_sending
    reader, writer = IO.pipe
    pid = child do
      one = client
      one.define_singleton_method(:deliver) { |*| writer.puts("written") && sleep }
      one.receipt(EVENT)
    end
    reader.gets
    Process.kill(:KILL, pid)
    Process.wait(pid)
  end

  def test_a_call_survives_a_process_that_is_killed_before_sending_it
    die_before_sending
    assert_equal 1, files.size
    server = Server.new
    assert_equal 1, client(server, kind: Idle).flush # it could still be under way
    later(61)
    Process.wait(child { client(server, kind: Idle).flush })
    assert_equal([RECEIPT_KEY], server.seen.map(&:key))
    assert_empty files
  end

  def test_a_new_process_sends_what_an_old_one_left_without_being_asked
    die_before_sending
    later(61)
    server = Server.new
    client(server)
    eventually("the call") { server.requests.size == 1 }
  end

  def test_a_forked_process_sends_again_by_itself
    server = Server.new { |request, _| request.json["internal_reference"] == "child" && @up ? ACCEPTED : [503, {}] }
    one = client(server)
    one.receipt(EVENT) # here a thread is running now
    FileUtils.rm_f(files.map { |name| File.join(@spool, name) })
    pid = fork do
      one.receipt({ **EVENT, internal_reference: "child" })
      sleep
    end
    eventually("two attempts of the child") do
      server.seen.count { |request| request.json["internal_reference"] == "child" } >= 2
    end
  ensure
    Process.kill(:KILL, pid)
    Process.wait(pid)
  end

  def test_a_waiting_call_does_not_keep_a_process_alive
    script = "require '#{__dir__}/sendpromptly'; SendPromptly.new.receipt(provider: 'stripe')"
    settings = { "SENDPROMPTLY_URL" => "http://127.0.0.1:1", "SENDPROMPTLY_KEY" => "sk_test_ruby", "SENDPROMPTLY_SPOOL" => @spool }
    _, seconds = timed { assert system(settings, RbConfig.ruby, "-e", script, err: File::NULL) }
    assert_operator seconds, :<, 3
    assert_equal 1, files.size
  end

  def test_several_processes_share_a_spool_and_send_each_call_once
    one = client(kind: Idle)
    40.times { |index| one.receipt({ **EVENT, internal_reference: "user_#{index}" }) }
    later(61)
    server = Server.new
    pids = Array.new(3) { child { client(server, kind: Idle).flush } }
    pids.each { |pid| Process.wait(pid) }
    assert_equal 40, server.requests.size
    assert_equal 40, server.seen.map(&:key).uniq.size
    assert_empty files
  end

  def test_the_oldest_is_sent_first
    one = client(kind: Idle)
    one.receipt(EVENT)
    one.result("success", EVENT)
    server = Server.new
    assert_equal 0, client(server, kind: Idle).flush
    assert_equal %w[/api/v1/receipt /api/v1/result], server.seen.map(&:path)
  end

  def test_waits_double_up_to_a_minute_and_retry_after_is_respected_as_far
    one = client(Server.new { [503, {}, { "Retry-After" => @retry_after.to_i }] }, kind: Idle)
    waits = { [0, 0] => 1..1.5, [8, 0] => 6..10.5, [900, 0] => 45..60, [0, 30] => 30..30.1, [0, 7200] => 60..60.1 }
    waits.each do |(age, retry_after), expected|
      @retry_after = retry_after
      one.receipt(EVENT)
      later(age)
      one.flush
      due = files.first[/\.(\d{16})\z/, 1].to_i - Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
      assert_includes Range.new(expected.begin - 0.5, expected.end), due / 1e6, [age, retry_after].inspect
      FileUtils.rm_f(File.join(@spool, files.first))
    end
  end

  def test_a_process_that_is_killed_at_any_moment_leaves_whole_calls_and_all_it_was_told_of
    server = Server.new { @up ? ACCEPTED : [503, {}] }
    told = Array.new(8) do |round|
      reader, writer = IO.pipe
      pid = child do
        one = client(server)
        (0..).each do |index|
          one.receipt({ **EVENT, internal_reference: "#{round}-#{index}" })
          writer.syswrite("#{round}-#{index}\n")
        end
      end
      writer.close
      first = Array.new(round + 1) { reader.gets }
      Process.kill(:KILL, pid)
      Process.wait(pid)
      [*first, *reader.read.lines.grep(/\n\z/)].map(&:chomp)
    end
    Dir.children(@spool).each do |name| # a minute later
      aged = name.sub(/\.(\d{16})/) { ".#{Regexp.last_match(1).to_i - 61_000_000}" }
      File.rename(File.join(@spool, name), File.join(@spool, aged))
    end
    @up = true
    @log.truncate(0)
    sent = server.requests.size
    assert_equal 0, client(server, kind: Idle).flush
    assert_equal [[], ""], [Dir.children(@spool), @log.string.delete("\0")], "no half-written one either"
    arrived = server.seen.drop(sent).map { |request| request.json["internal_reference"] }
    assert_empty told.flatten - arrived
  end

  def test_calls_of_a_week_ago_and_damaged_ones_are_set_aside
    client(kind: Idle).receipt(EVENT)
    later(7 * 86_400)
    time = Process.clock_gettime(Process::CLOCK_REALTIME, :microsecond)
    ["", "receipt\nkey", "GET\nkey\n{}"].each_with_index do |text, index|
      File.write(File.join(@spool, "#{time}-0000000#{index}.#{time}"), text)
    end
    server = Server.new
    assert_equal 0, client(server, kind: Idle).flush
    assert_equal 0, server.requests.size
    assert_equal 4, Dir.children(File.join(@spool, "rejected")).size
    assert_includes @log.string, "#{RECEIPT_KEY} was set aside: it is 7 days old"
    assert_equal 3, @log.string.scan("was set aside: the file is damaged").size
  end

  def test_on_a_full_disk_calls_are_sent_all_the_same_and_nothing_is_left_behind
    skip("only root can mount a small disk") unless system("mount", "-t", "tmpfs", "-o", "size=64k", "none", @spool, err: File::NULL)
    answer = ACCEPTED
    one = client(Server.new { answer }, kind: Idle)
    assert_equal ACCEPTED[1], one.receipt(EVENT)
    filler = File.join(@spool, "filler")
    assert_raises(Errno::ENOSPC) { File.binwrite(filler, "x" * 100_000) }
    assert_equal ACCEPTED[1], one.receipt(EVENT)
    assert_match(/is not kept in .*: No space left on device/, @log.string.lines.last)
    answer = [503, {}]
    one.receipt(EVENT)
    assert_includes @log.string.lines.last, "it is lost"
    assert_equal ["filler"], Dir.children(@spool)
    File.delete(filler)
    one.receipt(EVENT)
    assert_includes @log.string.lines.last, "it is sent again"
    answer = ACCEPTED
    assert_equal 0, one.flush
  ensure
    system("umount", "-l", @spool, err: File::NULL)
  end

  # Has a method wait until the disk is back; gives what brings it back.
  def slow_disk(object, name)
    gate = Queue.new
    original = object.method(name)
    object.define_singleton_method(name) { |*given, **more, &block| gate.pop || original.call(*given, **more, &block) }
    @mended = proc do
      object.define_singleton_method(name, original)
      gate.close
    end
  end

  { FileUtils => %i[mkdir_p rm_f], Dir => [:children], File => %i[open rename] }.each do |object, names|
    names.each do |name|
      define_method("test_a_disk_that_hangs_in_#{name}_holds_neither_the_handler_nor_the_call") do
        server = Server.new
        one = client(server, kind: Idle)
        mended = slow_disk(object, name)
        response, seconds = timed { one.receipt(EVENT) }
        assert_equal ACCEPTED[1], response
        assert_operator seconds, :<, 2
        assert_match(/spool: the disk of .* is slow, #{RECEIPT_KEY} is sent meanwhile/, @log.string)
        mended.call
        eventually("an empty spool") { files.empty? && (Thread.list - [Thread.main]).none? { |thread| thread.status == "run" } }
        assert_equal 1, server.requests.size
      ensure
        @mended&.call
      end
    end
  end

  def test_what_a_slow_disk_takes_later_is_sent_again_if_it_did_not_get_through
    answer = [503, {}]
    server = Server.new { answer }
    mended = slow_disk(File, :open)
    assert_nil client(server).receipt(EVENT)
    answer = ACCEPTED
    mended.call
    eventually("the second attempt") { server.requests.size == 2 && files.empty? }
  end

  def test_where_no_thread_can_start_the_call_is_kept
    one = client(Server.new, kind: Idle)
    one.define_singleton_method(:in_thread) do |or_here: false, &work|
      or_here ? SendPromptly::Done.new(work.call) : raise(ThreadError, "can't create Thread")
    end
    assert_nil one.receipt(EVENT)
    assert_includes @log.string, "it is sent again: can't create Thread"
    assert_equal 1, files.size
  end

  def test_in_the_temporary_folder_another_users_folder_is_not_used
    skip("only root can make one") unless Process.uid.zero?
    key = SecureRandom.hex(8)
    folder = File.join(Dir.tmpdir, "sendpromptly-spool-#{OpenSSL::Digest::SHA256.hexdigest(key)[0, 8]}")
    Dir.mkdir(folder)
    File.chown(1, 1, folder)
    assert_equal ACCEPTED[1], client(Server.new, key: key, spool: "").receipt(EVENT)
    assert_empty Dir.children(folder)
    assert_includes @log.string, "the folder is another user's"
  ensure
    FileUtils.rm_rf(folder) if folder
  end

  def test_a_full_spool_takes_no_more_and_the_call_is_sent
    10_000.times { |index| File.write(File.join(@spool, format("%016d-00000000.9999999999999999.sending", index + (Time.now.to_i * 1_000_000))), "") }
    assert_equal ACCEPTED[1], client(Server.new, kind: Idle).receipt(EVENT)
    assert_includes @log.string, "10000 calls wait"
    assert_equal 10_000, files.size
  end

  def test_a_spool_that_cannot_be_written_stops_nothing
    FileUtils.rm_rf(@spool)
    File.write(@spool, "no folder")
    assert_equal ACCEPTED[1], client(Server.new).receipt(EVENT)
    assert_includes @log.string, "is not kept"
    assert_nil client(Server.new { [503, {}] }).receipt(EVENT)
    assert_includes @log.string, "it is lost"
  end

  def test_the_spool_is_private
    FileUtils.rmdir(@spool)
    client.receipt(EVENT)
    assert_equal 0o700, File.stat(@spool).mode & 0o777
    assert_equal 0o600, File.stat(File.join(@spool, files.first)).mode & 0o777
  end

  def test_calls_that_never_get_through_do_not_hold_up_the_others
    up = false
    server = Server.new { |request, _| up && !request.json["internal_reference"].start_with?("poison") ? ACCEPTED : [500, {}] }
    one = client(server, kind: Idle)
    [*Array.new(7) { |number| "poison #{number}" }, "a", "b"].each { |name| one.receipt({ **EVENT, internal_reference: name }) }
    up = true
    assert_equal 7, Array.new(4) { one.flush }.last
  end
end

class TextTest < ClientTest
  def sent(fields)
    server = Server.new
    refute_nil client(server).result("failed", { provider_event_id: "evt_1", **fields }), @log.string
    server.seen.last.json
  end

  def test_texts_are_cut_between_characters
    assert_equal "#{"x" * 1992}😀", sent(error_message: "#{"x" * 1992}😀")["error_message"]
    assert_equal 2000, sent(error_message: "😀" * 20_000)["error_message"].size
    assert_equal 200, sent(error_code: "é" * 300)["error_code"].size
  end

  def test_control_characters_are_removed_but_newline_and_tab
    assert_equal "a\n\tb[31mc", sent(error_message: "a\0\r\n\tb\e[31mc\u0085")["error_message"]
  end

  def test_what_is_no_utf8_is_replaced
    assert_equal "caf\uFFFD", sent(error_message: "caf\xE9")["error_message"]
    assert_equal "caf\uFFFD", sent(error_message: "caf\xE9".b)["error_message"]
    assert_equal "café", sent(error_message: "café".b)["error_message"]
    assert_equal "café", sent(error_message: "caf\xE9".dup.force_encoding("ISO-8859-1"))["error_message"]
    assert_equal "x\uFFFD\uFFFD\uFFFD", sent(error_message: "x\xED\xA0\xBD")["error_message"]
    assert_equal "a+b", sent(error_message: "a+b".dup.force_encoding("UTF-7"))["error_message"]
    assert_equal "a\uFFFD", sent(internal_reference: "a\xFF")["internal_reference"]
  end

  def test_exceptions_give_code_and_message
    assert_equal %w[ZeroDivisionError why], sent(error: ZeroDivisionError.new("why")).values_at("error_code", "error_message")
    assert_equal "Errno::ENOENT", sent(error: Errno::ENOENT.new)["error_code"]
    assert_equal "db", sent(error: RuntimeError.new("why"), error_code: "db")["error_code"]
    assert_equal [nil, "why"], sent(error: Class.new(StandardError).new("why")).values_at("error_code", "error_message")
    assert_equal [nil, "why"], sent(error: "why").values_at("error_code", "error_message")
    refute sent(error: "why").key?("error")
  end

  def test_other_values_become_what_the_server_expects
    server = Server.new
    client(server).receipt({ **EVENT, internal_reference: 456, effect_type: :credit_grant, effect_key: nil,
                             occurred_at: Time.at(1_764_079_329, in: "+02:00"), timeout_minutes: 5 })
    body = server.seen.last.json
    assert_equal "456", body["internal_reference"]
    assert_equal "credit_grant", body["effect_type"]
    assert_equal "2025-11-25T16:02:09+02:00", body["occurred_at"]
    assert_equal 5, body["timeout_minutes"]
    refute body.key?("effect_key")
  end

  def test_an_amount_is_sent_exactly_or_left_out_and_told
    server = Server.new
    amount = lambda do |given|
      client(server).receipt({ **EVENT, amount: given })
      server.seen.last.json["amount"]
    end
    exact = { "value" => 4900, "currency" => "USD" }
    assert_equal exact, amount.call({ value: 4900, currency: "usd", exponent: 2 })
    assert_nil amount.call(nil)
    assert_empty @log.string
    odd = [49, "49.00 USD", {}, [4900, "USD"], { value: 49.0, currency: "USD" }, { value: "4900", currency: "USD" }]
    odd.each { |wrong| assert_nil amount.call(wrong) }
    assert_equal odd.size, @log.string.scan("amount left out").size
  end

  def test_no_value_of_an_error_costs_its_report
    mute = Class.new { def to_s = raise(NotImplementedError) }
    self.class.const_set(:Mute, mute) unless self.class.const_defined?(:Mute)
    odd = Class.new { def to_s = 7 }.new
    circle = []
    circle << circle
    cases = [[Mute.new, "TextTest::Mute"], [BasicObject.new, "BasicObject"], [odd, odd.class.to_s], [circle, "[[...]]"],
             [Float::NAN, "NaN"], [{ "a" => 1 }, { "a" => 1 }.to_s], [1.0, "1.0"]]
    cases.each do |value, text|
      assert_equal text, sent(error_message: value)["error_message"]
      assert_equal text, sent(error_code: value)["error_code"]
      assert_equal [nil, text], sent(error: value).values_at("error_code", "error_message")
    end
    assert_empty @log.string
    refute sent(effect_key: BasicObject.new).key?("effect_key")
    assert_equal "sendpromptly: effect_key left out: its value (BasicObject) has no text\n", @log.string
    assert_equal({ "provider_event_id" => "evt_1", "status" => "failed" }, sent(error: nil))
  end

  class Silent < StandardError
    def message = raise(ArgumentError)
  end

  def test_an_exception_without_a_message_is_reported
    assert_equal ["TextTest::Silent", nil], sent(error: Silent.new).values_at("error_code", "error_message")
  end

  def test_ids_that_are_numbers_are_sent_as_texts_with_all_the_digits_they_have
    id = 820_982_911_946_154_508
    [[id, id.to_s], [2**70, (2**70).to_s], [456.0, "456"], [Rational(456), "456"], [BigDecimal("456"), "456"], [0, "0"]].each do |given, text|
      body = sent(provider_event_id: given, internal_reference: given, effect_key: given, event_id: given)
      assert_equal [text] * 4, body.values_at("provider_event_id", "internal_reference", "effect_key", "event_id")
    end
    assert_empty @log.string
    assert_equal "820982911946154496", sent(internal_reference: id.to_f)["internal_reference"]
    assert_includes @log.string, "internal_reference is a Float, which has lost digits of the id"
  end

  def test_times_are_sent_as_the_server_takes_them
    cases = { 1_764_079_329.25 => 1_764_079_329.25, BigDecimal("1764079329.25") => 1_764_079_329.25,
              Rational(7_056_317_317, 4) => 1_764_079_329.25, BigDecimal("1764079329") => 1_764_079_329,
              Time.at(1_764_079_329).utc => "2025-11-25T14:02:09Z", Float::NAN => "NaN" }
    cases.each { |given, time| assert_equal time, sent(occurred_at: given)["occurred_at"] }
    assert_empty @log.string
  end

  def test_a_payload_is_sent_if_it_is_json_of_64_kb_at_most
    server = Server.new
    one = client(server)
    circle = []
    circle << circle
    payloads = [{ "a" => "x" * 65_528 }, { "a" => "x" * 65_529 }, { "a" => "\xFF" }, { "a" => Float::NAN }, circle]
    payloads.each { |payload| refute_nil one.receipt({ **EVENT, payload: payload }) }
    assert_equal([true, false, false, false, false], server.seen.map { |request| request.json.key?("payload") })
    assert_equal 4, @log.string.scan("payload left out").size
  end

  def test_ids_are_sent_without_white_space_around_them_and_empty_fields_not_at_all
    server = Server.new
    odd = { effect_key: "", shopify_shop_domain: " ", replay_id: "", error_code: "", error_message: nil,
            provider_event_id: "\u00a0evt_1\n", internal_reference: " user_456\u3000" }
    client(server).receipt({ **EVENT, **odd })
    client(server).result("success", event_id: "ev_1", replay_id: "")
    receipt, result = server.seen
    assert_equal EVENT.transform_keys(&:to_s), receipt.json
    assert_equal({ "event_id" => "ev_1", "status" => "success" }, result.json)
    assert_equal [RECEIPT_KEY, "result-ev_1-success"], [receipt.key, result.key]
  end

  def keys_of(name)
    JSON.parse(File.read(File.join(__dir__, "../keys.json")))[name].map do |one|
      [one, client.idempotency_key(one["call"], { **one["fields"], "status" => one["status"] })]
    end
  end

  def test_keys_are_the_same_in_every_language
    cases = keys_of("cases")
    assert_operator cases.size, :>, 30
    cases.each do |one, key|
      assert_equal one["key"], key, one["name"]
      server = Server.new
      one["call"] == "receipt" ? client(server).receipt(one["fields"]) : client(server).result(one["status"], one["fields"])
      assert_equal key, server.seen.last.key, one["name"]
    end
  end

  def test_no_two_events_share_a_key
    keys = keys_of("apart").map(&:last)
    assert_operator keys.size, :>, 30
    assert_equal keys.size, keys.uniq.size
    # All that a few pieces can be put together to.
    names = %w[provider provider_event_id event_type effect_type internal_reference effect_key]
    pieces = ["", "a", "a-a", "stripe"]
    events = pieces.product(*[pieces] * 5).map { |parts| names.zip(parts).to_h }
    one = client
    seen = events.flat_map do |event|
      [one.idempotency_key("receipt", event), one.idempotency_key("result", { **event, "status" => "success" })]
    end
    assert_equal 2 * events.size, seen.uniq.size
  end
end

class RepairTest < ClientTest
  ORDER = { "type" => "reprocess", "replay_id" => "rpl_1", "event_id" => "ev_1", "note" => "é" }.freeze

  def signed(order = ORDER, nonce: SecureRandom.hex(16), at: Time.now.to_i, secrets: [SECRET], body: JSON.generate(order))
    signatures = secrets.map do |secret|
      key = secret.delete_prefix("whsec_").unpack1("m")
      "v1=#{OpenSSL::HMAC.hexdigest("SHA256", key, "#{at}.#{nonce}.".b + body.b)}"
    end
    [{ "HTTP_X_SP_TIMESTAMP" => at.to_s, "HTTP_X_SP_NONCE" => nonce, "HTTP_X_SP_SIGNATURE" => signatures.join(","), "rack.input" => nil }, body.b]
  end

  OTHER = "whsec_#{["o" * 32].pack("m0")}"

  def test_a_good_order_is_given_back_whatever_the_headers_look_like
    headers, body = signed
    assert_equal ORDER, client.verify(headers, body)
    assert_equal ORDER, client.verify(headers.transform_keys { |name| name.delete_prefix("HTTP_").tr("_", "-") }, body)
    assert_equal ORDER, client.verify(headers.to_h { |name, value| [name.delete_prefix("HTTP_").tr("_", "-").downcase.to_sym, [value]] }, body)
    assert_equal ORDER, client.verify(*signed(secrets: [OTHER, SECRET]))
  end

  def test_what_is_not_genuine_is_refused_with_its_reason
    {
      "bad signature" => signed(secrets: [OTHER]), "stale timestamp" => signed(at: Time.now.to_i - 301),
      "bad nonce" => signed(nonce: "a.b"), "no timestamp" => [{}, "{}"]
    }.each do |reason, request|
      assert_nil client.verify(*request)
      assert_equal [401, reason], client.repair(*request) { flunk }
    end
    assert_equal [401, "stale timestamp"], client.repair(*signed(at: Time.now.to_i + 301)) { flunk }
    assert_equal [401, "bad nonce"], client.repair(*signed(nonce: "")) { flunk }
    headers, body = signed
    assert_equal [401, "bad signature"], client.repair(headers, "#{body} ") { flunk }
    assert_equal [401, "bad signature"], client.repair({ **headers, "HTTP_X_SP_SIGNATURE" => "" }, body) { flunk }
  end

  def test_a_parsed_body_is_a_clear_mistake
    headers, = signed
    error = assert_raises(ArgumentError) { client.verify(headers, ORDER) }
    assert_match(/\Athe raw body is needed, before any parser: /, error.message)
    assert_equal [500, error.message], client.repair(headers, ORDER) { flunk }
  end

  def test_without_a_secret_or_a_key_nothing_is_repaired
    empty_key = signed(secrets: ["whsec_"])
    assert_equal [500, "SENDPROMPTLY_SECRET is not set"], client(secret: "").repair(*empty_key) { flunk }
    assert_equal [500, "SENDPROMPTLY_SECRET is not set"], client(secret: "whsec_").repair(*empty_key) { flunk }
    assert_equal [500, "SENDPROMPTLY_KEY is not set"], client(key: "").repair(*signed) { flunk }
  end

  def test_a_probe_is_answered_without_work
    assert_equal [200, "probe"], client.repair(*signed({ "type" => "probe", "replay_id" => "rpl_1" })) { flunk }
    assert_equal [422, "unknown type"], client.repair(*signed({ "type" => "other" })) { flunk }
  end

  def test_the_work_is_done_once_and_its_result_is_reported
    server = Server.new
    one = client(server)
    orders = Queue.new
    first = signed
    assert_equal([202, "accepted"], one.repair(*first) { |order| orders << order })
    eventually("the result") { server.requests.size == 1 }
    assert_equal [409, "nonce seen before"], client(server).repair(*first) { flunk }
    assert_equal [202, "taken before"], client(server).repair(*signed) { flunk }
    assert_equal ORDER, orders.pop
    assert_equal({ "status" => "success", "event_id" => "ev_1", "replay_id" => "rpl_1" }, server.seen.last.json)
    assert_equal "result-ev_1-success-rpl_1", server.seen.last.key
  end

  def test_work_for_which_no_thread_can_start_is_done_when_it_is_asked_for_again
    server = Server.new
    full = client(server)
    full.define_singleton_method(:in_thread) { |**| raise ThreadError, "can't create Thread" }
    assert_equal([500, "can't create Thread"], full.repair(*signed) { flunk })
    assert_equal([202, "accepted"], client(server).repair(*signed) { nil })
    eventually("the result") { server.requests.size == 1 }
  end

  def test_whatever_work_gives_back_it_succeeded
    [[BasicObject.new, "success"], [:superseded, "superseded"]].each do |given, status|
      server = Server.new
      client(server).repair(*signed({ **ORDER, "replay_id" => status })) { given }
      eventually("the result") { server.requests.size == 1 }
      assert_equal status, server.seen.last.json["status"]
    end
  end

  def test_the_answer_does_not_wait_for_the_work
    gate = Queue.new
    server = Server.new
    one = client(server)
    assert_equal([202, "accepted"], one.repair(*signed) { gate.pop })
    gate << "superseded"
    eventually("the result") { server.requests.size == 1 }
    assert_equal "superseded", server.seen.last.json["status"]
  end

  [RuntimeError, NotImplementedError, SystemStackError].each do |error|
    define_method("test_work_that_raises_#{error}_is_reported_and_can_be_done_again") do
      server = Server.new
      one = client(server)
      assert_equal([202, "accepted"], one.repair(*signed) { raise error, "no" })
      eventually("the failure") { server.requests.size == 1 }
      assert_equal(["failed", error.name, "no"], server.seen.last.json.values_at("status", "error_code", "error_message"))
      assert_equal([202, "accepted"], one.repair(*signed) { nil })
      eventually("the success") { server.requests.size == 2 }
    end
  end

  def test_old_nonces_are_forgotten
    one = client
    one.repair(*signed({ "type" => "probe" })) { flunk }
    seen = File.join(@spool, "seen")
    old = Dir.children(seen).first
    File.utime(Time.now - 61, Time.now - 61, File.join(seen, old))
    one.repair(*signed({ "type" => "probe" })) { flunk }
    assert_equal 1, Dir.children(seen).size
    refute_includes Dir.children(seen), old
  end

  def test_work_is_claimed_for_an_hour_and_once_it_is_done_for_a_month
    gate = Queue.new
    server = Server.new
    client(server).repair(*signed) { gate.pop }
    left = lambda do
      (File.mtime(Dir.glob("#{@spool}/seen/replay-*").first) - Time.now).round(-2)
    end
    assert_equal 3600, left.call
    gate << nil
    eventually("the result") { server.requests.size == 1 }
    assert_equal 30 * 86_400, left.call
  end

  def test_several_machines_share_what_was_seen
    table = {}
    shared = { claim: ->(name, seconds) { table.key?(name) ? false : table[name] = seconds },
               extend: ->(name, seconds) { table[name] = seconds }, release: table.method(:delete) }
    server = Server.new
    one, other = Array.new(2) { client(server, spool: Dir.mktmpdir(nil, @spool), **shared) }
    assert_equal([202, "accepted"], one.repair(*signed) { raise "no" })
    eventually("the failure") { server.requests.size == 1 }
    assert_equal([202, "accepted"], other.repair(*signed) { nil })
    eventually("the success") { server.requests.size == 2 }
    assert_equal [202, "taken before"], one.repair(*signed) { flunk }
    assert_equal [600, 30 * 86_400], table.values.uniq.sort
    assert_empty @log.string
  end
end

# The samples that the console shows, each beside its client file, as in an app.
class SampleTest < ClientTest
  SAMPLES = File.join(__dir__, "../../crates/console/templates/samples/ruby")
  # What the samples use of the gem. Signatures are Stripe's business.
  STRIPE = <<~RUBY
    module Stripe
      SignatureVerificationError = Class.new(StandardError)
      module Webhook
        def self.construct_event(body, signature, secret)
          signature == "signed with \#{secret}" ? JSON.parse(body) : raise(SignatureVerificationError)
        end
      end
    end
  RUBY
  PAID = { id: "evt_1", type: "checkout.session.completed", created: 1_764_079_329,
           data: { object: { payment_status: "paid", client_reference_id: "user_456" } } }.freeze
  SELECTOR = { "provider" => "stripe", "provider_event_id" => "evt_1", "event_type" => "checkout.session.completed",
               "effect_type" => "credit_grant", "internal_reference" => "user_456" }.freeze

  def setup
    super
    @app = Dir.mktmpdir
    FileUtils.cp(["#{SAMPLES}/calls.rb", "#{SAMPLES}/repair.rb", "#{__dir__}/sendpromptly.rb"], @app)
    File.write("#{@app}/stripe.rb", STRIPE)
    @server = Server.new
  end

  def teardown
    FileUtils.rm_rf(@app)
    super
  end

  # Runs Ruby in the app. Its last line is what it found.
  def run_app(script)
    settings = { "SENDPROMPTLY_URL" => @server.url, "SENDPROMPTLY_KEY" => "sk_test_ruby", "SENDPROMPTLY_SECRET" => SECRET,
                 "SENDPROMPTLY_SPOOL" => @spool, "STRIPE_WEBHOOK_SECRET" => "whsec_1", "SHOPIFY_API_SECRET" => "shpss_1" }
    IO.popen(settings, [RbConfig.ruby, "-I", @app, "-e", script], err: %i[child out], &:read).lines.last.to_s.chomp
  end

  def stripe(event, signature: "signed with whsec_1", grant: "")
    run_app("require 'calls'; #{grant}; p Webhooks.stripe({ 'Stripe-Signature' => #{signature.inspect} }, #{JSON.generate(event).inspect})")
  end

  def test_a_paid_checkout_is_reported_from_its_receipt_to_its_result
    assert_equal "200", stripe(PAID)
    receipt, result = @server.seen.map(&:json)
    assert_equal SELECTOR, receipt.slice(*SELECTOR.keys)
    assert_equal 1_764_079_329, receipt["occurred_at"]
    assert_equal "evt_1", receipt["payload"]["id"]
    assert_equal({ **SELECTOR, "status" => "success" }, result)
  end

  def test_an_unpaid_checkout_and_a_foreign_signature_report_nothing
    assert_equal "200", stripe({ **PAID, data: { object: { payment_status: "unpaid" } } })
    assert_equal "400", stripe(PAID, signature: "forged")
    assert_empty @server.seen
  end

  def test_a_failed_grant_is_reported_and_raised
    grant = "def Webhooks.grant(_) = raise(ArgumentError, 'no such user')"
    run_app("require 'calls'; #{grant}; begin; Webhooks.apply({ provider_event_id: 'evt_1' }, {}); rescue ArgumentError; end")
    assert_equal({ "status" => "failed", "error_code" => "ArgumentError", "error_message" => "no such user", "provider_event_id" => "evt_1" },
                 @server.seen.last.json)
  end

  def test_a_paid_order_is_reported_under_its_event_id
    order = JSON.generate(admin_graphql_api_id: "gid://shopify/Order/820982911946154508", updated_at: "2026-11-21T09:02:09-05:00")
    headers = { "X-Shopify-Hmac-Sha256" => OpenSSL::HMAC.base64digest("SHA256", "shpss_1", order),
                "X-Shopify-Topic" => "orders/paid", "X-Shopify-Shop-Domain" => "acme.myshopify.com",
                "X-Shopify-Webhook-Id" => "w1", "X-Shopify-Event-Id" => "e1" }
    run = ->(given) { run_app("require 'calls'; p Webhooks.shopify(#{given.inspect}, #{order.inspect})") }
    assert_equal "200", run.call(headers)
    receipt = @server.seen.first.json
    assert_equal %w[e1 acme.myshopify.com gid://shopify/Order/820982911946154508 2026-11-21T09:02:09-05:00],
                 receipt.values_at("provider_event_id", "shopify_shop_domain", "internal_reference", "occurred_at")
    assert_equal "success", @server.seen.last.json["status"]
    assert_equal "200", run.call(headers.reject { |name| name == "X-Shopify-Event-Id" })
    assert_equal "w1", @server.seen.last.json["provider_event_id"]
    assert_equal "401", run.call({ **headers, "X-Shopify-Hmac-Sha256" => "forged" })
  end

  def test_the_repair_endpoint_reports_its_result
    body = JSON.generate(RepairTest::ORDER)
    at = Time.now.to_i
    signature = OpenSSL::HMAC.hexdigest("SHA256", "s" * 32, "#{at}.n1.#{body}")
    env = { "HTTP_X_SP_TIMESTAMP" => at.to_s, "HTTP_X_SP_NONCE" => "n1", "HTTP_X_SP_SIGNATURE" => "v1=#{signature}" }
    answer = run_app("require 'repair'; require 'stringio'; env = #{env.inspect}
      answer = Repair.call({ **env, 'rack.input' => StringIO.new(#{body.inspect}) })
      (Thread.list - [Thread.main]).each(&:join)
      p answer")
    assert_equal [202, { "content-type" => "text/plain" }, ["accepted"]].inspect, answer
    assert_equal "success", @server.seen.last.json["status"]
  end
end
