-- The body: an entity with the engine's own collision and gravity, health, breath and an inventory.
--
-- Engine and games know players as objects that a client controls; there is none here. What the games' callbacks are
-- given as a player is a table with a player's methods, whose place, health and inventory are this entity's.

local GRAVITY = 9.81
local SPEED = 4 -- Blocks a second, as players walk.
local RISE = 6.5 -- As they jump.
local SWIM = 2
local SAFE_LANDING = 14 -- Blocks a second; what is beyond hurts, as players are hurt.
local DROWNING = 2 -- Seconds for each bubble.
local SLOTS = 36
local NAME = "palaestra"
local FULL_HEALTH, FULL_BREATH = 20, 10

local object = nil
local body = {health = FULL_HEALTH, breath = FULL_BREATH, touches = false, drowning = 0, burning = 0}
palaestra.body = body

local inventory = core.create_detached_inventory(NAME, {}, "")
inventory:set_size("main", SLOTS)
palaestra.inventory = inventory

local function definition(position)
	return core.registered_nodes[core.get_node(position).name] or core.registered_nodes["ignore"]
end
palaestra.definition = definition

function palaestra.is_solid(position)
	return definition(position).walkable
end

local function is_liquid(position)
	return definition(position).liquidtype ~= "none"
end

local function hurt(points)
	if points > 0 then
		body.health = math.max(0, body.health - points)
	end
end

core.register_entity("palaestra:body", {
	initial_properties = {
		physical = true,
		collide_with_objects = false,
		collisionbox = {-0.3, 0, -0.3, 0.3, 1.7, 0.3},
		visual = "upright_sprite",
		textures = {"blank.png", "blank.png"},
		static_save = false,
	},
	on_activate = function(self)
		self.object:set_armor_groups({immortal = 1})
	end,
	on_step = function(self, dtime, moved)
		local velocity = self.object:get_velocity()
		body.touches = moved and moved.touching_ground or false
		if body.touches and self.falling and self.falling > SAFE_LANDING then
			hurt(math.floor(self.falling - SAFE_LANDING + 0.5))
		end
		self.falling = -velocity.y
	end,
})

-- Where the feet are: the block that they are in.
local function cell()
	local position = object:get_pos()
	return vector.new(math.floor(position.x + 0.5), math.floor(position.y + 0.99), math.floor(position.z + 0.5))
end
palaestra.cell = cell

local function swims()
	return is_liquid(cell())
end

local function rest()
	object:set_velocity(vector.new(0, 0, 0))
	object:set_acceleration(vector.new(0, swims() and 0 or -GRAVITY, 0))
end

-- Until the feet are on something, or in water.
local function settle()
	local waited = 0
	object:set_acceleration(vector.new(0, -GRAVITY, 0))
	body.touches = false
	while waited < 6 and not swims() do
		waited = waited + coroutine.yield()
		if body.touches and math.abs(object:get_velocity().y) < 0.01 then
			break
		end
	end
	rest()
end

-- Straight to a block next to this one, at a speed; the engine's collision decides whether it gets there.
local function move(to, speed, gravity)
	local goal = vector.new(to.x, to.y - 0.5, to.z)
	local waited, step = 0, 0.05
	local way = vector.subtract(goal, object:get_pos())
	if gravity then
		way.y = 0
	end
	local length = vector.length(way)
	local direction = vector.divide(way, math.max(length, 1e-6))
	object:set_acceleration(vector.new(0, gravity and -GRAVITY or 0, 0))
	local start = object:get_pos()
	while waited < 3 do
		local gone = vector.dot(vector.subtract(object:get_pos(), start), direction)
		if gone >= length - 0.03 then
			break
		end
		local velocity = vector.multiply(direction, math.min(speed, (length - gone) / step))
		if gravity then
			velocity.y = object:get_velocity().y
		end
		object:set_velocity(velocity)
		step = math.max(0.02, coroutine.yield())
		waited = waited + step
	end
	local position = object:get_pos()
	local there = math.abs(position.x - to.x) < 0.6 and math.abs(position.z - to.z) < 0.6
	object:set_velocity(vector.new(0, 0, 0))
	if there then
		-- A step of the server may carry it past the middle.
		position.x, position.z = to.x, to.z
		if not gravity then
			position.y = to.y - 0.5
		end
		object:set_pos(position)
	end
	return there
end

local function with(x, y, z)
	return vector.add(cell(), vector.new(x, y, z))
end

palaestra.commands.walk = function(command)
	local to = with(command.x, 0, command.z)
	if palaestra.is_solid(to) or palaestra.is_solid(vector.offset(to, 0, 1, 0)) then
		return {moved = false}
	end
	local wet = swims() or is_liquid(to)
	local there = move(to, wet and SWIM or SPEED, not wet)
	settle()
	return {moved = there}
end

palaestra.commands.jump = function(command)
	if palaestra.is_solid(with(0, 2, 0)) then
		return {moved = false}
	end
	local to = with(command.x, 1, command.z)
	local is_step = palaestra.is_solid(vector.offset(to, 0, -1, 0))
	if is_step and not palaestra.is_solid(to) and not palaestra.is_solid(vector.offset(to, 0, 1, 0)) then
		local there = move(with(0, 1, 0), RISE, false) and move(to, SPEED, false)
		settle()
		return {moved = there}
	end
	if swims() then
		move(with(0, 1, 0), SWIM, false)
		rest()
		return {moved = true}
	end
	return {moved = false}
end

-- Jumps and puts a block under the feet.
palaestra.commands.pile = function(command)
	local feet = cell()
	if palaestra.is_solid(vector.offset(feet, 0, 2, 0)) then
		return {error = "no_room"}
	end
	move(vector.offset(feet, 0, 1, 0), RISE, false)
	local below = vector.offset(feet, 0, -1, 0)
	local result = palaestra.put(command.item, {type = "node", under = below, above = feet})
	settle()
	return result
end

palaestra.commands.wait = function(command)
	if swims() and not palaestra.is_solid(with(0, -1, 0)) then
		move(with(0, -1, 0), SWIM, false)
		rest()
	else
		coroutine.yield()
	end
	return {}
end

-- Puts the body somewhere, whole and with nothing in its hands.
palaestra.commands.begin = function(command)
	local position = vector.new(command.x, command.y - 0.5, command.z)
	local waited = 0
	while not core.compare_block_status(position, "active") and waited < 30 do
		waited = waited + coroutine.yield()
	end
	if not core.compare_block_status(position, "active") then
		return {error = "no_body", why = "the map is not loaded there"}
	end
	if object then
		object:remove()
	end
	object = core.add_entity(position, "palaestra:body")
	if not object then
		return {error = "no_body", why = "the engine took no entity there"}
	end
	body.health, body.breath = FULL_HEALTH, FULL_BREATH
	inventory:set_list("main", {})
	for _, stack in ipairs(command.inventory or {}) do
		if not inventory:add_item("main", ItemStack(stack)):is_empty() then
			return {error = "no_room", why = "the inventory does not hold " .. stack}
		end
	end
	core.set_timeofday(command.time)
	settle()
	return {}
end

-- What the world does to the body, whether or not anything is asked of it.
function palaestra.live(dtime)
	if not object or body.health <= 0 or not object:get_pos() then
		return
	end
	local feet = cell()
	local head = vector.offset(feet, 0, 1, 0)
	body.drowning = body.drowning + dtime
	if body.drowning >= DROWNING then
		body.drowning = 0
		local harm = definition(head).drowning or 0
		if harm > 0 and body.breath > 0 then
			body.breath = body.breath - 1
		elseif harm > 0 then
			hurt(harm)
		else
			body.breath = FULL_BREATH
		end
	end
	body.burning = body.burning + dtime
	if body.burning >= 1 then
		body.burning = 0
		hurt(math.max(definition(feet).damage_per_second or 0, definition(head).damage_per_second or 0))
	end
end

local methods = {
	is_player = function() return true end,
	get_player_name = function() return NAME end,
	get_inventory = function() return inventory end,
	get_wield_list = function() return "main" end,
	get_wield_index = function() return 1 end,
	get_wielded_item = function() return inventory:get_stack("main", 1) end,
	set_wielded_item = function(_, stack) inventory:set_stack("main", 1, stack) return true end,
	get_pos = function() return object:get_pos() end,
	get_hp = function() return body.health end,
	set_hp = function(_, points) body.health = math.max(0, math.min(FULL_HEALTH, math.floor(points))) end,
	get_breath = function() return body.breath end,
	get_look_dir = function() return vector.new(0, 0, 1) end,
	get_look_horizontal = function() return 0 end,
	get_look_vertical = function() return 0 end,
	get_player_control = function() return {sneak = false} end,
	get_properties = function() return object:get_properties() end,
	get_meta = function() return ItemStack():get_meta() end,
}
palaestra.player = setmetatable({}, {
	-- Whatever else a game asks of a player, e.g. to draw something on a screen, does nothing.
	__index = function(_, name) return methods[name] or function() end end,
})

-- What the program is told after each command.
function palaestra.state()
	if not object or not object:get_pos() then
		return nil
	end
	local slots = {}
	for number, stack in ipairs(inventory:get_list("main")) do
		slots[number] = stack:is_empty() and {"", 0, 0} or {stack:get_name(), stack:get_count(), stack:get_wear()}
	end
	local feet = cell()
	return {
		x = feet.x, y = feet.y, z = feet.z,
		health = body.health, breath = body.breath, slots = slots, time = core.get_timeofday(),
		near = palaestra.nodes(vector.offset(feet, -8, -8, -8), vector.offset(feet, 8, 9, 8)),
	}
end
