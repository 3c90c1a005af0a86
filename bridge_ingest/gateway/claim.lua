-- Claim a message of an outbox for one session among those of all gateways.
-- KEYS: the client's claims. ARGV: message, gateway, session, prefix of the keys of running gateways.
-- Returns the holder, as {gateway, session}. A claim of a gateway that is gone holds no more.
local holder = redis.call('HGET', KEYS[1], ARGV[1])
if holder then
  local gateway, session = holder:match('^(%S+) (%S+)$')
  if gateway == ARGV[2] or redis.call('EXISTS', ARGV[4] .. gateway) == 1 then
    return {gateway, session}
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ' ' .. ARGV[3])
redis.call('EXPIRE', KEYS[1], 86400)
return {ARGV[2], ARGV[3]}
