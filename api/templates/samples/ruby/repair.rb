# The repair endpoint, a Rack app. Ruby 3.0 or newer, standard library only.
# In Rails, in config/routes.rb:  post "/repair", to: Repair
require "json"
require "openssl"
require_relative "calls"

module Repair
  SECRET = ENV.fetch("SENDPROMPTLY_SECRET").delete_prefix("whsec_").unpack1("m")

  # For one process. With more of them, use tables with a unique key.
  NONCES = {} # nonce: when it was seen
  DONE = {} # replay ids
  LOCK = Mutex.new

  module_function

  # Your work. Look first whether the effect is there: doing it twice must do no harm.
  def repair(order)
    puts "granting #{order['effect_type']} to #{order['internal_reference']}"
  end

  def call(env)
    timestamp, nonce, signatures =
      %w[TIMESTAMP NONCE SIGNATURE].map { |name| env["HTTP_X_SP_#{name}"].to_s }
    body = env["rack.input"]&.read.to_s
    return [401, {}, []] unless genuine?(timestamp, nonce, signatures, body)
    return [401, {}, []] unless (Time.now.to_i - timestamp.to_i).abs <= 300 && new?(nonce)

    order = JSON.parse(body)
    # A repeated attempt is answered the same, and nothing is done twice.
    if order["type"] == "reprocess" && first?(order["replay_id"])
      Thread.new { work(order) }
    end
    [202, {}, []]
  end

  def genuine?(timestamp, nonce, signatures, body)
    return false if !timestamp.match?(/\A[0-9]+\z/) || nonce.empty? || nonce.include?(".")

    mac = OpenSSL::HMAC.hexdigest("SHA256", SECRET, "#{timestamp}.#{nonce}.".b + body.b)
    # While a secret is being rotated there are several signatures; one of them fits.
    signatures.split(",").any? { |given| OpenSSL.secure_compare("v1=#{mac}", given.strip) }
  end

  # Nonces older than 10 minutes can be forgotten: their timestamps are refused by then.
  def new?(nonce)
    LOCK.synchronize do
      NONCES.delete_if { |_, at| at < Time.now - 600 }
      next false if NONCES.key?(nonce)

      NONCES[nonce] = Time.now
      true
    end
  end

  def first?(replay_id)
    LOCK.synchronize { DONE.key?(replay_id) ? false : DONE[replay_id] = true }
  end

  def work(order)
    which = { event_id: order["event_id"], replay_id: order["replay_id"] }
    begin
      repair(order)
    rescue StandardError => e
      why = { error_code: "repair_failed", error_message: e.message[0, 2000] }
      return SendPromptly.result("failed", { **which, **why })
    end
    SendPromptly.result("success", which)
  end
end
