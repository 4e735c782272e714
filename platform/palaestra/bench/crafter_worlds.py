"""Steps and resets per second of Crafter beside the reference and Craftax-Classic, in one run, in turns."""

from __future__ import annotations

from importlib.metadata import version
from importlib.util import find_spec
from typing import Any

import numpy as np
import palaestra_worlds

from palaestra.bench.worlds import NUM_ACTION_ROWS, Contender, Speed, measure

NUM_ACTIONS = 17
STEPS_BEFORE = 300
"""Steps before anything is measured: after a common reset no episode would end for long."""
OUR_BATCH = 4096
"""Environments that ours steps fastest with, without pictures."""
CRAFTAX_BATCHES = (64, 256, 1024)
CRAFTAX_BATCHES_WITH_RESETS = (64, 256)
"""More is slower: the time goes into new worlds."""
CRAFTAX_RESET_RATIO = 16
"""Environments for each new world that Craftax makes in a step, as its authors train with: making one for each
environment, as its own automatic resets do, would be slower still."""


def symbolic_contenders() -> tuple[list[Contender], list[str]]:
    """Without pictures: ours first, the reference, Craftax-Classic at several batch sizes; and who is left out."""
    found = [ours("symbolic", OUR_BATCH), reference(images=False)]
    if find_spec("craftax") is None:
        return found, [
            "Craftax is not installed (pip install jax==0.10.2 flax==0.12.8; pip install --no-deps craftax==1.6.1: "
            "alone it would bring pygame, which overwrites the pygame-ce that minigrid uses)."
        ]
    theirs = [craftax(size, resets=True) for size in CRAFTAX_BATCHES_WITH_RESETS]
    theirs += [craftax(size, resets=False) for size in CRAFTAX_BATCHES]
    return [*found, *theirs], [
        f"Craftax-Classic makes a new world for each {CRAFTAX_RESET_RATIO} environments in each step, for those that "
        "ended; without resets it steps on what has ended. Its rules are not quite crafter's."
    ]


def image_contenders() -> list[Contender]:
    """With pictures of 64 by 64 pixels: ours first."""
    return [ours("image", 256), reference(images=True)]


def reset_contenders() -> list[Contender]:
    """New worlds only: ours first."""
    found = [our_resets(64), reference_resets()]
    if find_spec("craftax") is None:
        return found
    return [*found, *(craftax_resets(size) for size in CRAFTAX_BATCHES_WITH_RESETS)]


def ours(observation: str, num_envs: int) -> Contender:
    """Our world, with reused observation arrays as learners use it; episodes begin anew by themselves."""
    world = palaestra_worlds.make("Crafter", num_envs=num_envs, observation=observation, copy_observations=False)
    world.reset(seed=0)
    actions = _actions(num_envs)

    def step_once(call: int) -> None:
        world.step(actions[call % NUM_ACTION_ROWS])

    for call in range(STEPS_BEFORE):
        step_once(call)
    return Contender(f"palaestra, {observation}", num_envs, step_once)


def our_resets(num_envs: int) -> Contender:
    world = palaestra_worlds.make("Crafter", num_envs=num_envs, observation="symbolic", copy_observations=False)

    def step_once(_: int) -> None:
        world.reset()

    world.reset(seed=0)
    return Contender("palaestra", num_envs, step_once)


def reference(images: bool) -> Contender:
    """One environment of the installed package, as it has no batches."""
    from palaestra.bench.crafter_reference import Reference

    env = Reference(images=images, seed=0)
    env.reset()
    actions = _actions(1)[:, 0]

    def step_once(call: int) -> None:
        if env.step(int(actions[call % NUM_ACTION_ROWS]))[2]:
            env.reset()

    return Contender(f"crafter {version('crafter')}{', image' if images else ' without rendering'}", 1, step_once)


def reference_resets() -> Contender:
    from palaestra.bench.crafter_reference import Reference

    env = Reference(images=False, seed=0)

    def step_once(_: int) -> None:
        env.reset()

    return Contender(f"crafter {version('crafter')}", 1, step_once)


def _craftax() -> tuple[Any, Any]:
    from craftax.craftax_env import make_craftax_env_from_name  # pyright: ignore[reportMissingImports]

    env = make_craftax_env_from_name("Craftax-Classic-Symbolic-v1", auto_reset=False)
    return env, env.default_params


def _keys(num_envs: int) -> Any:
    import jax  # pyright: ignore[reportMissingImports]

    return jax.random.split(jax.random.PRNGKey(0), num_envs)


def craftax(num_envs: int, resets: bool, unroll: int = 16) -> Contender:
    """Craftax-Classic on JAX CPU, its steps unrolled in one compiled scan."""
    import jax  # pyright: ignore[reportMissingImports]

    env, params = _craftax()
    numpy, split = jax.numpy, jax.random.split
    steps = jax.vmap(env.step, in_axes=(0, 0, 0, None))
    begin = jax.vmap(env.reset, in_axes=(0, None))
    actions = numpy.asarray(np.random.default_rng(0).integers(0, NUM_ACTIONS, (unroll, num_envs)))

    def begin_anew(key: Any, done: Any, state: Any) -> Any:
        """Each environment that ended takes one of the new worlds; several take the same where there are too few."""
        count = max(1, num_envs // CRAFTAX_RESET_RATIO)
        fresh, which = begin(split(key, count), params)[1], (numpy.cumsum(done) - 1) % count

        def chosen(new: Any, old: Any) -> Any:
            return numpy.where(done.reshape(-1, *(1,) * (old.ndim - 1)), new[which], old)

        return jax.tree.map(chosen, fresh, state)

    @jax.jit
    def scan(held: Any) -> Any:
        def step(held: Any, chosen: Any) -> Any:
            state, key = held
            key, stepping, beginning = split(key, 3)
            observation, state, reward, done, _ = steps(split(stepping, num_envs), state, chosen, params)
            if resets:
                state = begin_anew(beginning, done, state)
            return (state, key), (observation.sum(), reward.sum(), done.sum())

        return jax.lax.scan(step, held, actions)

    held: list[Any] = [(jax.jit(begin)(_keys(num_envs), params)[1], jax.random.PRNGKey(1))]

    def step_once(_: int) -> None:
        held[0] = jax.block_until_ready(scan(held[0]))[0]

    for _ in range(STEPS_BEFORE // unroll):
        step_once(0)
    name = f"Craftax-Classic {version('craftax')} (JAX CPU){'' if resets else ', no resets'}"
    return Contender(name, num_envs, step_once, per_call=unroll)


def craftax_resets(num_envs: int) -> Contender:
    import jax  # pyright: ignore[reportMissingImports]

    env, params = _craftax()
    resets = jax.jit(jax.vmap(env.reset, in_axes=(0, None)))
    keys = _keys(num_envs)

    def step_once(_: int) -> None:
        jax.block_until_ready(resets(keys, params))

    step_once(0)
    return Contender(f"Craftax-Classic {version('craftax')} (JAX CPU)", num_envs, step_once)


def _actions(num_envs: int) -> Any:
    return np.random.default_rng(0).integers(0, NUM_ACTIONS, (NUM_ACTION_ROWS, num_envs))


def measure_crafter(rounds: int, seconds: float, peers: bool) -> tuple[dict[str, list[Speed]], list[str]]:
    """Speeds by what is measured, ours first in each, and sentences about who is left out."""
    symbolic, notes = symbolic_contenders()
    compared = {
        "symbolic, steps per second": symbolic,
        "images, steps per second": image_contenders(),
        "resets per second": reset_contenders(),
    }
    chosen = {name: contenders if peers else contenders[:1] for name, contenders in compared.items()}
    return {name: measure(contenders, rounds, seconds) for name, contenders in chosen.items()}, notes if peers else []
