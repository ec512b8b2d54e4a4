-- The following feed's write side: orders in, timelines and feeds out, in bounded calls.
--
-- ARGV: key prefix, celebrity threshold, cap, window, budget, inbox, cursor, orders (JSON, as `told` in redis.py),
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
-- is sorted into the zset at once: one by one that took three times as long (DECISIONS, 2026-11-27). What an author
-- uploads in one step goes to each follower together, and without the inbox when that is a quarter of it or more.
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

-- Those of {at, 'video author', ...} that are not older than a feed's oldest.
local function within(videos, oldest)
  local member, least, kept = oldest[1], tonumber(oldest[2]), {}
  for i = 1, #videos, 2 do
    local at = tonumber(videos[i])
    if at > least or (at == least and not greater(member, videos[i + 1])) then
      kept[#kept + 1] = videos[i]
      kept[#kept + 1] = videos[i + 1]
    end
  end
  return kept
end

-- Adds {at, 'video author', ...} to a feed, as far as the promise allows. `first` is the least of their times.
local function add(feed, videos, first)
  local held = call('ZCARD', feed)
  if held >= cap then
    local oldest = call('ZRANGE', feed, 0, 0, 'WITHSCORES')
    if first <= tonumber(oldest[2]) then videos = within(videos, oldest) end
  end
  if #videos > 0 then call('ZADD', feed, unpack(videos)) end
  cut(feed, held + #videos / 2)
end

local function first_of(videos)
  local first = tonumber(videos[1])
  for i = 3, #videos, 2 do first = math.min(first, tonumber(videos[i])) end
  return first
end

-- Sorts what lies in a user's inbox into the feed: a third of a delivery's work for each. Everybody's inbox may be
-- full at once, and a call that counts less for it holds Redis for several milliseconds.
local function settle(user)
  local inbox = key('inbox', user)
  local items, videos = call('LRANGE', inbox, 0, -1), {}
  if #items == 0 then return end
  call('DEL', inbox)
  for i, item in ipairs(items) do
    videos[2 * i - 1], videos[2 * i] = string.match(item, '^(%S+) (.*)$')
  end
  spent = spent + #items / 3
  add(key('following', user), videos, first_of(videos))
end

local function backfill(feed, author)
  local least = '-inf'
  if call('ZCARD', feed) >= cap then least = call('ZRANGE', feed, 0, 0, 'WITHSCORES')[2] end
  local timeline = key('timeline', author)
  local videos = call('ZRANGE', timeline, '+inf', least, 'BYSCORE', 'REV', 'LIMIT', 0, window, 'WITHSCORES')
  spent = spent + 1 + #videos / 32 -- one command for them all: a sixteenth of a push each
  for i = 1, #videos, 2 do videos[i], videos[i + 1] = videos[i + 1], videos[i] .. ' ' .. author end
  if #videos > 0 then add(feed, videos, first_of(videos)) end
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

-- Calls `deliver` for each follower after `last`, each as much work as `cost` feeds with one video more; answers
-- the follower to go on after, or nil at the end.
local function fan_out(author, last, cost, deliver)
  while true do
    local from, most = last == '' and '-' or '(' .. last, math.max(1, math.ceil((budget - spent) / cost))
    local users = call('ZRANGE', key('followers', author), from, '+', 'BYLEX', 'LIMIT', 0, most)
    for _, user in ipairs(users) do
      deliver(user)
      last, spent = user, spent + cost
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
    local phase, members = '-' .. video .. ' ' .. author .. ' ', {video .. ' ' .. author}
    local last = fan_out(author, after(cursor, phase), 1, function(user)
      settle(user)
      remove(user, members)
    end)
    if last then return phase .. last end
    call('SREM', key('leaving', video), author)
  end
end

-- Takes down that a video is the author's, unless another publication of it or its deletion is what counts. Answers
-- whether it is to be delivered, and a cursor while it still has to be taken from the feeds of another's followers.
local function enter(author, pulled, upload, cursor)
  local video, at, version = upload[1], upload[2], upload[3]
  local record = key('video', video)
  local stored = call('HMGET', record, 'author', 'at', 'version', 'deleted', 'pushed')
  local pushed = stored[5]
  if stored[4] or (stored[1] and greater(version, stored[3])) then return false end
  if stored[3] ~= version then
    if stored[1] and (stored[1] ~= author or stored[2] ~= at) then
      retire(video, stored[1])
      pushed = false
    end
    call('HSET', record, 'author', author, 'at', at, 'version', version)
  end
  local rest = take_back(video, cursor)
  if rest then return false, rest end
  if not pushed then
    call('ZADD', key('timeline', author), at, video)
    if not pulled then call('HSET', record, 'pushed', 1) end
  end
  return not pulled
end

-- What a delivery of {at, 'video author', ...} costs, and what brings them to a follower.
local function delivery(videos)
  local number = #videos / 2
  if number > 1 and number >= room / 4 then
    local feed, first = prefix .. 'following:', first_of(videos)
    return 1 + number / 2, function(user) add(feed .. user, videos, first) end
  end
  local inbox, items = prefix .. 'inbox:', {}
  for i = 1, number do items[i] = videos[2 * i - 1] .. ' ' .. videos[2 * i] end
  return 1, function(user)
    if call('RPUSH', inbox .. user, unpack(items)) >= room then settle(user) end
  end
end

local function publish(order, cursor)
  local author, videos = order[2], {}
  local pulled = is_celebrity(author)
  for _, upload in ipairs(order[3]) do
    local delivered, rest = enter(author, pulled, upload, cursor)
    if rest then return rest end
    if delivered then
      videos[#videos + 1] = upload[2]
      videos[#videos + 1] = upload[1] .. ' ' .. author
    end
  end
  if #videos == 0 then return nil end
  local last = fan_out(author, after(cursor, '+'), delivery(videos))
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
