"""What Redis carries out in one step each: to read records together with the time, to commit changes, to turn a document over.

All names are made of one prefix and have one hash tag, so that a cluster keeps them together. Beside the records of a kind
(a hash: name to revision, end and body) stands the order in which they were first put; beside all of them, when they end,
which commits of the last minute were made, and the store's time. A revision is the token of the commit that wrote it: drawn
by whoever commits, so that none comes a second time, whatever a replica that takes over has lost.
"""

from flipsnack_mcp.store.clock import LONGEST_REST

REMEMBERED_FOR = 60.0
"""Seconds in which it can be asked whether a commit was made; none arrives later than that and still counts."""
SWEPT_AT_ONCE = 200

# KEYS[1] is the store's clock; all other names begin like it. ARGV[1] is what is asked, as JSON.
# The store's time goes on with the server's clock, never back (whoever asks says what it saw last), and by no more than a long
# rest at once.
COMMON = f"""
local clock, prefix, asked = KEYS[1], string.sub(KEYS[1], 1, -6), cjson.decode(ARGV[1])
local at = redis.call('TIME')
local wall = asked.wall or at[1] + at[2] / 1000000
local kept = redis.call('HMGET', clock, 'now', 'wall')
local now = wall
if kept[1] then now = kept[1] + math.min(math.max(wall - kept[2], 0), {LONGEST_REST}) end
now = math.max(now, asked.seen or 0)
if asked.time then now, wall = asked.time, asked.time end
local function exact(number) return string.format('%.6f', number) end
local function keep_time() redis.call('HSET', clock, 'now', exact(now), 'wall', exact(wall)) end
"""

RECORDS = f"""{COMMON}
local kinds, ends, commits = prefix .. 'kinds', prefix .. 'ends', prefix .. 'commits'
local function bodies(kind) return prefix .. 'records:' .. kind end
local function order(kind) return prefix .. 'order:' .. kind end
local function revision(kind, name)
  local found = redis.call('HGET', bodies(kind), name)
  return found and string.match(found, '^[^\\n]*') or ''
end
local function remove(kind, name)
  redis.call('HDEL', bodies(kind), name)
  redis.call('ZREM', order(kind), name)
  redis.call('ZREM', ends, kind .. '\\0' .. name)
end

local function answer(status)
  local found, whole = {{}}, {{}}
  if status ~= 'written' then
    for i, one in ipairs(asked.gets) do found[i] = redis.call('HGET', bodies(one[1]), one[2]) end
    for i, kind in ipairs(asked.kinds) do
      local names, all = redis.call('ZRANGE', order(kind), 0, -1), redis.call('HGETALL', bodies(kind))
      whole[i] = {{redis.call('HGET', kinds, kind) or '', names, all}}
    end
  end
  return {{status, exact(now), exact(wall), found, whole}}
end

local commit = asked.commit
if not commit then return answer('read') end
if redis.call('ZSCORE', commits, commit.token) then return answer('written') end
local refused = 'refused ' .. commit.token
local stale = redis.call('ZSCORE', commits, refused) or wall - commit.read > {REMEMBERED_FOR} or commit.read > wall
for _, one in ipairs(commit.gets) do stale = stale or revision(one[1], one[2]) ~= one[3] end
for _, one in ipairs(commit.kinds) do stale = stale or (redis.call('HGET', kinds, one[1]) or '') ~= one[2] end
if stale then
  if commit.again then redis.call('ZADD', commits, wall, refused) end
  return answer('conflict')
end
for _, one in ipairs(commit.changes) do redis.call('ZCARD', order(one[1])) end

local over = redis.call('ZRANGEBYSCORE', ends, '-inf', exact(now), 'LIMIT', 0, {SWEPT_AT_ONCE})
for _, one in ipairs(over) do
  local cut = string.find(one, '\\0', 1, true)
  remove(string.sub(one, 1, cut - 1), string.sub(one, cut + 1))
end
keep_time()
redis.call('ZREMRANGEBYSCORE', commits, '-inf', wall - 2 * {REMEMBERED_FOR})
redis.call('ZADD', commits, wall, commit.token)
for _, one in ipairs(commit.changes) do
  local kind, name, body, last = one[1], one[2], one[3], one[4]
  local member = kind .. '\\0' .. name
  local ended = redis.call('ZSCORE', ends, member)
  if body == '' or (ended and tonumber(ended) <= now) then remove(kind, name) end
  if body ~= '' then
    redis.call('ZADD', order(kind), 'NX', redis.call('HINCRBY', clock, 'seq', 1), name)
    redis.call('HSET', bodies(kind), name, commit.token .. '\\n' .. last .. '\\n' .. body)
    if last == '' then redis.call('ZREM', ends, member) else redis.call('ZADD', ends, last, member) end
  end
  redis.call('HSET', kinds, kind, commit.token)
end
return answer('written')
"""

# All that a file held, in one step; the store's time goes on as it was there, or what is young would be old.
ARRIVAL = f"""{COMMON}
local ends, token = prefix .. 'ends', asked.commit.token
if redis.call('HGET', clock, 'arrived') == token then return {{'written', exact(now)}} end
if redis.call('EXISTS', prefix .. 'kinds', ends) > 0 then return {{'taken', exact(now)}} end
redis.call('HSET', clock, 'arrived', token, 'now', exact(asked.commit.now), 'wall', exact(wall))
for i, one in ipairs(asked.commit.rows) do
  local kind, name, body, last = one[1], one[2], one[3], one[4]
  redis.call('ZADD', prefix .. 'order:' .. kind, redis.call('HINCRBY', clock, 'seq', 1), name)
  redis.call('HSET', prefix .. 'records:' .. kind, name, token .. '\\n' .. last .. '\\n' .. body)
  redis.call('HSET', prefix .. 'kinds', kind, token)
  if last ~= '' then redis.call('ZADD', ends, last, kind .. '\\0' .. name) end
end
return {{'written', exact(now)}}
"""

# Documents that are small and change often: read, and set where nobody else did since. Whoever changes one is alive by that.
# Where the store's own mark is not the one that somebody knew, all was lost in between, and for a while everybody is told.
DOCUMENTS = f"""{COMMON}
local replicas = prefix .. 'replicas'
local function place(name) return prefix .. 'document:' .. name end
local function token(document) return document and string.match(document, '^[^\\n]*') or '' end

local mark = redis.call('HGET', clock, 'mark')
if not mark then
  mark = asked.draw
  redis.call('HSET', clock, 'mark', mark)
end
if asked.mark ~= '' and asked.mark ~= mark then redis.call('HSET', clock, 'emptied', exact(now)) end

local status, commit = 'read', asked.commit
if commit then
  local is = token(redis.call('GET', place(commit.name)))
  if is == commit.was then
    redis.call('SET', place(commit.name), commit.token .. '\\n' .. commit.text, 'PX', asked.keep)
    keep_time()
    is = commit.token
  end
  status = is == commit.token and 'written' or 'conflict'
end
if asked.alive then
  keep_time()
  redis.call('ZREMRANGEBYSCORE', replicas, '-inf', exact(now - asked.lives))
  redis.call('ZADD', replicas, exact(now), asked.alive)
end
if asked.leaves then redis.call('ZREM', replicas, asked.leaves) end
local found = {{}}
for i, name in ipairs(asked.names) do found[i] = redis.call('GET', place(name)) end
local live = redis.call('ZRANGEBYSCORE', replicas, exact(now - asked.lives), '+inf')
return {{status, exact(now), mark, redis.call('HGET', clock, 'emptied') or '', live, found}}
"""
