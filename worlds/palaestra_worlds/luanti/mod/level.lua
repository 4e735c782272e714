-- The world around: having it generated, kept going, and read.

local BLOCK = 16

-- Numbers of nodes, two bytes each, x first, then y, then z; packed.
function palaestra.nodes(low, high)
	local manipulator = core.get_voxel_manip()
	local first, last = manipulator:read_from_map(low, high)
	local area = VoxelArea:new({MinEdge = first, MaxEdge = last})
	local data = manipulator:get_data()
	local char, floor = string.char, math.floor
	local parts, count = {}, 0
	for z = low.z, high.z do
		for y = low.y, high.y do
			local index = area:index(low.x, y, z)
			for x = low.x, high.x do
				local number = data[index]
				count = count + 1
				parts[count] = char(number % 256, floor(number / 256))
				index = index + 1
			end
		end
	end
	return core.encode_base64(core.compress(table.concat(parts), "deflate", 3))
end

local function corners(command)
	local low, high = command.low, command.high
	return vector.new(low[1], low[2], low[3]), vector.new(high[1], high[2], high[3])
end

palaestra.commands.read = function(command)
	local low, high = corners(command)
	return {nodes = palaestra.nodes(low, high)}
end

-- Has a box generated, and kept in memory and going on.
palaestra.commands.load = function(command)
	local low, high = corners(command)
	local left = nil
	core.emerge_area(low, high, function(_, _, remaining)
		left = remaining
	end)
	local waited = 0
	while left ~= 0 and waited < 120 do
		waited = waited + coroutine.yield()
	end
	if left ~= 0 then
		return {error = "not_generated"}
	end
	local first = vector.multiply(vector.floor(vector.divide(low, BLOCK)), BLOCK)
	for z = first.z, high.z, BLOCK do
		for y = first.y, high.y, BLOCK do
			for x = first.x, high.x, BLOCK do
				if not core.forceload_block(vector.new(x, y, z), true) then
					return {error = "not_loaded"}
				end
			end
		end
	end
	return {}
end

-- Heights at which one could begin, nil where not.
palaestra.commands.heights = function(command)
	local found = {}
	for number, place in ipairs(command.places) do
		found[number] = core.get_spawn_level(place[1], place[2]) or false
	end
	return {heights = found}
end

palaestra.commands.biome = function(command)
	local found = core.get_biome_data(vector.new(command.x, command.y, command.z))
	return {biome = found and core.get_biome_name(found.biome) or ""}
end
