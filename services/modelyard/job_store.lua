-- The steps of a job's life. Each runs alone in the server, reads the server's clock, and answers JSON.
--
--   job:<id>           the record, a hash
--   events:<id>        what happened, a stream
--   queue:<queue>      waiting jobs by priority and age
--   active             held jobs by the end of their lease, in milliseconds
--   jobs, state:<STATE>   all jobs, and those of a state, by age
--   index:<field>:<value>   those of a model, a name or a task, by age
--   epochs:<id>        what each epoch came to, the last time that it was done
--   counts             how many jobs are in `<queue>|<STATE>`
--   key:<sha>          idempotency key → id
--   version:<model>    the highest version number given out
--   unjournaled        jobs whose end is not in the journal yet
--   news               a channel: the ids of jobs that something happened to

local prefix = KEYS[1]
local action = ARGV[1]
local args = cjson.decode(ARGV[2])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local INDEXED = {'model', 'name', 'task'}
local TERMINAL = {SUCCEEDED = true, FAILED = true, CANCELLED = true, EXPIRED = true}

local function key(...) return prefix .. table.concat({...}, ':') end
local function get(id, field) return redis.call('HGET', key('job', id), field) end
local function number(id, field) return tonumber(get(id, field) or '0') end
local function set(id, ...) redis.call('HSET', key('job', id), ...) end

local function emit(id, event, data)
  data.at = now / 1000
  data.attempt = number(id, 'attempt')
  local text = cjson.encode(data)
  redis.call('XADD', key('events', id), 'MAXLEN', '~', 100000, '*', 'event', event, 'data', text)
  if event == 'epoch' and data.epoch then redis.call('HSET', key('epochs', id), data.epoch, text) end
  redis.call('PUBLISH', key('news'), id)
end

local function move(id, state, reason, message)
  local old, queue, created = get(id, 'state'), get(id, 'queue'), get(id, 'created')
  if old then
    redis.call('ZREM', key('state', old), id)
    redis.call('HINCRBY', key('counts'), queue .. '|' .. old, -1)
  end
  redis.call('ZADD', key('state', state), created, id)
  redis.call('HINCRBY', key('counts'), queue .. '|' .. state, 1)
  set(id, 'state', state, 'reason', reason or '', 'message', message or '')
  emit(id, 'state', {state = state, reason = reason or '', message = message or ''})
end

local function enqueue(id, reason, message)
  redis.call('ZREM', key('active'), id)
  set(id, 'owner', '', 'worker', '')
  move(id, 'QUEUED', reason, message)
  redis.call('ZADD', key('queue', get(id, 'queue')), number(id, 'rank'), id)
end

local function finish(id, state, reason, message)
  redis.call('ZREM', key('active'), id)
  redis.call('ZREM', key('queue', get(id, 'queue')), id)
  set(id, 'finished', now, 'owner', '')
  redis.call('SADD', key('unjournaled'), id)
  move(id, state, reason, message)
  emit(id, 'end', {state = state, reason = reason or '', message = message or ''})
end

-- A worker that held the job does so no longer, and the job is not done.
local function give_back(id, reason, message, is_loss)
  if get(id, 'cancel') == '1' then
    return finish(id, 'CANCELLED', 'USER', 'cancelled by request')
  end
  if is_loss then
    local progressed = number(id, 'checkpoint') > number(id, 'claimed_checkpoint')
    local losses = progressed and 0 or number(id, 'losses') + 1
    set(id, 'losses', losses)
    if losses >= args.max_losses then
      return finish(id, 'FAILED', 'POISON', losses .. ' attempts in a row were lost without progress; the last: ' .. message)
    end
  end
  enqueue(id, reason, message)
end

local function raise_version(model, least)
  local version = math.max(tonumber(redis.call('GET', key('version', model)) or '0'), least)
  redis.call('SET', key('version', model), version)
  return version
end

local function holds(id)
  return get(id, 'owner') == args.owner and number(id, 'fence') == args.fence and not TERMINAL[get(id, 'state') or 'FAILED']
end

local actions = {}

function actions.submit()
  local id = args.id
  if args.key ~= '' then
    local known = redis.call('HMGET', key('key', args.key), 'id', 'digest')
    if known[1] then return {id = known[1], created = false, conflict = known[2] ~= args.digest} end
    redis.call('HSET', key('key', args.key), 'id', id, 'digest', args.digest)
    redis.call('EXPIRE', key('key', args.key), args.key_seconds)
  end
  if get(id, 'state') then return {id = id, created = false, conflict = get(id, 'digest') ~= args.digest} end
  local created = args.created or now
  set(id, 'id', id, 'name', args.name, 'queue', args.queue, 'request', args.request, 'digest', args.digest,
      'model', args.model, 'max_ms', args.max_ms, 'created', created, 'rank', args.priority * 1e13 + created, 'fence', args.fence,
      'epochs', args.epochs, 'task', args.task, 'parent', args.parent or '')
  if args.version then
    set(id, 'version', args.version)
    raise_version(args.model, args.version)
  end
  redis.call('ZADD', key('jobs'), created, id)
  for _, field in ipairs(INDEXED) do
    local value = get(id, field)
    if value ~= '' then redis.call('ZADD', key('index', field, value), created, id) end
  end
  if args['end'] then
    local last = args['end']
    set(id, 'metrics', cjson.encode(last.metrics), 'baseline', cjson.encode(last.baseline), 'violations', last.violations)
    finish(id, last.state, last.reason, last.message)
    redis.call('SREM', key('unjournaled'), id)
  elseif args.cancel then
    move(id, 'QUEUED')
    finish(id, 'CANCELLED', 'USER', 'cancelled by request')
  else
    enqueue(id)
  end
  return {id = id, created = true, conflict = false}
end

function actions.claim_next()
  while true do
    local next = redis.call('ZPOPMIN', key('queue', args.queue))
    local id = next[1]
    if not id then return {} end
    if get(id, 'state') == 'QUEUED' then
      redis.call('HINCRBY', key('job', id), 'fence', 1)
      redis.call('HINCRBY', key('job', id), 'attempt', 1)
      redis.call('HSETNX', key('job', id), 'started', now)
      set(id, 'owner', args.owner, 'worker', args.worker, 'progress', now, 'claimed_checkpoint', number(id, 'checkpoint'))
      redis.call('ZADD', key('active'), now + args.lease_ms, id)
      move(id, 'STARTING')
      return {id = id, fence = number(id, 'fence')}
    end
  end
end

function actions.renew()
  if not holds(args.id) then return {held = false} end
  redis.call('ZADD', key('active'), now + args.lease_ms, args.id)
  return {
    held = true,
    cancel = get(args.id, 'cancel') == '1',
    expired = not get(args.id, 'granted') and now > number(args.id, 'started') + number(args.id, 'max_ms'),
  }
end

function actions.update()
  if not holds(args.id) then return {held = false} end
  for field, value in pairs(args.fields) do set(args.id, field, value) end
  if args.progress then set(args.id, 'progress', now) end
  local state = get(args.id, 'state')
  if args.state and args.state ~= state and state ~= 'CANCELLING' and state ~= 'PUBLISHING' then move(args.id, args.state) end
  if args.event then emit(args.id, args.event, args.data) end
  return {held = true}
end

function actions.allocate()
  if not holds(args.id) then return {held = false} end
  local version = number(args.id, 'version')
  if version == 0 then
    version = raise_version(args.model, args.floor) + 1
    raise_version(args.model, version)
    set(args.id, 'version', version)
  end
  return {held = true, version = version}
end

-- The point of no return: from here on, in this attempt and all that follow, a cancel comes too late.
function actions.grant_publish()
  if not holds(args.id) or get(args.id, 'cancel') == '1' then return {held = false} end
  redis.call('ZADD', key('active'), now + args.lease_ms, args.id)
  set(args.id, 'granted', 1)
  if get(args.id, 'state') ~= 'PUBLISHING' then move(args.id, 'PUBLISHING') end
  return {held = true}
end

function actions.finish()
  if not holds(args.id) then return {held = false} end
  for field, value in pairs(args.fields) do set(args.id, field, value) end
  finish(args.id, args.state, args.reason, args.message)
  return {held = true}
end

function actions.release()
  if not holds(args.id) then return {held = false} end
  give_back(args.id, args.reason, args.message, args.is_loss)
  return {held = true, state = get(args.id, 'state')}
end

function actions.cancel()
  local id, state = args.id, get(args.id, 'state')
  if not state then return {taken = false} end
  if TERMINAL[state] or get(id, 'granted') then return {taken = false} end
  if state == 'QUEUED' then
    set(id, 'cancel', 1)
    finish(id, 'CANCELLED', 'USER', 'cancelled by request')
  elseif state ~= 'CANCELLING' then
    set(id, 'cancel', 1)
    move(id, 'CANCELLING', 'USER', 'the trainer is told to stop')
  end
  return {taken = true}
end

function actions.rescue()
  local rescued = {}
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', key('active'), '-inf', '(' .. now)) do
    give_back(id, 'WORKER_LOST', 'the lease of ' .. get(id, 'worker') .. ' ran out', true)
    rescued[#rescued + 1] = {id = id, state = get(id, 'state')}
  end
  return {rescued = rescued}
end

-- The ids of a page, newest first, from the shortest index that holds all of them. Several jobs may share a
-- millisecond; those come in the reverse order of their ids. Looks at `most` jobs and no further: the page may
-- be short, and the next one goes on from `score` and `id`.
function actions.page()
  local index, size = key('jobs'), nil
  for field, value in pairs(args.filter) do
    local candidate = field == 'state' and key('state', value) or key('index', field, value)
    local length = redis.call('ZCARD', candidate)
    if not size or length < size then index, size = candidate, length end
  end
  local at = args.after and redis.call('ZCOUNT', index, '(' .. args.after.score, '+inf') or 0
  local found, seen, last = {}, 0, nil
  while true do
    local rows = redis.call('ZREVRANGE', index, at, at + 199, 'WITHSCORES')
    if #rows == 0 then return {ids = found, more = false} end
    for i = 1, #rows, 2 do
      local id, score = rows[i], rows[i + 1]
      if not args.after or tonumber(score) < tonumber(args.after.score) or id < args.after.id then
        if #found == args.limit or seen == args.most then
          return {ids = found, more = true, score = last.score, id = last.id}
        end
        local fits = true
        for field, value in pairs(args.filter) do fits = fits and get(id, field) == value end
        if fits then found[#found + 1] = id end
        seen, last = seen + 1, {score = score, id = id}
      end
    end
    at = at + 200
  end
end

function actions.heartbeat()
  redis.call('HSET', key('workers'), args.worker, cjson.encode({seen = now / 1000, status = args.status}))
  return {now = now / 1000}
end

return cjson.encode(actions[action]())
