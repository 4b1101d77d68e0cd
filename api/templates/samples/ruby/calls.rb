# The two calls to sendpromptly. Ruby 3.0 or newer, standard library only.
require "json"
require "net/http"
require "securerandom"

module SendPromptly
  URL = ENV.fetch("SENDPROMPTLY_URL", "https://sendpromptly.example.com")
  KEY = ENV.fetch("SENDPROMPTLY_KEY") # sk_test_... or sk_live_...

  module_function

  # I took this payment event, and this effect is due. Call it in the webhook handler:
  #   SendPromptly.receipt(provider: "stripe", provider_event_id: "evt_1",
  #     event_type: "invoice.paid", effect_type: "credit_grant",
  #     internal_reference: "user_456", occurred_at: "2026-11-21T14:02:09Z")
  def receipt(event)
    post("receipt", "receipt-#{event[:provider_event_id]}-#{event[:effect_type]}", event)
  end

  # Applied ("success"), or not ("failed"). Call it after your own commit:
  #   SendPromptly.result("success", provider_event_id: "evt_1")
  #   SendPromptly.result("failed", provider_event_id: "evt_1", error_code: "db_write_failed")
  def result(status, fields)
    post("result", "result-#{SecureRandom.uuid}", { status: status, **fields })
  end

  # Tries three times with the same Idempotency-Key, so that nothing counts twice.
  def post(path, idempotency_key, body)
    attempt = 1
    loop do
      answer = send_once(URI("#{URL}/api/v1/#{path}"), idempotency_key, body)
      return JSON.parse(answer.body) if answer.is_a?(Net::HTTPSuccess)

      status = answer ? answer.code.to_i : 503 # no answer at all is worth another try
      again = status >= 500 || [409, 429].include?(status)
      raise "sendpromptly: #{answer&.body || 'no answer'}" if !again || attempt == 3

      sleep attempt
      attempt += 1
    end
  end

  def send_once(uri, idempotency_key, body)
    headers = {
      "Authorization" => "Bearer #{KEY}",
      "Idempotency-Key" => idempotency_key,
      "Content-Type" => "application/json",
    }
    request = Net::HTTP::Post.new(uri, headers)
    request.body = JSON.generate(body)
    options = { use_ssl: uri.scheme == "https", open_timeout: 5, read_timeout: 5 }
    Net::HTTP.start(uri.host, uri.port, **options) { |http| http.request(request) }
  rescue SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::SSL::SSLError
    nil
  end
end
