-- Decides on a request, charges it, and tells at what instant; all in one step.
--
-- KEYS[1]: charges, a sorted set of one member for each unit of cost, by the microsecond at which it counts as arrived.
-- KEYS[2]: units that are under way, by the microsecond at which they can no longer arrive.
-- KEYS[3]: a hash: `id`, the last number given to a request; `pause`, until when nothing is admitted; `g1`, `g2` ...: of GCRA.
-- ARGV: what to do, the cost, an amount of microseconds or a number, an instant or "", and the rules: "w", requests, microseconds; or
-- "g", nanoseconds for a unit, burst.
--
-- Instants are microseconds since 1970: whole numbers that doubles hold exactly. Nanoseconds are only kept as distances.
local act, cost, amount = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local now = tonumber(ARGV[4])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000000 + time[2]
end
local charges, under_way, meta = KEYS[1], KEYS[2], KEYS[3]
local rules, window, stay = {}, 0, 0
for i = 5, #ARGV, 3 do
  local rule = { kind = ARGV[i], a = tonumber(ARGV[i + 1]), b = tonumber(ARGV[i + 2]), field = 'g' .. ((i - 2) / 3) }
  rules[#rules + 1] = rule
  if rule.kind == 'w' then
    window = math.max(window, rule.b)
    stay = math.max(stay, rule.b)
  else
    stay = math.max(stay, math.ceil(rule.a * rule.b / 1000))
  end
end

local function text(number)
  return string.format('%.0f', number)
end

-- The arrival time of GCRA as the nanoseconds by which it lies after `at`; not before it.
local function ahead(rule, at)
  local kept = redis.call('HGET', meta, rule.field)
  if not kept then return 0 end
  local base, distance = kept:match('^(%d+):(%d+)$')
  return math.max(0, tonumber(distance) - (at - tonumber(base)) * 1000)
end

local function charge(id, units, at)
  if window > 0 then
    for unit = 1, units do
      redis.call('ZADD', charges, text(at), id .. '-' .. unit)
    end
  end
  for _, rule in ipairs(rules) do
    if rule.kind == 'g' and units > 0 then
      redis.call('HSET', meta, rule.field, text(at) .. ':' .. text(ahead(rule, at) + rule.a * units))
    end
  end
end

-- Of two instants the later one: when Redis moved to a machine whose clock is behind, time stands still until it is there. If it is behind by
-- more than all rules take, it was set back, and how much time has passed is unknown: everything counts as used now, and what is under way
-- as arriving at the last moment.
local seen = tonumber(redis.call('HGET', meta, 'seen') or '0')
if seen > now and seen - now <= stay then
  now = seen
elseif seen > now then
  local last = redis.call('ZRANGE', under_way, -1, -1, 'WITHSCORES')
  local arrives = math.max(0, tonumber(last[2] or '0') - seen)
  local pause = math.max(0, tonumber(redis.call('HGET', meta, 'pause') or '0') - seen)
  local id = redis.call('HGET', meta, 'id') or '0'
  redis.call('DEL', charges, under_way, meta)
  redis.call('HSET', meta, 'id', id, 'pause', text(now + math.max(pause, arrives + stay)))
end
redis.call('HSET', meta, 'seen', text(now))

-- What nobody finished in time has arrived at the latest when its time was over.
while true do
  local first = redis.call('ZRANGE', under_way, 0, 0, 'WITHSCORES')
  if not first[1] or tonumber(first[2]) > now then break end
  local id, units = first[1]:match('^(%d+):(%d+)$')
  redis.call('ZREM', under_way, first[1])
  redis.call('HINCRBY', meta, 'held', -units)
  charge(id, tonumber(units), tonumber(first[2]))
end
if window > 0 then
  redis.call('ZREMRANGEBYSCORE', charges, '-inf', text(now - window))
end
local held = tonumber(redis.call('HGET', meta, 'held') or '0')

local answer, retry_at, id = 0, now, '0'
if act == 'finish' then
  local member = ARGV[3] .. ':' .. ARGV[2]
  if redis.call('ZREM', under_way, member) == 1 then
    redis.call('HINCRBY', meta, 'held', -cost)
    charge(ARGV[3], cost, now)
  end
elseif act == 'pause' then
  local pause = tonumber(redis.call('HGET', meta, 'pause') or '0')
  redis.call('HSET', meta, 'pause', text(math.max(pause, now + amount)))
else
  -- The instant at which everything that is needed is free, in microseconds and the nanoseconds after it.
  local nanos = 0
  local function later(at, after)
    if at > retry_at or (at == retry_at and after > nanos) then
      retry_at, nanos = at, after
    end
  end
  for _, rule in ipairs(rules) do
    if rule.kind == 'w' then
      if cost > rule.a then answer = 2 end
      local counted = redis.call('ZCOUNT', charges, '(' .. text(now - rule.b), '+inf')
      local excess = counted + held + cost - rule.a
      if excess > counted then
        later(now + rule.b, 0)
      elseif excess > 0 then
        local before = redis.call('ZCARD', charges) - counted
        local member = redis.call('ZRANGE', charges, before + excess - 1, before + excess - 1, 'WITHSCORES')
        later(tonumber(member[2]) + rule.b, 0)
      end
    else
      if cost > rule.b then answer = 2 end
      local excess = ahead(rule, now) + rule.a * (held + cost - rule.b)
      if excess > 0 then
        later(now + math.floor(excess / 1000), excess % 1000)
      end
    end
  end
  later(tonumber(redis.call('HGET', meta, 'pause') or '0'), 0)
  if answer == 0 and (retry_at > now or nanos > 0) then answer = 1 end
  if answer == 0 and act ~= 'decide' then
    -- Numbers go up even when what was kept expired or was lost, so that none is given twice.
    id = text(math.max(tonumber(redis.call('HGET', meta, 'id') or '0') + 1, now))
    redis.call('HSET', meta, 'id', id)
    if act == 'start' then
      redis.call('ZADD', under_way, text(now + amount), id .. ':' .. text(cost))
      redis.call('HINCRBY', meta, 'held', cost)
      stay = stay + amount
    else
      charge(id, cost, now)
    end
  end
  retry_at = text(retry_at) .. ':' .. text(nanos)
end

-- When nobody asks any more, nothing stays: not before it has stopped to count.
local pause = tonumber(redis.call('HGET', meta, 'pause') or '0')
local last = redis.call('ZRANGE', under_way, -1, -1, 'WITHSCORES')
local until_at = math.max(now, pause, tonumber(last[2] or '0')) + stay
for _, rule in ipairs(rules) do
  if rule.kind == 'g' then until_at = math.max(until_at, now + math.ceil(ahead(rule, now) / 1000) + stay) end
end
for _, key in ipairs(KEYS) do
  redis.call('PEXPIRE', key, text(math.ceil((until_at - now) / 1000) + 1000))
end
return { answer, tostring(retry_at), id, text(now) }
