-- The following feed's write side: orders in, timelines and feeds out, in bounded calls.
--
-- ARGV: key prefix, celebrity threshold, cap, window, budget, inbox, cursor, orders (JSON, as in fold.py),
-- '1' when there are more orders than these. Answers '' when every order is done, else {orders done, cursor}:
-- call again with the rest. Every order may be carried out again from its beginning: nothing changes.
--
--   edges:{u}      hash   account -> '+' or '-' and the version; tombstones kept
--   followed:{u}   set    whom u follows now
--   followers:{a}  zset   who follows a now; all scores 0, so that a fan-out can go on after a name
--   video:{v}      hash   author, at, version, deleted, pushed
--   leaving:{v}    set    authors from whose followers' feeds v is being taken back
--   timeline:{a}   zset   a's videos by published_at
--   celebrities    set    accounts that once had `threshold` followers: pulled at read from then on
--   following:{u}  zset   'video author' by published_at: what was pushed to u, about `window` at most
--   inbox:{u}      list   'published_at video author': pushed since, fewer than `inbox`, perhaps doubled
--
-- A delivery is one RPUSH to a short list. With `inbox` of them, and before anything is removed, what lies there
-- is sorted into the zset at once: one by one that took three times as long (DECISIONS, 2026-11-27).
--
-- What a feed promises: every pushed video of a followed account that is not older than the oldest of its
-- zset is in the zset or in the inbox; and when the zset holds fewer than `cap`, they hold them all. So it
-- is rebuilt when a removal takes it below `cap`, and a video older than the oldest is left out when it has
-- `cap` or more.
-- A space is less than any character of an id: 'video author' orders as the video's id does.

local prefix, threshold = ARGV[1], tonumber(ARGV[2])
local cap, window, budget = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local room = tonumber(ARGV[6])
local celebrities = prefix .. 'celebrities'
local call = redis.call
local spent = 0

local function key(kind, id) return prefix .. kind .. ':' .. id end

-- By bytes, as Python and sorted sets compare; Lua's own `<` follows the server's locale.
local function greater(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a > b end
  end
  return #one > #other
end

local function is_celebrity(author) return call('SISMEMBER', celebrities, author) == 1 end

-- Cuts to less than the window, so that one delivery in some fifty pays for it and not each.
local function cut(feed, held)
  if held > window then call('ZREMRANGEBYRANK', feed, 0, -math.floor((cap + window) / 2) - 1) end
end

-- Adds {'video author', at, ...} to a feed, as far as the promise allows.
local function add(feed, videos)
  local oldest, arguments = nil, {}
  local held = call('ZCARD', feed)
  if held >= cap then oldest = call('ZRANGE', feed, 0, 0, 'WITHSCORES') end
  for i = 1, #videos, 2 do
    local member, at = videos[i], tonumber(videos[i + 1])
    local least = oldest and tonumber(oldest[2])
    if not oldest or at > least or (at == least and not greater(oldest[1], member)) then
      arguments[#arguments + 1] = videos[i + 1]
      arguments[#arguments + 1] = member
    end
  end
  if #arguments > 0 then call('ZADD', feed, unpack(arguments)) end
  cut(feed, held + #arguments / 2)
end

-- Sorts what lies in a user's inbox into the feed: a third of a delivery's work for each. Everybody's inbox may be
-- full at once, and a call that counts less for it holds Redis for several milliseconds.
local function settle(user)
  local inbox = key('inbox', user)
  local items, videos = call('LRANGE', inbox, 0, -1), {}
  if #items == 0 then return end
  call('DEL', inbox)
  for i, item in ipairs(items) do
    local at, member = string.match(item, '^(%S+) (.*)$')
    videos[2 * i - 1], videos[2 * i] = member, at
  end
  spent = spent + #items / 3
  add(key('following', user), videos)
end

local function backfill(feed, author)
  local least = '-inf'
  if call('ZCARD', feed) >= cap then least = call('ZRANGE', feed, 0, 0, 'WITHSCORES')[2] end
  local timeline = key('timeline', author)
  local videos = call('ZRANGE', timeline, '+inf', least, 'BYSCORE', 'REV', 'LIMIT', 0, window, 'WITHSCORES')
  spent = spent + 1 + #videos / 32 -- one command for them all: a sixteenth of a push each
  for i = 1, #videos, 2 do videos[i] = videos[i] .. ' ' .. author end
  add(feed, videos)
end

local function rebuild(user)
  local feed = key('following', user)
  call('DEL', feed)
  for _, author in ipairs(call('SDIFF', key('followed', user), celebrities)) do backfill(feed, author) end
end

-- What is removed must not lie in the inbox: call `settle` before.
local function remove(user, members)
  if #members == 0 then return end
  local feed = key('following', user)
  local held = call('ZCARD', feed)
  local left = held - call('ZREM', feed, unpack(members))
  if held >= cap and left < cap then rebuild(user) end
end

-- Calls `deliver` for each follower after `last`; answers the one to go on after, or nil at the end.
local function fan_out(author, last, deliver)
  while true do
    local from, most = last == '' and '-' or '(' .. last, math.max(1, math.ceil(budget - spent))
    local users = call('ZRANGE', key('followers', author), from, '+', 'BYLEX', 'LIMIT', 0, most)
    for _, user in ipairs(users) do
      deliver(user)
      last, spent = user, spent + 1
      if spent >= budget then return last end
    end
    if #users < most then return nil end
  end
end

-- The part of a cursor that belongs to this phase; another phase's says nothing here.
local function after(cursor, phase)
  return string.sub(cursor, 1, #phase) == phase and string.sub(cursor, #phase + 1) or ''
end

-- Takes a video from its timeline. The feeds it was pushed to follow in take_back, which may need more
-- calls: until it is through, `leaving` remembers whose followers have it.
local function retire(video, author)
  call('ZREM', key('timeline', author), video)
  if call('HDEL', key('video', video), 'pushed') == 1 then call('SADD', key('leaving', video), author) end
end

local function take_back(video, cursor)
  for _, author in ipairs(call('SMEMBERS', key('leaving', video))) do
    local phase, members = '-' .. author .. ' ', {video .. ' ' .. author}
    local last = fan_out(author, after(cursor, phase), function(user)
      settle(user)
      remove(user, members)
    end)
    if last then return phase .. last end
    call('SREM', key('leaving', video), author)
  end
end

local function publish(order, cursor)
  local video, author, at, version = order[2], order[3], order[4], order[5]
  local record = key('video', video)
  local stored = call('HMGET', record, 'author', 'at', 'version', 'deleted')
  if stored[4] then return nil end
  if not stored[1] or greater(stored[3], version) then
    if stored[1] and (stored[1] ~= author or stored[2] ~= at) then retire(video, stored[1]) end
    call('HSET', record, 'author', author, 'at', at, 'version', version)
  else
    author, at = stored[1], stored[2]
  end
  local rest = take_back(video, cursor)
  if rest then return rest end
  call('ZADD', key('timeline', author), at, video)
  if is_celebrity(author) then return nil end
  call('HSET', record, 'pushed', 1)
  local item, inbox = at .. ' ' .. video .. ' ' .. author, prefix .. 'inbox:'
  local last = fan_out(author, after(cursor, '+'), function(user)
    if call('RPUSH', inbox .. user, item) >= room then settle(user) end
  end)
  return last and '+' .. last
end

local function delete(order, cursor)
  local video = order[2]
  call('HSET', key('video', video), 'deleted', 1)
  local author = call('HGET', key('video', video), 'author')
  if author then retire(video, author) end
  return take_back(video, cursor)
end

local function follow(actor, author)
  call('SADD', key('followed', actor), author)
  call('ZADD', key('followers', author), 0, actor)
  if call('ZCARD', key('followers', author)) >= threshold then call('SADD', celebrities, author) end
  if not is_celebrity(author) then backfill(key('following', actor), author) end
end

local function unfollow(actor, author)
  call('SREM', key('followed', actor), author)
  call('ZREM', key('followers', author), actor)
  settle(actor)
  local suffix, members = ' ' .. author, {}
  for _, member in ipairs(call('ZRANGE', key('following', actor), 0, -1)) do
    if string.sub(member, -#suffix) == suffix then members[#members + 1] = member end
  end
  spent = spent + 1 + #members
  remove(actor, members)
end

local function toggle(order)
  local actor, author, version = order[2], order[3], order[4]
  local stored = call('HGET', key('edges', actor), author)
  if stored and not greater(version, string.sub(stored, 2)) then return nil end
  local sign = order[1] == 'follow' and '+' or '-'
  call('HSET', key('edges', actor), author, sign .. version)
  local was = stored and string.sub(stored, 1, 1) or '-'
  if sign == '+' and was == '-' then follow(actor, author) end
  if sign == '-' and was == '+' then unfollow(actor, author) end
  return nil
end

local carry_out = {publish = publish, delete = delete, follow = toggle, unfollow = toggle}
local orders, cursor, more = cjson.decode(ARGV[8]), ARGV[7], ARGV[9] == '1'
for i, order in ipairs(orders) do
  local last = carry_out[order[1]](order, cursor)
  if last then return {i - 1, last} end
  cursor, spent = '', spent + 1
  if spent >= budget and i < #orders then return {i, ''} end
end
return more and {#orders, ''} or ''
