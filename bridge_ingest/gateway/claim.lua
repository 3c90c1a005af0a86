-- Claim what waits in a client's outbox for one session among those of all gateways.
-- KEYS: the outbox, its claims. ARGV: gateway, session, prefix of the keys of running gateways.
-- Returns {message, entry, gateway, session} for each that waits, with the session that holds it.
-- A claim of a gateway that is gone holds no more.
local waiting = redis.call('HGETALL', KEYS[1])
local mine = ARGV[1] .. ' ' .. ARGV[2]
local found = {}
for at = 1, #waiting, 2 do
  local message = waiting[at]
  local holder = redis.call('HGET', KEYS[2], message)
  local gateway, session
  if holder then
    gateway, session = holder:match('^(%S+) (%S+)$')
  end
  if not (gateway == ARGV[1] or gateway and redis.call('EXISTS', ARGV[3] .. gateway) == 1) then
    redis.call('HSET', KEYS[2], message, mine)
    gateway, session = ARGV[1], ARGV[2]
  end
  found[#found + 1] = {message, waiting[at + 1], gateway, session}
end
if #found > 0 then
  redis.call('EXPIRE', KEYS[2], 86400)
end
return found
