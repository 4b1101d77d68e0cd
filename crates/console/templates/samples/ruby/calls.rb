# Webhook handlers for Stripe and Shopify that report what they received and what came of it.
# gem "stripe", and sendpromptly.rb beside this file. Environment: SENDPROMPTLY_URL, SENDPROMPTLY_KEY,
# STRIPE_WEBHOOK_SECRET, SHOPIFY_API_SECRET. Both take headers and the raw body and return a status; in Rails:
#   head Webhooks.stripe(request.headers, request.raw_post)
require "json"
require "openssl"
require "stripe"
require_relative "sendpromptly"

module Webhooks
  CLIENT = SendPromptly.new

  module_function

  # Your work. Look first whether it is done, as providers deliver an event twice now and then. Where a
  # newer event made this one void, say the order was refunded in the meantime, return "superseded".
  def grant(reference)
    puts "granting what was paid for to #{reference}"
  end

  def stripe(headers, body)
    return 400 unless stripe_sent?(headers, body)

    event = JSON.parse(body) # plain data, as it was sent
    paid = %w[checkout.session.completed checkout.session.async_payment_succeeded]
    return 200 unless paid.include?(event["type"])

    session = event["data"]["object"]
    # A delayed payment method, such as a bank debit: nothing is paid, so nothing is due yet and there is
    # no receipt. checkout.session.async_payment_succeeded follows when the money has come.
    return 200 if session["payment_status"] == "unpaid"

    fields = {
      provider: "stripe",
      provider_event_id: event["id"],
      event_type: event["type"],
      effect_type: "credit_grant",
      internal_reference: session["client_reference_id"],
    }
    apply(fields, occurred_at: event["created"], payload: event)
  end

  def stripe_sent?(headers, body)
    Stripe::Webhook.construct_event(body, headers["Stripe-Signature"].to_s, ENV.fetch("STRIPE_WEBHOOK_SECRET"))
  rescue JSON::ParserError, Stripe::SignatureVerificationError
    false
  end

  def shopify(headers, body)
    mac = OpenSSL::HMAC.base64digest("SHA256", ENV.fetch("SHOPIFY_API_SECRET"), body)
    return 401 unless OpenSSL.secure_compare(mac, headers["X-Shopify-Hmac-Sha256"].to_s)
    return 200 unless headers["X-Shopify-Topic"] == "orders/paid"

    order = JSON.parse(body)
    fields = {
      provider: "shopify",
      provider_event_id: headers["X-Shopify-Event-Id"] || headers["X-Shopify-Webhook-Id"],
      shopify_shop_domain: headers["X-Shopify-Shop-Domain"],
      event_type: "orders/paid",
      effect_type: "access_unlock",
      # A text, gid://shopify/Order/820982911946154508: programs in JavaScript change so large an id.
      internal_reference: order["admin_graphql_api_id"],
    }
    apply(fields, occurred_at: headers["X-Shopify-Triggered-At"] || order["updated_at"])
  end

  # The same fields in the receipt and the result name the event, also when it is delivered twice.
  def apply(fields, details)
    CLIENT.receipt({ **fields, **details })
    begin
      outcome = grant(fields[:internal_reference])
    rescue StandardError => e
      CLIENT.result("failed", { **fields, error: e })
      raise # 500: the provider delivers it again, which is another chance
    end
    CLIENT.result(outcome == "superseded" ? outcome : "success", fields)
    200
  end
end
