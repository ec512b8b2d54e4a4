-- A following feed as {video or 'video author', published_at, ...}: what was pushed and what is pulled,
-- not merged. ARGV: key prefix, user, cap.
local prefix, user, cap = ARGV[1], ARGV[2], tonumber(ARGV[3])
local found = redis.call('ZRANGE', prefix .. 'following:' .. user, 0, cap - 1, 'REV', 'WITHSCORES')
-- With a full feed, what is pulled counts only as far back as the feed reaches.
local least = #found >= 2 * cap and found[#found] or '-inf'
local pulled = redis.call('SINTER', prefix .. 'followed:' .. user, prefix .. 'celebrities')
for _, author in ipairs(pulled) do
  local timeline = prefix .. 'timeline:' .. author
  local videos =
    redis.call('ZRANGE', timeline, '+inf', least, 'BYSCORE', 'REV', 'LIMIT', 0, cap, 'WITHSCORES')
  for i = 1, #videos do found[#found + 1] = videos[i] end
end
return found
