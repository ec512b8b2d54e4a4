-- The following feed's write side: orders in, timelines and feeds out, in bounded calls. Follows pushed.lua in one
-- script.
--
-- ARGV: key prefix, celebrity threshold, cap, window, budget, spare, slack, cursor, orders (JSON, as `told` in
-- carrying.py), '1' when there are more orders than these. Answers '' when every order is done, else {orders done,
-- cursor}: call again with the rest. Every order may be carried out again from its beginning: nothing changes.
--
--   edges:{u}      hash   account -> '+' or '-' and the version; tombstones kept
--   followed:{u}   set    whom u follows now
--   followers:{a}  zset   who follows a now; all scores 0, so that a fan-out can go on after a name
--   video:{v}      hash   author, at, version, deleted, pushed
--   reaching:{a}   hash   video of a on its way to the followers -> the last whom it has reached
--   leaving:{v}    set    'published_at author': v is being taken back from the lists of the author's followers
--   timeline:{a}   zset   a's videos by published_at
--   celebrities    set    accounts that once had `threshold` followers: pulled at read from then on
--
-- What an author uploads in one step goes to each follower together, and to each once: a fan-out that is begun
-- again, or by two workers, goes on where `reaching` says, and of those who follow meanwhile each gets the video
-- from the timeline or from the fan-out, but not from both.

local function is_celebrity(author) return call('SISMEMBER', celebrities, author) == 1 end

-- Calls `visit` for each follower after `last`, each as much work as `cost` deliveries of one video; answers the
-- follower to go on after, or nil at the end.
local function fan_out(author, last, cost, visit)
  while true do
    local from, most = last == '' and '-' or '(' .. last, math.max(1, math.ceil((budget - spent) / cost))
    local users = call('ZRANGE', key('followers', author), from, '+', 'BYLEX', 'LIMIT', 0, most)
    for _, user in ipairs(users) do
      visit(user)
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

-- Takes a video from its timeline. The lists it was pushed to follow in take_back, which may need more
-- calls: until it is through, `leaving` remembers whose followers have it.
local function retire(video, author, at)
  call('ZREM', key('timeline', author), video)
  call('HDEL', key('reaching', author), video)
  if call('HDEL', key('video', video), 'pushed') == 1 then
    call('SADD', key('leaving', video), at .. ' ' .. author)
  end
end

local function take_back(video, cursor)
  for _, leaving in ipairs(call('SMEMBERS', key('leaving', video))) do
    local at, author = string.match(leaving, '^(%d+) (.*)$')
    local phase, line = '-' .. video .. ' ' .. leaving .. ' ', line_of(at, video, author)
    local last = fan_out(author, after(cursor, phase), 8, function(user) take(user, line) end)
    if last then return phase .. last end
    call('SREM', key('leaving', video), leaving)
  end
end

-- Takes down that a video is the author's. Answers false when another publication of it or its deletion is what
-- counts, and a cursor while it still has to be taken from the lists of another's followers.
local function enter(author, pulled, upload, cursor)
  local video, at, version = upload[1], upload[2], upload[3]
  local record = key('video', video)
  local stored = call('HMGET', record, 'author', 'at', 'version', 'deleted', 'pushed')
  local pushed = stored[5]
  if stored[4] or (stored[1] and greater(version, stored[3])) then return false end
  if stored[3] ~= version then
    if stored[1] and (stored[1] ~= author or stored[2] ~= at) then
      retire(video, stored[1], stored[2])
      pushed = false
    end
    call('HSET', record, 'author', author, 'at', at, 'version', version)
  end
  if pushed then return true end
  local rest = take_back(video, cursor)
  if rest then return true, rest end
  passes(at)
  call('ZADD', key('timeline', author), at, video)
  if not pulled then
    call('HSET', record, 'pushed', 1)
    call('HSET', key('reaching', author), video, '')
  end
  return true
end

-- Those of the uploads that are on their way, and the least that they have reached.
local function under_way(author, uploads)
  local coming, found, least = reaching(author), {}, nil
  for _, upload in ipairs(uploads) do
    local video, reached = upload[1], coming[upload[1]]
    if reached then
      local line, late = arriving(upload[2], video, author)
      found[#found + 1] = {video = video, line = line, late = late, reached = reached}
      if not least or greater(least, reached) then least = reached end
    end
  end
  return found, least
end

-- Brings lines that are on their way to a user: again when the list was made anew, without what is on its way.
local function deliver(user, lines, late)
  if push(user, lines, late) then push(user, lines, late) end
end

-- What brings all of them to a follower: those that have not reached it.
local function delivery(coming, least)
  local lines, even, late = {}, true, true
  for i, one in ipairs(coming) do
    lines[i], even, late = one.line, even and one.reached == least, late and one.late
  end
  if even then return function(user) deliver(user, lines, late) end end
  return function(user)
    local due = {}
    for _, one in ipairs(coming) do
      if greater(user, one.reached) then due[#due + 1] = one.line end
    end
    deliver(user, due, late)
  end
end

-- Remembers whom they have reached; nobody is left when `last` is nil.
local function reach(author, coming, last)
  local names, hash = {}, key('reaching', author)
  for _, one in ipairs(coming) do
    names[#names + 1] = one.video
    if last then names[#names + 1] = greater(last, one.reached) and last or one.reached end
  end
  call(last and 'HSET' or 'HDEL', hash, unpack(names))
end

local function publish(order, cursor)
  local author, uploads = order[2], {}
  local pulled = is_celebrity(author)
  for _, upload in ipairs(order[3]) do
    local counts, rest = enter(author, pulled, upload, cursor)
    if rest then return rest end
    if counts then uploads[#uploads + 1] = upload end
  end
  if pulled then
    call('DEL', key('reaching', author))
    return nil
  end
  local coming, least = under_way(author, uploads)
  if #coming == 0 then return nil end
  local cost = 1 + #coming / 6 -- of ten lines in one RPUSH each takes a sixth of what one by itself does
  local last = fan_out(author, least, cost, delivery(coming, least))
  reach(author, coming, last)
  return last and '+'
end

local function delete(order, cursor)
  local video = order[2]
  call('HSET', key('video', video), 'deleted', 1)
  local stored = call('HMGET', key('video', video), 'author', 'at')
  if stored[1] then retire(video, stored[1], stored[2]) end
  return take_back(video, cursor)
end

local function follow(actor, author)
  call('SADD', key('followed', actor), author)
  call('ZADD', key('followers', author), 0, actor)
  if call('ZCARD', key('followers', author)) >= threshold then call('SADD', celebrities, author) end
  if not is_celebrity(author) then backfill(actor, author) end
end

local function unfollow(actor, author)
  call('SREM', key('followed', actor), author)
  call('ZREM', key('followers', author), actor)
  take_all_of(actor, author)
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
local orders, cursor, more = cjson.decode(ARGV[9]), ARGV[8], ARGV[10] == '1'
for i, order in ipairs(orders) do
  local last = carry_out[order[1]](order, cursor)
  if last then return {i - 1, last} end
  cursor, spent = '', spent + 1
  if spent >= budget and i < #orders then return {i, ''} end
end
return more and {#orders, ''} or ''
