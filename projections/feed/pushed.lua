-- The lists of what was pushed to users: how feed.lua, which follows this text in one script, changes them.
--
--   pushed:{u}  list    'published_at video author', the last pushed last; published_at in 16 digits
--   latest      string  the greatest published_at of all
--
-- A delivery is one RPUSH. Lines come nearly in order of their times, and every so often SORT puts them in order
-- and keeps the last `window`: a sorted set costs several times as much (DECISIONS, 2026-11-29). Other lines:
--
--   '#count floor'  the first of a list that was ever cut: `floor` is a line, and of those that are not less
--                   there are `count` at least
--   '-'             what is before it is in order
--
-- A line that is older than the latest by more than `slack` when it comes, from a partition that lags behind or by
-- a follow, ends in a space: such lines make a list be put in order sooner. What is deeper in a list than any other line has
-- no published_at that is greater by more than `slack`, which tells a reader where to stop (feed_read.lua).
--
-- What a list promises: every pushed video of a followed account that is not less than its floor is there, once;
-- with no floor, all of them are; and with one, `cap` are. So it is made anew when a removal leaves fewer.
-- A space is less than any character of an id, and '#' and '-' less than any digit: SORT, which compares bytes
-- when it stores what it finds, puts lines in the order of (published_at, video) and marks before them.

local prefix, threshold = ARGV[1], tonumber(ARGV[2])
local cap, window, budget = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local spare, slack = tonumber(ARGV[6]), tonumber(ARGV[7])
local celebrities, lists, latest_key = prefix .. 'celebrities', prefix .. 'pushed:', prefix .. 'latest'
local piece = math.min(spare, 64)
local call = redis.call
local spent = 0
local latest = tonumber(call('GET', latest_key) or 0)

local function key(kind, id) return prefix .. kind .. ':' .. id end

-- By bytes, as Python and SORT compare; Lua's own `<` follows the server's locale.
local function greater(one, other)
  for i = 1, math.min(#one, #other) do
    local a, b = string.byte(one, i), string.byte(other, i)
    if a ~= b then return a > b end
  end
  return #one > #other
end

local function plain(line) return string.byte(line, -1) == 32 and string.sub(line, 1, -2) or line end

local function line_of(at, video, author)
  return string.rep('0', 16 - #at) .. at .. ' ' .. video .. ' ' .. author
end

-- The same to be pushed, and whether it comes late.
local function arriving(at, video, author)
  local line, late = line_of(at, video, author), tonumber(at) < latest - slack
  return late and line .. ' ' or line, late
end

local function passes(at)
  if tonumber(at) <= latest then return end
  latest = tonumber(at)
  call('SET', latest_key, at)
end

-- The count and the floor of a list that was ever cut.
local function mark_of(list)
  local first = call('LINDEX', list, 0)
  if first and string.byte(first) == 35 then
    local count, floor = string.match(first, '^#(%d+) (.*)$')
    return tonumber(count), floor
  end
end

local function mark(count, floor) return '#' .. count .. ' ' .. floor end

local rebuild

-- Puts a user's list in order and cuts it. Answers true when it was made anew instead.
local function order(user)
  local list = lists .. user
  local count, floor = mark_of(list)
  if floor then call('LPOP', list) end
  local length = call('LLEN', list)
  local kept =
    call('SORT', list, 'ALPHA', 'LIMIT', math.max(0, length - window), window, 'STORE', list)
  spent = spent + length / 16 -- 0.35 to 0.5 ms for a thousand lines
  local oldest = call('LINDEX', list, 0)
  if length > window then
    if floor and greater(floor, oldest) then -- fewer of those that count than it keeps
      rebuild(user)
      return true
    end
    count, floor = window, plain(oldest)
  elseif oldest == '-' then
    call('LPOP', list)
    kept = kept - 1
  end
  if floor then call('LPUSH', list, mark(count, floor)) end
  if kept > 0 then call('RPUSH', list, '-') end
end

-- How long a list may be: from half of `spare` to all of it beyond the window, by the user's name. Those who follow
-- the same accounts get the same lines, and would all be put in order at the same upload.
local function room(user)
  local some = string.byte(user, -1) + 37 * (string.byte(user, -2) or 0)
  return window + spare - some % (math.floor(spare / 2) + 1)
end

-- Brings lines to a user; `late` when all of them are. Answers true when the list was made anew after that.
local function push(user, lines, late)
  local length = call('RPUSH', lists .. user, unpack(lines))
  local due = length > window + spare / 2 and length > room(user)
  return (due or (late and length % piece < #lines)) and order(user)
end

-- The author's videos on their way to followers with the last follower each has reached, and their number.
local function reaching(author)
  local fields, found = call('HGETALL', key('reaching', author)), {}
  for i = 1, #fields, 2 do found[fields[i]] = fields[i + 1] end
  return found, #fields / 2
end

-- Brings what the author published to a user, as far as the promise asks for it: no more than a list keeps. A
-- video that is on its way and has not reached the user yet will.
local function backfill(user, author)
  local list, coming, on_their_way = lists .. user, reaching(author)
  local _, floor = mark_of(list)
  local least, most = floor and string.match(floor, '^%d+') or '-inf', window + on_their_way
  local timeline = key('timeline', author)
  local videos = call('ZRANGE', timeline, '+inf', least, 'BYSCORE', 'REV', 'LIMIT', 0, most, 'WITHSCORES')
  spent = spent + 1 + #videos / 32
  local lines, late = {}, false
  for i = #videos, 1, -2 do
    local reached = coming[videos[i - 1]]
    if not reached or not greater(user, reached) then
      lines[#lines + 1], late = arriving(videos[i], videos[i - 1], author)
    end
  end
  local oldest = #videos == 2 * most and line_of(videos[#videos], videos[#videos - 1], author)
  if oldest and not (floor and greater(floor, oldest)) then
    if floor then call('LPOP', list) end
    call('LPUSH', list, mark(#lines, oldest))
  end
  if #lines > 0 then push(user, lines, late) end
end

function rebuild(user)
  call('DEL', lists .. user)
  for _, author in ipairs(call('SDIFF', key('followed', user), celebrities)) do backfill(user, author) end
end

-- Minds the promise after so many lines were taken from a user.
local function taken(user, number)
  local list = lists .. user
  local count, floor = mark_of(list)
  if not floor or number == 0 then return end
  if count - number < cap then return rebuild(user) end
  call('LSET', list, 0, mark(count - number, floor))
end

local function take(user, line)
  local list = lists .. user
  taken(user, call('LREM', list, 0, line) + call('LREM', list, 0, line .. ' '))
end

local function take_all_of(user, author)
  local list, suffix, left = lists .. user, ' ' .. author, {}
  local lines = call('LRANGE', list, 0, -1)
  for _, line in ipairs(lines) do
    if string.sub(plain(line), -#suffix) ~= suffix or string.byte(line) == 35 then left[#left + 1] = line end
  end
  spent = spent + 1 + #lines / 16
  if #left == #lines then return end
  call('DEL', list)
  if #left > 0 then call('RPUSH', list, unpack(left)) end
  taken(user, #lines - #left)
end
