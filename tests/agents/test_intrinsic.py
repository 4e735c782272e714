"""Rewards for novelty: random network distillation and counts."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium.spaces import Box, Dict, Discrete
from palaestra_agents.base import AgentInterface
from palaestra_agents.counts import Counts, CountsConfig
from palaestra_agents.encoding import Encoded, ObservationEncoder
from palaestra_agents.firsts import Firsts, FirstsConfig
from palaestra_agents.intrinsic import intrinsic_kind, parse_intrinsic
from palaestra_agents.rnd import RND, RNDConfig
from palaestra_agents.running import RunningMoments
from palaestra_worlds.registry import UnknownName

CPU = torch.device("cpu")
STEPS, ENVS, SIZE = 20, 4, 3


def encoder() -> ObservationEncoder:
    space = Dict({"position": Box(-100.0, 100.0, (SIZE,), np.float32), "subgoal": Box(-9, 9, (2,), np.int8)})
    return ObservationEncoder(AgentInterface(space, Discrete(2), ENVS), CPU)


def encoded(positions: torch.Tensor, subgoal: float = 0.0) -> Encoded:
    """Observations with the given positions (..., SIZE) and one number for everything of the subgoal."""
    return Encoded(None, torch.cat([positions, torch.full((*positions.shape[:-1], 4), subgoal)], dim=-1))


def positions(seed: int, scale: float = 1.0) -> torch.Tensor:
    return torch.randn(STEPS, ENVS, SIZE, generator=torch.Generator().manual_seed(seed)) * scale


def make_rnd(**config: Any) -> RND:
    return RND(RNDConfig(**config), encoder(), ENVS, CPU, seed=0)


NEVER = torch.zeros(STEPS, ENVS, dtype=torch.bool)


def test_running_moments_are_those_of_everything_seen() -> None:
    moments = RunningMoments(SIZE, CPU)
    batches = [positions(k, k + 1.0).flatten(0, 1) + k for k in range(4)]
    for batch in batches:
        moments.update(batch)
    everything = torch.cat(batches).double()
    torch.testing.assert_close(moments.mean, everything.mean(dim=0))
    torch.testing.assert_close(moments.variance, everything.var(dim=0, correction=0))


def test_rnd_divides_errors_by_the_deviation_of_their_running_discounted_sums() -> None:
    rnd = make_rnd(gamma=0.9)
    sums: list[np.ndarray[Any, Any]] = []
    running = np.zeros(ENVS)
    for seed in range(3):
        seen = encoded(positions(seed))
        rewards = rnd.reward(seen, NEVER)
        errors = rnd.errors(seen.flatten()).view(STEPS, ENVS).double().numpy()
        for row in errors:
            running = 0.9 * running + row
            sums.append(running)
        np.testing.assert_allclose(rewards.numpy(), errors / np.std(sums), rtol=1e-4)


def test_rnd_sums_run_on_through_the_ends_of_episodes() -> None:
    ended = NEVER.clone()
    ended[::3] = True
    assert torch.equal(make_rnd().reward(encoded(positions(0)), ended), make_rnd().reward(encoded(positions(0)), NEVER))


def test_rnd_normalises_observations_and_clips_them() -> None:
    rnd = make_rnd()
    seen = positions(0) * torch.tensor([1.0, 10.0, 0.1]) + torch.tensor([0.0, -50.0, 3.0])
    rnd.reward(encoded(seen), NEVER)
    inputs = rnd._normalised(encoded(seen).flatten())
    torch.testing.assert_close(inputs.mean(dim=0), torch.zeros(SIZE), atol=1e-3, rtol=0)
    torch.testing.assert_close(inputs.std(dim=0, correction=0), torch.ones(SIZE), atol=1e-3, rtol=0)
    far = rnd._normalised(encoded(torch.tensor([[1e6, -1e6, 3.0]])))
    assert far[0, :2].tolist() == [5.0, -5.0]


def test_rnd_forgets_the_novelty_of_what_it_learned_and_keeps_that_of_the_rest() -> None:
    rnd = make_rnd(learning_rate=1e-3, proportion=1.0)
    seen, unseen = encoded(positions(0) + 2), encoded(positions(1) - 2)
    for part in (seen, unseen):
        rnd.reward(part, NEVER)  # normalised alike
    fresh = rnd.errors(seen.flatten()).mean(), rnd.errors(unseen.flatten()).mean()
    target = [p.clone() for p in rnd.target.parameters()]
    losses = [rnd.learn(seen)["loss/rnd"] for _ in range(50)]
    assert losses[-1] < 0.1 * losses[0]
    assert rnd.errors(seen.flatten()).mean() < 0.1 * fresh[0]
    assert rnd.errors(unseen.flatten()).mean() > 3 * rnd.errors(seen.flatten()).mean()
    assert all(torch.equal(a, b) for a, b in zip(target, rnd.target.parameters(), strict=True))


def test_rnd_learns_from_a_share_of_the_experience() -> None:
    rnd = make_rnd(proportion=0.25, minibatch_size=8, epochs=3)
    rnd.learn(encoded(positions(0)))
    # A quarter of 80 observations is 20: minibatches of 8, 8, 4 in each epoch.
    assert int(rnd.state_dict()["optimizer"]["step"][0]) == 3 * 3


def test_novelty_does_not_depend_on_the_subgoal() -> None:
    rnd, counts = make_rnd(), make_counts()
    seen, shown = encoded(positions(0)).flatten(), encoded(positions(0), subgoal=1.0).flatten()
    assert torch.equal(rnd.errors(seen), rnd.errors(shown))
    assert np.array_equal(counts.hash(seen), counts.hash(shown))


def make_counts(**config: Any) -> Counts:
    return Counts(CountsConfig(**config), encoder(), ENVS, CPU, seed=0)


def places(rows: list[list[int]]) -> Encoded:
    """Observations (T, ENVS) of numbered places."""
    return encoded(torch.tensor(rows, dtype=torch.float32)[..., None].expand(-1, -1, SIZE))


def visits(bonus: torch.Tensor) -> list[list[int]]:
    number = bonus.double() ** -2
    torch.testing.assert_close(number, number.round(), rtol=1e-5, atol=0)
    return number.round().int().tolist()


def test_counts_pay_one_over_the_root_of_all_visits_in_training() -> None:
    counts = make_counts()
    never = torch.zeros(2, ENVS, dtype=torch.bool)
    assert visits(counts.reward(places([[1, 1, 2, 3], [1, 2, 2, 4]]), never)) == [[1, 2, 1, 1], [3, 2, 3, 1]]
    assert visits(counts.reward(places([[4, 1, 5, 5], [0, 0, 2, 1]]), never)) == [[2, 4, 1, 2], [1, 2, 4, 5]]


def test_counts_within_episodes_begin_anew_with_each_and_go_on_over_rollouts() -> None:
    counts = make_counts(within="episode")
    ended = torch.zeros(3, ENVS, dtype=torch.bool)
    ended[1, 0] = True  # environment 0's first episode is steps 0 and 1
    first = visits(counts.reward(places([[1, 1, 2, 7], [1, 1, 3, 7], [1, 2, 2, 7]]), ended))
    assert first == [[1, 1, 1, 1], [2, 2, 1, 2], [1, 1, 2, 3]]
    ended = torch.zeros(2, ENVS, dtype=torch.bool)
    ended[0, 3] = True
    second = visits(counts.reward(places([[1, 1, 3, 7], [1, 2, 3, 7]]), ended))
    assert second == [[2, 3, 2, 4], [3, 2, 3, 1]]
    assert len(counts.keys) == 6  # of the running episodes only: 1 | 1, 2 | 2, 3 | 7


def make_firsts(high: float = 1.0, **config: Any) -> Firsts:
    space = Dict({"done": Box(0.0, high, (2,), np.float32)})
    seen = ObservationEncoder(AgentInterface(space, Discrete(2), 1), CPU)
    return Firsts(FirstsConfig(**config), seen, 1, CPU, seed=0)


def pay(firsts: Firsts, *steps: tuple[float, float, bool]) -> list[float]:
    """Of one environment: what was done of two things, and whether the episode ended."""
    done = Encoded(None, torch.tensor([[step[:2]] for step in steps]))
    return firsts.reward(done, torch.tensor([[step[2]] for step in steps]))[:, 0].tolist()


def test_firsts_pay_once_an_episode_and_the_more_the_rarer() -> None:
    firsts = make_firsts()
    # The first is done in all of three episodes, the second in none.
    episode = [(0.0, 0.0, False), (1.0, 0.0, False), (1.0, 0.0, True)]
    pay(firsts, *episode, *episode, *episode)
    found = pay(firsts, (1.0, 0.0, False), (1.0, 1.0, False), (1.0, 1.0, True), (0.0, 1.0, False))
    # Four episodes began: shares of 4 / 5 and 1 / 5, one added to both sides.
    often, never = (5 / 4) ** 0.5 - 1, 5**0.5 - 1
    np.testing.assert_allclose(found, [often, never, 0.0, never], rtol=1e-6)


def test_firsts_go_on_over_rollouts_and_pay_no_more_than_the_most() -> None:
    firsts = make_firsts(most=0.1)
    assert pay(firsts, (1.0, 0.0, False)) == pytest.approx([0.1])
    assert pay(firsts, (1.0, 0.0, False), (1.0, 0.0, True)) == [0.0, 0.0]
    assert pay(firsts, (1.0, 0.0, False))[0] >= 0.0
    copy = make_firsts(most=0.1)
    copy.load_state_dict(firsts.state_dict())
    assert pay(copy, (1.0, 1.0, False)) == pay(firsts, (1.0, 1.0, False))


def test_firsts_of_numbers_beyond_1_are_refused() -> None:
    with pytest.raises(ValueError, match="0 or 1"):
        make_firsts(high=9.0)


def test_intrinsic_rewards_by_name() -> None:
    assert intrinsic_kind("rnd") is RND
    assert parse_intrinsic("counts") == CountsConfig()
    assert parse_intrinsic({"kind": "rnd", "clip": 3.0}) == RNDConfig(clip=3.0)
    with pytest.raises(UnknownName, match="counts"):
        parse_intrinsic("count")
    with pytest.raises(ValueError, match="name or by a mapping"):
        parse_intrinsic({"coefficient": 1.0})


def two_parts() -> ObservationEncoder:
    space = Dict({"lidar": Box(0.0, 1.0, (2,), np.float32), "pose": Box(-1.0, 1.0, (2,), np.float32)})
    return ObservationEncoder(AgentInterface(space, Discrete(2), ENVS), CPU)


def seen(lidar: list[float], pose: list[float]) -> Encoded:
    return Encoded(None, torch.tensor([lidar + pose]))


def test_novelty_can_be_that_of_a_part_of_what_is_seen() -> None:
    rnd = RND(RNDConfig(of=("pose",)), two_parts(), ENVS, CPU, seed=0)
    one, moved, turned = seen([0, 0], [0.5, 0.5]), seen([1, 0], [0.5, 0.5]), seen([0, 0], [0.5, -0.5])
    assert torch.equal(rnd.errors(one), rnd.errors(moved))
    assert not torch.equal(rnd.errors(one), rnd.errors(turned))
    with pytest.raises(ValueError, match="'velocity', but what the agent sees is lidar, pose"):
        RND(RNDConfig(of=("velocity",)), two_parts(), ENVS, CPU, seed=0)


def test_counts_take_all_of_a_bin_for_one() -> None:
    counts = Counts(CountsConfig(of=("pose",), bins=(4, 1)), two_parts(), ENVS, CPU, seed=0)
    same = [seen([0, 0], [-0.49, 0.9]), seen([1, 1], [-0.01, -0.9])]  # from -0.5 to 0, and any
    other = [seen([0, 0], [0.01, 0.9]), seen([0, 0], [-0.51, 0.9]), seen([0, 0], [0.51, 0.9])]
    hashes = [int(counts.hash(place)[0]) for place in same + other]
    assert hashes[0] == hashes[1]
    assert len(set(hashes)) == 4
    # What lies beyond the bounds belongs to the outermost bins.
    assert counts.hash(seen([0, 0], [7.0, 0.0])) == counts.hash(seen([0, 0], [1.0, 0.0]))


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"bins": (4,), "of": ("pose",)}, "1 entries for 2 numbers"), ({"bins": 4, "of": ("speed",)}, "has none")],
)
def test_bins_that_do_not_fit_are_refused(settings: dict[str, Any], message: str) -> None:
    space = Dict({"pose": Box(-1.0, 1.0, (2,), np.float32), "speed": Box(-np.inf, np.inf, (1,), np.float32)})
    part = ObservationEncoder(AgentInterface(space, Discrete(2), ENVS), CPU)
    with pytest.raises(ValueError, match=message):
        Counts(CountsConfig(**settings), part, ENVS, CPU, seed=0)


def test_moments_with_a_window_forget_what_lies_before_it() -> None:
    moments = RunningMoments(1, CPU, window=100)
    for scale in (100.0, 1.0):
        for k in range(20):
            moments.update(torch.randn(100, 1, generator=torch.Generator().manual_seed(k)) * scale)
    assert 0.9 < float(moments.deviation) < 1.2


@pytest.mark.parametrize(("bias", "homogeneous"), [(0.0, True), (1.0, False)])
def test_a_target_with_biases_bends_away_from_the_mean_too(bias: float, homogeneous: bool) -> None:
    rnd = make_rnd(target_bias=bias)
    near = torch.randn(200, SIZE, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(rnd.target(3 * near), 3 * rnd.target(near), atol=1e-5) == homogeneous
