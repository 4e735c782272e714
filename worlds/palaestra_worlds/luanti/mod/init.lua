-- The game's side of the bridge: asks a program on this machine what to do, does it, and says what became of it.
--
-- Requests go out by the engine's own HTTP client, which works in a thread of its own: the step callback below never
-- waits, so the world's clock goes on. The program answers only to who knows the token.

local PROTOCOL = 1
local SILENCE = 20 -- Seconds of failing requests after which the server is shut down: nobody is there any more.
local RETRY = 0.25

palaestra = {}
palaestra.commands = {}
palaestra.is_easy = core.settings:get_bool("palaestra.easy", false)

local http = core.request_http_api()
local url = core.settings:get("palaestra.url")
local token = core.settings:get("palaestra.token")
if not http or not url or not token then
	error("palaestra: needs secure.http_mods = palaestra, palaestra.url and palaestra.token in the configuration")
end

local folder = core.get_modpath("palaestra") .. "/"
for _, name in ipairs({"body", "hands", "stations", "level", "about"}) do
	dofile(folder .. name .. ".lua")
end

local job = nil -- The coroutine of the command that is being carried out, and its number.
local silent = 0
local wait = 0
local last = {id = 0} -- What became of the last command, should its answer be lost.
local message = {protocol = PROTOCOL, game = core.get_game_info and core.get_game_info().id or ""}
local is_asking, is_failing = false, false

local ask

local function done(result)
	is_asking = false
	if result.code == 403 then
		core.log("error", "palaestra: wrong token")
		core.request_shutdown("wrong token", false, 0)
		return
	end
	if not result.succeeded or result.code ~= 200 then
		wait, is_failing = RETRY, true
		return
	end
	is_failing, silent = false, 0
	message = nil
	if result.data == "" then
		return
	end
	local command = core.parse_json(result.data)
	if command.id == last.id then
		message = last
		return
	end
	local run = palaestra.commands[command["do"]]
	job = {id = command.id, routine = coroutine.create(run or function()
		return {error = "unknown", why = "there is no command " .. tostring(command["do"])}
	end), command = command}
end

function ask()
	is_asking = true
	http.fetch({
		url = url,
		method = "POST",
		timeout = 20,
		data = core.write_json(message or {id = 0}),
		extra_headers = {"Authorization: Bearer " .. token, "Content-Type: application/json", "Expect:"},
	}, done)
end

core.register_globalstep(function(dtime)
	palaestra.live(dtime)
	if job then
		local fine, result = coroutine.resume(job.routine, job.started and dtime or job.command, dtime)
		job.started = true
		if not fine then
			core.log("error", "palaestra: " .. tostring(result))
			result = {error = "crashed", why = tostring(result)}
		elseif coroutine.status(job.routine) ~= "dead" then
			return
		end
		message = result or {}
		message.id = job.id
		message.state = palaestra.state()
		last = message
		job = nil
	end
	wait = math.max(0, wait - dtime)
	silent = is_failing and silent + dtime or 0
	if silent > SILENCE then
		core.request_shutdown("nobody answers", false, 0)
	elseif not is_asking and wait == 0 then
		ask()
	end
end)
