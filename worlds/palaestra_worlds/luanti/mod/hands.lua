-- Breaking, placing, holding and using.

local REACH = 6 -- Blocks from the eyes: four each way, aslant too.
local EASY_SPEED = 100

local function at(command)
	return vector.new(command.x, command.y, command.z)
end

local function is_near(position)
	return vector.distance(position, vector.offset(palaestra.cell(), 0, 1, 0)) <= REACH
end

local function wait(seconds)
	while seconds > 0 do
		seconds = seconds - coroutine.yield()
	end
end
palaestra.wait = wait

-- How the engine's client would break a node: with what is in hand, or else as by hand.
local function breaking(groups, stack)
	local found = core.get_dig_params(groups, stack:get_tool_capabilities())
	if not found.diggable then
		found = core.get_dig_params(groups, ItemStack(""):get_tool_capabilities())
	end
	return found
end
palaestra.breaking = breaking

-- How long it would take; 0 for never. Says so before any time is spent.
palaestra.commands.dig = function(command)
	local position = at(command)
	local node = core.get_node(position)
	local definition = palaestra.definition(position)
	if not is_near(position) then
		return {error = "unreachable"}
	end
	local found = breaking(definition.groups or {}, palaestra.inventory:get_stack("main", 1))
	if not found.diggable or definition.diggable == false then
		return {error = "undiggable"}
	end
	local seconds = palaestra.is_easy and found.time / EASY_SPEED or found.time
	wait(seconds)
	if core.get_node(position).name ~= node.name then
		return {error = "changed", seconds = seconds}
	end
	local is_gone = definition.on_dig(position, node, palaestra.player)
	return {seconds = seconds, error = is_gone == false and "undiggable" or nil}
end

local function slot_of(name)
	for number, stack in ipairs(palaestra.inventory:get_list("main")) do
		if stack:get_name() == name then
			return number, stack
		end
	end
end

-- Exchanges what is in the first slot, which is in hand, for an item.
palaestra.commands.hold = function(command)
	local number, stack = slot_of(command.item)
	if not number then
		return {error = "missing"}
	end
	palaestra.inventory:set_stack("main", number, palaestra.inventory:get_stack("main", 1))
	palaestra.inventory:set_stack("main", 1, stack)
	return {}
end

function palaestra.put(name, pointed)
	local number, stack = slot_of(name)
	if not number then
		return {error = "missing"}
	end
	local definition = stack:get_definition()
	local left = definition.on_place(ItemStack(stack), palaestra.player, pointed)
	if not left or left:get_count() == stack:get_count() then
		return {error = "no_room"}
	end
	palaestra.inventory:set_stack("main", number, left)
	return {}
end

palaestra.commands.place = function(command)
	local above = at(command)
	if not is_near(above) then
		return {error = "unreachable"}
	end
	local under = vector.new(command.under.x, command.under.y, command.under.z)
	return palaestra.put(command.item, {type = "node", under = under, above = above})
end

-- Uses an item on a node, e.g. an empty bucket on water; or eats it.
palaestra.commands.use = function(command)
	local number, stack = slot_of(command.item)
	if not number then
		return {error = "missing"}
	end
	local definition = stack:get_definition()
	if not definition.on_use then
		return {error = "useless"}
	end
	local pointed = {type = "nothing"}
	if command.x then
		pointed = {type = "node", under = at(command), above = vector.offset(at(command), 0, 1, 0)}
	end
	local left = definition.on_use(ItemStack(stack), palaestra.player, pointed)
	if left then
		palaestra.inventory:set_stack("main", number, left)
	end
	return {}
end

palaestra.commands.drop = function(command)
	local number, stack = slot_of(command.item)
	if number then
		stack:take_item(1)
		palaestra.inventory:set_stack("main", number, stack)
	end
	return {}
end
