-- What the game is made of: nodes, items, recipes, as far as they are asked for by name.

local function drops(definition, name)
	local given = definition.drop
	if given == nil then
		return {{items = {name}, rarity = 1}}
	end
	if type(given) == "string" then
		return given == "" and {} or {{items = {given}, rarity = 1}}
	end
	local found = {}
	for number, one in ipairs(given.items or {}) do
		found[number] = {items = one.items, rarity = one.rarity or 1, tools = one.tools}
	end
	return found
end

-- Every node that has a number.
palaestra.commands.nodes = function()
	local found = {}
	for name, definition in pairs(core.registered_nodes) do
		found[#found + 1] = {
			name, core.get_content_id(name), definition.walkable and 1 or 0, definition.liquidtype or "none",
			definition.drawtype or "normal", (definition.groups or {}).lava or 0,
		}
	end
	return {nodes = found}
end

-- Of these items: whether there are such, what they burn, what makes them.
palaestra.commands.items = function(command)
	local found = {}
	for _, name in ipairs(command.names) do
		local definition = core.registered_items[name]
		if definition then
			local fuel = core.get_craft_result({method = "fuel", width = 1, items = {ItemStack(name)}})
			local cooked = core.get_craft_result({method = "cooking", width = 1, items = {ItemStack(name)}})
			local recipes = {}
			for _, recipe in ipairs(core.get_all_craft_recipes(name) or {}) do
				if recipe.method == "normal" then
					local grid = {}
					for number = 1, 9 do
						grid[number] = recipe.items[number] or ""
					end
					recipes[#recipes + 1] = {width = recipe.width, grid = grid, output = recipe.output}
				end
			end
			local groups = {}
			for group, value in pairs(definition.groups or {}) do
				if value ~= 0 then
					groups[#groups + 1] = group
				end
			end
			found[name] = {
				stack = definition.stack_max,
				groups = groups,
				burns = fuel.time,
				cooks = cooked.time > 0 and cooked.item:to_string() or "",
				cooking = cooked.time,
				is_eaten = definition.on_use ~= nil and definition.type == "craft",
				recipes = recipes,
			}
		end
	end
	return {items = found}
end

-- Of these nodes: what they leave, and for each of the tools, "" for the hand, how long it takes and how often it lasts.
palaestra.commands.breaking = function(command)
	local found = {}
	for _, name in ipairs(command.nodes) do
		local definition = core.registered_nodes[name]
		if definition then
			local times, uses = {}, {}
			for number, tool in ipairs(command.tools) do
				local params = palaestra.breaking(definition.groups or {}, ItemStack(tool))
				times[number] = params.diggable and definition.diggable ~= false and math.max(params.time, 0.01) or 0
				uses[number] = params.wear > 0 and math.floor(65535 / params.wear) or 0
			end
			found[name] = {times = times, uses = uses, drops = drops(definition, name)}
		end
	end
	return {nodes = found}
end

-- Where the map has ores.
palaestra.commands.ores = function()
	local found = {}
	for _, ore in pairs(core.registered_ores) do
		if ore.ore_type == "scatter" then
			found[#found + 1] = {
				ore.ore, ore.y_min, ore.y_max, ore.clust_num_ores / ore.clust_scarcity,
			}
		end
	end
	return {ores = found}
end
