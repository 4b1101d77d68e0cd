# The repair endpoint, a Rack app. No gems, and sendpromptly.rb beside this file. In Rails, in
# config/routes.rb:  post "/repair", to: Repair
# Environment: SENDPROMPTLY_URL, SENDPROMPTLY_KEY, SENDPROMPTLY_SECRET=whsec_...
require_relative "sendpromptly"

module Repair
  CLIENT = SendPromptly.new

  module_function

  # Your work; the client reports its result. Look first whether it is done: doing it twice must do no
  # harm. Return "superseded" if a newer event made it void, and raise if it fails. It runs in a thread
  # of its own: in Rails wrap it in Rails.application.executor.wrap { ... }.
  def work(order)
    puts "granting #{order["effect_type"]} to #{order["internal_reference"]}"
  end

  # The signature is over the raw body, before any parser: rack.input as it came.
  def call(env)
    status, text = CLIENT.repair(env, env["rack.input"]&.read.to_s) { |order| work(order) }
    [status, { "content-type" => "text/plain" }, [text]]
  end
end
