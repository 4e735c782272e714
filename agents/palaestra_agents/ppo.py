"""PPO: collects rollouts from a batched world and learns from them; with or without memory and intrinsic reward."""

from __future__ import annotations

import time
from typing import Any

import torch

from palaestra_agents import returns, rollout
from palaestra_agents.base import ActorOutput, AgentInterface, EpisodeListener
from palaestra_agents.cloning import Cloner
from palaestra_agents.config import MLPConfig, PPOConfig
from palaestra_agents.distributions import action_distribution
from palaestra_agents.encoding import ObservationEncoder
from palaestra_agents.groups import ALONE, Group, GroupError
from palaestra_agents.intrinsic import IntrinsicReward, intrinsic_kind
from palaestra_agents.networks import ActorCritic
from palaestra_agents.streams import go_on
from palaestra_agents.update import Batch, Updater


def choose_device(name: str, group: Group = ALONE) -> torch.device:
    """The device for "auto", "cpu" or "cuda"; of several processes on a machine each has a GPU of its own.

    Raises:
        ValueError: CUDA is asked for and there is none.
        GroupError: there are fewer GPUs than processes.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise ValueError("device 'cuda' was asked for, but torch finds none; use 'auto' or 'cpu'")
    if name != "cuda" or group.size == 1:
        return torch.device(name)
    if group.local_rank >= torch.cuda.device_count():
        raise GroupError(
            f"process {group.local_rank} of this machine has no GPU of its own, torch finds {torch.cuda.device_count()}"
            "; give --nproc-per-node no more than that, or say agent.device: cpu"
        )
    return torch.device("cuda", group.local_rank)


class PPO:
    """Proximal policy optimisation. The same config, interface and seed give the same agent.

    Args:
        config: settings.
        interface: spaces, number of environments, and the processes that share them.
        device: where networks and rollouts live; None: what the config says.
        seed: of weights, actions and shuffling.

    Raises:
        ValueError: the spaces do not suit the config, or there is no such device.
        GroupError: the processes cannot share the environments, or have no device each.
    """

    Config = PPOConfig

    def __init__(
        self, config: PPOConfig, interface: AgentInterface, device: str | torch.device | None = None, seed: int = 0
    ) -> None:
        self.config = config
        self.group = interface.group
        self.share = self.group.share(interface.num_envs)
        self.device = choose_device(str(device) if device is not None else config.device, self.group)
        if self.device.type == "cuda":
            torch.backends.cudnn.deterministic = True
        self.encoder = ObservationEncoder(
            interface,
            self.device,
            config.encoding,
            config.mission,
            config.ignore,
            isinstance(config.network, MLPConfig),
        )
        self.distribution = action_distribution(interface.action_space, config.continuous, self.device)
        self.generator = torch.Generator(self.device).manual_seed(seed)
        self.acting_generator = torch.Generator(self.device).manual_seed(seed + 1)
        heads = 1 if config.intrinsic is None else 2
        weights = torch.Generator().manual_seed(seed)
        self.policy = ActorCritic(
            self.encoder,
            config.network,
            config.memory,
            self.distribution.num_parameters,
            heads,
            weights,
            self.distribution.free_parameters,
            config.critic_gain,
        ).to(self.device)
        self.updater = Updater(self.policy, self.distribution, config, self.share, self.group)
        self.cloner: Cloner | None = None
        if config.cloning is not None:
            parts = self.policy, self.encoder, self.distribution, self.updater
            self.cloner = Cloner(config.cloning, *parts, config.minibatch_size)
        self.intrinsic: IntrinsicReward | None = None
        if config.intrinsic is not None:
            kind = intrinsic_kind(config.intrinsic.kind)
            shared = {"group": self.group} if kind.shares else {}
            self.intrinsic = kind(config.intrinsic, self.encoder, interface.num_envs, self.device, seed + 2, **shared)
        storage = rollout.allocate(
            self.encoder, self.distribution, config.rollout_length, self.share.count, heads, config.memory
        )
        self.collector = rollout.Collector(
            self.policy, self.encoder, self.distribution, storage, self.share, config.lesson_coefficient, heads > 1
        )
        self.iterations = 0
        self.steps = 0
        self._world: Any = None

    @classmethod
    def why_alone(cls, config: PPOConfig) -> str:
        """Why agents of these settings cannot learn in several processes; empty: they can."""
        if config.cloning is not None:
            return "agent.cloning reads all demonstrations in one process; remove it"
        if config.compile:
            return "agent.compile would compile anew for every share of a minibatch; set it to false"
        if config.intrinsic is not None and not intrinsic_kind(config.intrinsic.kind).shares:
            return f"intrinsic reward '{config.intrinsic.kind}' does not say that several processes can share it"
        return ""

    def initial_state(self, num_envs: int) -> torch.Tensor | None:
        """Zeros (num_envs, size); None without memory."""
        if self.policy.memory is None:
            return None
        return torch.zeros(num_envs, self.policy.memory.size, device=self.device)

    @torch.inference_mode()
    def act(
        self,
        observations: Any,
        state: torch.Tensor | None,
        *,
        greedy: bool = False,
        generator: torch.Generator | None = None,
    ) -> ActorOutput:
        """Chooses actions for any number of environments; leaves training's random numbers alone.

        Args:
            observations: what a world returned.
            state: recurrent state, with `initial_state`'s rows where an episode has just begun; None without memory.
            greedy: the most probable action instead of a draw.
            generator: draws the actions, on the agent's device; None: one of the agent's own, apart from training.
        """
        encoded = self.encoder.encode(observations)
        count = encoded.dense.shape[0]
        parameters, values, state = self.policy.step(encoded, None, state)
        if greedy:
            actions = self.distribution.mode(parameters)
        else:
            noise = self.distribution.noise(1, count, generator or self.acting_generator)
            actions = self.distribution.sample(parameters, noise[0])
        log_probs = self.distribution.log_prob(parameters, actions)
        return ActorOutput(self.distribution.to_world(actions), log_probs, values, state)

    def attach(self, world: Any) -> None:
        """Begins with this world's current observations; it was reset or restored before."""
        self._world = world
        if self.collector.state is not None and getattr(world, "restarted", ()):
            self.collector.state[list(world.restarted)] = 0.0
        self.collector.observe(world.observe())

    def train_iteration(
        self, world: Any, progress: float, on_episodes: EpisodeListener | None = None
    ) -> dict[str, float]:
        """Collects `rollout_length` steps of every environment and learns from them.

        Args:
            world: was reset or restored before its first iteration; observed anew when it is another than before, or
                after `load_state_dict`.
            progress: share of the step budget spent, in [0, 1].
            on_episodes: called with what `infos["episode"]` said of the episodes that ended in a step, as arrays over
                these episodes.

        Returns:
            Metrics: "steps" (environment steps taken), train/*, loss/*, time/* in seconds, speed/steps_per_second.
        """
        began = time.perf_counter()
        if world is not self._world:
            self.attach(world)
        collected = self.collector.collect(world, self.generator)
        if on_episodes is not None:
            for episodes in collected.episodes:
                on_episodes(episodes)
        metrics = rollout.episode_metrics(collected.episodes, self.group)
        stepping = self.collector.seconds_stepping
        learning_began = time.perf_counter()
        if self.cloner is not None and self.cloner.is_on(self.iterations):
            metrics |= self.cloner.learn(world, self.generator)
        else:
            batch = self._prepare(collected, metrics)
            metrics |= self.updater.update(batch, progress, self.generator)
        now = time.perf_counter()
        steps = collected.steps * self.share.total
        lesson_reward = self.group.sum_(torch.tensor(collected.lesson_reward, dtype=torch.float64))
        self.iterations += 1
        self.steps += steps
        metrics |= {
            "steps": float(steps),
            "train/lesson_reward": float(lesson_reward) / steps,
            "time/step": stepping,
            "time/act": learning_began - began - stepping,
            "time/learn": now - learning_began,
            "speed/steps_per_second": steps / (now - began),
        }
        return metrics

    def _prepare(self, collected: rollout.Rollout, metrics: dict[str, float]) -> Batch:
        """Advantages and returns of a rollout, with intrinsic reward where there is one."""
        config = self.config
        terminated, truncated, ended = (
            torch.from_numpy(part).to(self.device)
            for part in (collected.terminated, collected.truncated, collected.ended)
        )
        values = collected.values[:-1]
        final_values = self.collector.final_values()
        following = returns.next_values(collected.values[..., 0], terminated, truncated, final_values[:, 0])
        rewards = torch.from_numpy(collected.rewards).to(self.device)
        per_head = [returns.advantages(rewards, values[..., 0], following, ended, config.gamma, config.gae_lambda)]
        advantages = per_head[0]
        if self.intrinsic is not None:
            per_head.append(self._intrinsic_advantages(collected, final_values, metrics))
            advantages = advantages + self.intrinsic.config.coefficient * per_head[1]
        targets = torch.stack(per_head, dim=-1) + values
        log_probs = self.distribution.log_prob(collected.parameters.flatten(0, 1), collected.actions.flatten(0, 1))
        task = torch.stack([advantages, targets[..., 0], (targets - values)[..., 0]])
        whole, wanted, missed = self.group.gather(task, 2)
        metrics["loss/explained_variance"] = float(1 - missed.var() / (wanted.var() + 1e-8))
        starts = torch.zeros_like(ended)
        starts[1:] = ended[:-1]
        return Batch(
            observations=collected.observations.rows(slice(0, -1)).flatten(),
            actions=collected.actions.flatten(0, 1),
            targets=torch.cat(
                [advantages.flatten()[:, None], log_probs[:, None], values.flatten(0, 1), targets.flatten(0, 1)], dim=1
            ),
            starts=starts,
            states=collected.states,
            whole=whole.flatten(),
        )

    def _intrinsic_advantages(
        self, collected: rollout.Rollout, final_values: torch.Tensor, metrics: dict[str, float]
    ) -> torch.Tensor:
        """float32 (T, N); unless `episodic`, returns run on through the ends of episodes (arXiv 1810.12894)."""
        assert self.intrinsic is not None
        config = self.intrinsic.config
        terminated, truncated, ended = (
            torch.from_numpy(part).to(self.device)
            for part in (collected.terminated, collected.truncated, collected.ended)
        )
        reached = collected.reached()
        rewards = self.intrinsic.reward(reached, ended)
        metrics |= {"train/intrinsic_reward": float(self.group.mean(rewards.mean()))} | self.intrinsic.learn(reached)
        values = collected.values[..., 1]
        following = values[1:]
        if config.episodic:
            following = returns.next_values(values, terminated, truncated, final_values[:, 1])
        else:
            ended = torch.zeros_like(ended)
        return returns.advantages(rewards, values[:-1], following, ended, config.gamma, self.config.gae_lambda)

    def state_dict(self) -> dict[str, Any]:
        """Everything needed to go on exactly, but for the world's own state."""
        memory = self.collector.state
        return {
            "kind": "ppo",
            "policy": {name: part.clone() for name, part in self.policy.state_dict().items()},
            "optimizer": self.updater.state_dict(),
            "generator": self.generator.get_state(),
            "acting_generator": self.acting_generator.get_state(),
            "intrinsic": None if self.intrinsic is None else self.intrinsic.state_dict(),
            "memory": None if memory is None else self.group.gather(memory, 0).clone(),
            "iterations": self.iterations,
            "steps": self.steps,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave; the next iteration observes its world anew.

        Raises:
            ValueError: it is of another agent, or of one with other networks; this agent is then as it was.
        """
        self._check(state)
        self.updater.load_state_dict(state["optimizer"])
        self.policy.load_state_dict(state["policy"])
        go_on(self.generator, state["generator"])
        go_on(self.acting_generator, state["acting_generator"])
        if self.intrinsic is not None:
            self.intrinsic.load_state_dict(state["intrinsic"])
        if self.collector.state is not None:
            self.collector.state = state["memory"][self.share.columns].to(self.device).clone()
        self.iterations = int(state["iterations"])
        self.steps = int(state["steps"])
        self._world = None

    def _check(self, state: dict[str, Any]) -> None:
        own = self.state_dict()
        missing = own.keys() - state.keys()
        if state.get("kind") != "ppo" or missing:
            raise ValueError(f"this is no state of a PPO agent (kind {state.get('kind')!r}, missing {sorted(missing)})")
        mine = {name: tuple(part.shape) for name, part in self.policy.state_dict().items()}
        theirs = {name: tuple(part.shape) for name, part in state["policy"].items()}
        for name in sorted(mine.keys() | theirs.keys()):
            if mine.get(name) != theirs.get(name):
                raise ValueError(
                    f"the saved agent has another network: '{name}' is {theirs.get(name, 'absent')} there and "
                    f"{mine.get(name, 'absent')} here; use the settings and the world that it was trained with"
                )
        if (self.intrinsic is None) != (state["intrinsic"] is None):
            raise ValueError("of the saved agent and this one, only one has an intrinsic reward")
        if self.intrinsic is not None:
            self.intrinsic.check(state["intrinsic"])
        mine, memory = own["memory"], state["memory"]
        if mine is not None and (memory is None or memory.shape != mine.shape):
            raise ValueError(f"the saved agent's recurrent state is not for {self.share.total} environments")
