-- A following feed as {video or 'video author', published_at, ...}: what was pushed and what is pulled,
-- not merged, but nothing much older than the newest `cap`. ARGV: key prefix, user, cap; and when the key of
-- the user's likes comes last, {the above, what that says of each video}.
local prefix, user, cap = ARGV[1], ARGV[2], tonumber(ARGV[3])
local found = redis.call('ZRANGE', prefix .. 'following:' .. user, 0, cap - 1, 'REV', 'WITHSCORES')
-- With `cap` videos in hand, what is pulled counts only as far back as they reach.
local least = #found >= 2 * cap and found[#found] or '-inf'

-- What was pushed since. A fan-out that was carried out twice left it twice.
local twice = {}
for _, item in ipairs(redis.call('LRANGE', prefix .. 'inbox:' .. user, 0, -1)) do
  if not twice[item] then
    local at, member = string.match(item, '^(%S+) (.*)$')
    found[#found + 1], found[#found + 2], twice[item] = member, at, true
  end
end

-- Keeps the newest `3 * cap`, which are at least `cap` videos since each is there thrice at most (sorted in,
-- pushed and pulled), and those of the same millisecond as the last of them.
local function cut()
  local times, kept = {}, {}
  for i = 2, #found, 2 do times[#times + 1] = tonumber(found[i]) end
  table.sort(times, function(one, other) return one > other end)
  local oldest = times[3 * cap]
  for i = 1, #found, 2 do
    local at = tonumber(found[i + 1])
    if at >= oldest then
      kept[#kept + 1], kept[#kept + 2] = found[i], found[i + 1]
    end
    if at == oldest then least = found[i + 1] end
  end
  found = kept
end

for _, author in ipairs(redis.call('SINTER', prefix .. 'followed:' .. user, prefix .. 'celebrities')) do
  local timeline = prefix .. 'timeline:' .. author
  local videos =
    redis.call('ZRANGE', timeline, '+inf', least, 'BYSCORE', 'REV', 'LIMIT', 0, cap, 'WITHSCORES')
  for i = 1, #videos do found[#found + 1] = videos[i] end
  if #found > 8 * cap then cut() end
end

local likes = ARGV[4]
if not likes then return found end
if #found == 0 then return {found, {}} end
local ids = {}
for i = 1, #found, 2 do ids[#ids + 1] = string.match(found[i], '^%S+') end
return {found, redis.call('HMGET', likes, unpack(ids))}
