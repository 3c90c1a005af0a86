-- One group commit, all or nothing.
-- KEYS: watermarks, owners, the writer's last commit, then (journal, inflight) for each shard touched.
-- ARGV: seconds to remember, commit number, count of moves, (stream, owner, expected, new) for each, then
-- (field, payload) for each shard.
-- Returns {'A'} when this commit was written before, {'M', stream...} when a stream has another
-- owner or other hands moved its watermark (nothing is written), {'K', n...} with the shards that
-- nobody is draining.
if redis.call('GET', KEYS[3]) == ARGV[2] then
  return {'A'}
end
local moves = tonumber(ARGV[3])
local foreign = {}
for i = 0, moves - 1 do
  local at = 4 + i * 4
  local owner = redis.call('HGET', KEYS[2], ARGV[at])
  local watermark = redis.call('HGET', KEYS[1], ARGV[at]) or '0'
  if (owner and owner ~= ARGV[at + 1]) or watermark ~= ARGV[at + 2] then
    foreign[#foreign + 1] = ARGV[at]
  end
end
if #foreign > 0 then
  table.insert(foreign, 1, 'M')
  return foreign
end
for i = 0, moves - 1 do
  local at = 4 + i * 4
  redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 3])
end
local kicks = {'K'}
local at = 4 + moves * 4
for k = 4, #KEYS, 2 do
  redis.call('XADD', KEYS[k], '*', ARGV[at], ARGV[at + 1])
  if redis.call('SET', KEYS[k + 1], 'queued', 'NX', 'PX', 2000) then
    kicks[#kicks + 1] = tostring((k - 4) / 2)
  end
  at = at + 2
end
redis.call('SET', KEYS[3], ARGV[2], 'EX', ARGV[1])
return kicks
