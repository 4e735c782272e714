-- Crafting by the game's own recipes, and smelting in its furnaces, with its fuel and in its time.

local inventory = palaestra.inventory

-- Makes one recipe's product; `grid` has the items of nine cells, row by row, "" for an empty one.
palaestra.commands.craft = function(command)
	local needed, items = {}, {}
	for number = 1, 9 do
		local name = command.grid[number] or ""
		items[number] = ItemStack(name)
		if name ~= "" then
			needed[name] = (needed[name] or 0) + 1
		end
	end
	for name, count in pairs(needed) do
		if not inventory:contains_item("main", ItemStack(name .. " " .. count)) then
			return {error = "missing", why = name}
		end
	end
	local made, left = core.get_craft_result({method = "normal", width = 3, items = items})
	if made.item:is_empty() then
		return {error = "no_recipe"}
	end
	if not inventory:room_for_item("main", made.item) then
		return {error = "no_room"}
	end
	for name, count in pairs(needed) do
		inventory:remove_item("main", ItemStack(name .. " " .. count))
	end
	inventory:add_item("main", made.item)
	for _, back in ipairs(made.replacements or {}) do
		inventory:add_item("main", back)
	end
	for _, stack in ipairs(left.items) do
		if not stack:is_empty() then
			inventory:add_item("main", stack)
		end
	end
	coroutine.yield()
	return {made = made.item:get_count()}
end

local function give_back(furnace, list)
	for number, stack in ipairs(furnace:get_list(list) or {}) do
		furnace:set_stack(list, number, inventory:add_item("main", stack))
	end
end

-- Smelts some of an item in the furnace at a place, over some of a fuel; takes out what is left of both.
palaestra.commands.smelt = function(command)
	local position = vector.new(command.x, command.y, command.z)
	local definition = palaestra.definition(position)
	local furnace = core.get_meta(position):get_inventory()
	if not furnace:get_list("src") or not furnace:get_list("fuel") or not furnace:get_list("dst") then
		return {error = "no_furnace", why = core.get_node(position).name}
	end
	local cooked = core.get_craft_result({method = "cooking", width = 1, items = {ItemStack(command.item)}})
	if cooked.time == 0 then
		return {error = "no_recipe"}
	end
	local source = inventory:remove_item("main", ItemStack(command.item .. " " .. command.count))
	local fuel = inventory:remove_item("main", ItemStack(command.fuel .. " " .. command.fuel_count))
	furnace:add_item("src", source)
	furnace:add_item("fuel", fuel)
	if definition.on_metadata_inventory_put then
		definition.on_metadata_inventory_put(position, "src", 1, source, palaestra.player)
	end
	local waited, wanted = 0, source:get_count() * cooked.item:get_count()
	local function made()
		return furnace:get_stack("dst", 1):get_count()
	end
	local limit = cooked.time * source:get_count() + 10
	while waited < limit and made() < wanted do
		waited = waited + coroutine.yield()
	end
	local count = made()
	for _, list in ipairs({"dst", "src", "fuel"}) do
		give_back(furnace, list)
	end
	return {made = count, seconds = cooked.time * source:get_count()}
end
