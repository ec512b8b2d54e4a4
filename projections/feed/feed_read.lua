-- A following feed as {pushed, pulled, likes}: lines of the user's list (pushed.lua) in no order, and {video, published_at, ...}
-- of the celebrities that the user follows; nothing much older than the newest `cap` of both. ARGV: key prefix,
-- user, cap, slack; and when the key of the user's likes comes last, what that says of each video, in this order.
local prefix, user, cap, slack = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local call, byte, sub = redis.call, string.byte, string.sub
local pushed, pulled, least = {}, {}, '-inf'

-- Reads a list from its end until `cap` lines were found that did not come late, and nothing deeper can be as new
-- as the oldest of them: a line that was in order when it came bounds all that is deeper, and where the list is in
-- order each does so exactly. Answers the lines, their times, and the oldest of those `cap`.
local function read_list()
  local list, step, lines, times = prefix .. 'pushed:' .. user, cap + 32, {}, {}
  local oldest, bound, sharp, sorted = math.huge, math.huge, 0, false
  for from = -step, -math.huge, -step do
    local read = call('LRANGE', list, from, from + step - 1)
    for i = #read, 1, -1 do
      local line = read[i]
      local first = byte(line)
      if first == 45 then
        sorted = true
      elseif first ~= 35 then
        local at = tonumber(sub(line, 1, 16))
        lines[#lines + 1], times[#times + 1] = line, at
        if sorted or byte(line, -1) ~= 32 then
          bound = sorted and at or math.min(bound, at + slack)
          if sharp < cap then
            sharp, oldest = sharp + 1, math.min(oldest, at)
          end
          if sharp == cap and bound < oldest then return lines, times, oldest end
        end
      end
    end
    if #read < step then return lines, times, sharp == cap and oldest end
  end
end

local function read_pushed()
  local lines, times, oldest = read_list()
  if not oldest then
    pushed = lines
    return
  end
  least = oldest
  for i, at in ipairs(times) do
    if at >= oldest then pushed[#pushed + 1] = lines[i] end
  end
end

-- Keeps the newest `cap` of what is pulled, and those of the same millisecond as the last of them.
local function cut()
  local times, kept = {}, {}
  for i = 2, #pulled, 2 do times[#times + 1] = tonumber(pulled[i]) end
  table.sort(times, function(one, other) return one > other end)
  local last = times[cap]
  for i = 1, #pulled, 2 do
    if tonumber(pulled[i + 1]) >= last then
      kept[#kept + 1], kept[#kept + 2] = pulled[i], pulled[i + 1]
    end
  end
  pulled, least = kept, math.max(last, tonumber(least) or last)
end

read_pushed()
for _, author in ipairs(call('SINTER', prefix .. 'followed:' .. user, prefix .. 'celebrities')) do
  local timeline = prefix .. 'timeline:' .. author
  local videos = call('ZRANGE', timeline, '+inf', least, 'BYSCORE', 'REV', 'LIMIT', 0, cap, 'WITHSCORES')
  for i = 1, #videos do pulled[#pulled + 1] = videos[i] end
  if #pulled > 8 * cap then cut() end
end

local likes = ARGV[5]
if not likes then return {pushed, pulled} end
if #pushed + #pulled == 0 then return {pushed, pulled, {}} end
local ids = {}
for i = 1, #pushed do ids[i] = string.match(pushed[i], ' (%S+)') end
for i = 1, #pulled, 2 do ids[#ids + 1] = pulled[i] end
return {pushed, pulled, call('HMGET', likes, unpack(ids))}
