"""Our worlds under `palaestra/<id>` in gymnasium's registry, for libraries that train on a VectorEnv.

Importing this module registers them:

    import gymnasium
    import palaestra_worlds.gymnasium_ids

    envs = gymnasium.make_vec("palaestra/MiniGrid-DoorKey-8x8-v0", num_envs=64)

Ids with a colon, which means a module to gymnasium, have a point in its place: `palaestra/envpool.Ant-v5`.

It is apart from `palaestra_worlds` itself because it loads every installed world plug-in to ask for its ids.
"""

from __future__ import annotations

from functools import partial

import gymnasium

from palaestra_worlds.registry import make, world_entries


def gymnasium_id(id: str) -> str:
    """What a world is called in gymnasium's registry."""
    return f"palaestra/{id.replace(':', '.')}"


for _entry in world_entries():
    if gymnasium_id(_entry.id) not in gymnasium.registry:
        gymnasium.register(gymnasium_id(_entry.id), entry_point=None, vector_entry_point=partial(make, _entry.id))
