-- Receipts for wrk: each of an event of its own and under an idempotency key of its own, with API keys in rotation.
-- What is not 202 is counted, and told in one line at the end.

local threads = {}

function setup(thread)
   table.insert(threads, thread)
   thread:set("number", #threads)
end

function init(args)
   sent, accepted, rejected, first = 0, 0, 0, 0
   keys = {}
   for key in string.gmatch(os.getenv("LOADTEST_KEYS"), "%S+") do
      table.insert(keys, key)
   end
   prefix = string.format("wrk-%s-%d-", os.getenv("LOADTEST_RUN"), number)
   timeout_minutes = os.getenv("LOADTEST_TIMEOUT_MINUTES")
   wrk.headers["Content-Type"] = "application/json"
end

function request()
   sent = sent + 1
   local id = prefix .. string.format("%09d", sent)
   wrk.headers["Authorization"] = "Bearer " .. keys[sent % #keys + 1]
   wrk.headers["Idempotency-Key"] = id
   return wrk.format("POST", nil, nil, '{"provider":"stripe","provider_event_id":"evt_' .. id
      .. '","event_type":"invoice.paid","effect_type":"credit_grant","internal_reference":"user_456",'
      .. '"occurred_at":"2026-01-01T12:00:00Z","timeout_minutes":' .. timeout_minutes .. '}')
end

function response(status)
   if status == 202 then
      accepted = accepted + 1
   else
      rejected = rejected + 1
      if first == 0 then first = status end
   end
end

function done(summary)
   local all = { sent = 0, accepted = 0, rejected = 0 }
   local first = 0
   for _, thread in ipairs(threads) do
      for name, count in pairs(all) do
         all[name] = count + thread:get(name)
      end
      if first == 0 then first = thread:get("first") end
   end
   local errors = summary.errors
   print(string.format("receipts: %d sent, %d accepted, %d rejected, first %d, %d broken",
      all.sent, all.accepted, all.rejected, first,
      errors.connect + errors.read + errors.write + errors.timeout))
end
