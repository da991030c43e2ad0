-- What wrk sends. SCENARIO names it, USERS is how many users there are; their ids are 1 to USERS, the groups have the next two.
local scenario, users = os.getenv("SCENARIO"), tonumber(os.getenv("USERS"))
local members = math.min(users, 20000)
local json = { ["Content-Type"] = "application/scim+json", ["Authorization"] = "Bearer secret" }
failed, slot = 0, 0 -- of one thread: globals, for wrk reads and sets them
local threads = {}
local serial, member = 0, 1

function setup(thread)
  thread:set("slot", #threads)
  table.insert(threads, thread)
end

local function any() return math.random(1, users) end

local function patch(path, operation)
  local body = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[' .. operation .. "]}"
  return wrk.format("PATCH", path, json, body)
end

local function read(path) return wrk.format("GET", path, json) end

local function user(name)
  return '{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"],"userName":"' .. name .. '","active":true,' ..
    '"name":{"givenName":"New","familyName":"User"},"emails":[{"type":"work","value":"' .. name .. '"}]}'
end

local function new_name()
  serial = serial + 1
  return "new" .. os.getenv("RUN") .. "-" .. slot .. "-" .. serial .. "@example.com"
end

-- Removes a member and adds it again, so that both requests change something, however large the group is.
local function membership(group, last)
  serial = serial + 1
  local path = "/scim/v2/Groups/" .. group .. "?excludedAttributes=members"
  if serial % 2 == 1 then
    member = math.random(1, last)
    return patch(path, '{"op":"remove","path":"members[value eq \\"' .. member .. '\\"]"}')
  end
  return patch(path, '{"op":"add","path":"members","value":[{"value":"' .. member .. '","type":"User"}]}')
end

local requests = {
  bare = function() return read("/bare") end,
  get = function() return read("/scim/v2/Users/" .. any()) end,
  username = function() return read("/scim/v2/Users?filter=userName%20eq%20%22user" .. any() .. "@example.com%22") end,
  email = function()
    return read("/scim/v2/Users?filter=emails%5Btype%20eq%20%22work%22%5D.value%20eq%20%22user" .. any() .. "@example.com%22")
  end,
  page = function() return read("/scim/v2/Users?count=100") end,
  deep_index = function() return read("/scim/v2/Users?count=100&startIndex=" .. math.floor(users * 0.9)) end,
  deep_cursor = function() return read("/scim/v2/Users?count=100&cursor=" .. os.getenv("CURSOR")) end,
  sorted = function() return read("/scim/v2/Users?count=100&sortBy=userName") end,
  patch = function()
    serial = serial + 1
    return patch("/scim/v2/Users/" .. any(), '{"op":"replace","path":"active","value":' .. tostring(serial % 2 == 0) .. "}")
  end,
  member_of_large = function() return membership(users + 1, members) end,
  member_of_small = function() return membership(users + 2, math.min(members, 20)) end,
  create = function() return wrk.format("POST", "/scim/v2/Users", json, user(new_name())) end,
  bulk = function()
    local operations = {}
    for n = 1, 1000 do
      operations[n] = '{"method":"POST","path":"/Users","bulkId":"b' .. n .. '","data":' .. user(new_name()) .. "}"
    end
    local body = '{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[' .. table.concat(operations, ",") .. "]}"
    return wrk.format("POST", "/scim/v2/Bulk", json, body)
  end,
}

request = requests[scenario] or error("no scenario " .. tostring(scenario))

function response(status)
  if status >= 400 then failed = failed + 1 end
end

-- One line: the requests, requests a second, p50 and p99 in milliseconds, answers of 4xx and 5xx, requests without an answer.
function done(summary, latency)
  local seconds = summary.duration / 1e6
  local refused = 0
  for _, thread in ipairs(threads) do refused = refused + thread:get("failed") end
  local errors = summary.errors
  io.write(string.format("wrk: %d %.3f %.2f %.2f %d %d\n", summary.requests, summary.requests / seconds,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000, refused,
    errors.connect + errors.read + errors.write + errors.timeout))
end
