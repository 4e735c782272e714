"""Populations: what is refused, that a take-over is one, and that Ray Tune's exchanges can be repeated and resumed."""

from __future__ import annotations

import html
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import torch
from palaestra import checkpoint, tree
from palaestra.report import page
from palaestra.results import TOOK_OVER, read_events
from palaestra.run import RunError, header_of
from palaestra.spec import RunSpec, SpecError
from palaestra.sweep.changes import changeable, changed, value_of
from palaestra.sweep.folder import Sweep, start_sweep
from palaestra.sweep.history import History, read_histories
from palaestra.sweep.member import Interval, Member
from palaestra.sweep.spec import SweepSpec, load_sweep
from palaestra.trials import execute
from palaestra_agents.intrinsic import INTRINSIC_REWARDS
from palaestra_worlds.registry import AGENTS, TEACHERS

RUN = """
name: empty
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 8}
agent: {kind: ppo, rollout_length: 16, minibatch_size: 64, network: {kind: mlp, hidden: [16]}}
teacher: {kind: subgoals, levels: 4}
budget: {steps: 768}
evaluation: {every: 256, episodes: 8}
checkpoint: {iterations: 1}
"""
SWEEP = """
run: run.yaml
measure: return_mean
parameters: {agent.learning_rate: [1.0e-12, 1.0e-11], teacher.shown: {low: 0.2, high: 0.8}}
population: {members: 2, interval: 256, seed: 3}
"""


def load_in(folder: Path, sweep: str = SWEEP, run: str = RUN) -> SweepSpec:
    (folder / "run.yaml").write_text(run)
    (folder / "sweep.yaml").write_text(sweep)
    return load_sweep(folder / "sweep.yaml", Path)


def members(sweep: Sweep) -> list[Member]:
    return [Member(trial.run.folder) for trial in sweep.trials()]


def end_of(member: Member, interval: int) -> tuple[checkpoint.CheckpointHeader, dict[str, torch.Tensor]]:
    """Header and weights of a member at the end of an interval."""
    header, state = checkpoint.load(member.run.folder / "population" / f"interval-{interval:04d}.safetensors")
    return header, state["agent"]["policy"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("members: 2", "members: 1", "sweep.yaml:5:23: population.members: is 1; must be from 2 to 1,000"),
        ("seed: 3", "sead: 3", "sweep.yaml:5:41: population.sead: unknown key; did you mean 'seed'?"),
        ("seed: 3", "quantile: 0.6", "population.quantile: is 0.6; must be greater than 0 and at most 0.5"),
        ("seed: 3", "factors: []", "population.factors: must have at least 1 entry"),
        ("seed: 3", "factors: [0]", "population.factors[0]: is 0; must be greater than 0"),
        ("interval: 256", "interval: 768", "sweep.yaml:5:36: population.interval: is 768, but budget.steps is 768"),
        ("interval: 256", "interval: 300", "must be a multiple of evaluation.every, 256"),
        (
            "[1.0e-12, 1.0e-11]",
            "[0.001]",
            "sweep.yaml:4:35: parameters.agent.learning_rate: must have at least two values",
        ),
        ("[1.0e-12, 1.0e-11]", "[0.1, 7]", "sweep.yaml:4:41: agent.learning_rate: is 7; must be greater than 0"),
        ("high: 0.8", "high: 1.5", "teacher.shown: is 1.5; must be from 0.0 to 1.0"),
        (
            "agent.learning_rate: [1.0e-12, 1.0e-11]",
            "agent.network.hidden: [[16], [32]]",
            "sweep.yaml:4:14: parameters.agent.network.hidden: cannot change amid a run",
        ),
        (
            "agent.learning_rate: [1.0e-12, 1.0e-11]",
            "world.num_envs: [8, 16]",
            "parameters.world.num_envs: cannot change amid a run",
        ),
        (
            "agent.learning_rate: [1.0e-12, 1.0e-11]",
            "budget.steps: [768, 1024]",
            "These can: agent.epochs, agent.minibatch_size, agent.learning_rate",
        ),
        ("parameters: {", "draws: 3\nparameters: {", "sweep.yaml:4:1: draws: has no meaning beside `population`"),
        ("measure:", "early_stopping: {grace: 256}\nmeasure:", "early_stopping: has no meaning beside `population`"),
        ("measure:", "set: {budget.until_success: 0.9}\nmeasure:", "remove budget.until_success"),
        ("measure:", "set: {teacher.mode: live}\nmeasure:", "let teacher.mode be ahead (arm 'main')"),
        (
            "measure:",
            "set: {agent.rollout_length: 64}\nmeasure:",
            "one iteration alone takes 512 steps; make it larger",
        ),
    ],
)
def test_what_no_population_can_be_made_of_is_said_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in SWEEP
    with pytest.raises(SpecError) as refused:
        load_in(tmp_path, SWEEP.replace(old, new))
    assert message in str(refused.value)


def test_a_population_needs_parameters_that_reach_every_arm(tmp_path: Path) -> None:
    run = RUN + "arms: {taught: {}, alone: {teacher: null}}\n"
    spec = load_in(tmp_path, run=run)
    assert {tuple(trial.variant.values) for trial in spec.trials if trial.arm == "alone"} == {
        ("member", "agent.learning_rate")
    }
    sweep = SWEEP.replace("agent.learning_rate: [1.0e-12, 1.0e-11], ", "")
    with pytest.raises(SpecError, match="has nothing to change in arm 'alone', which no parameter reaches"):
        load_in(tmp_path, sweep, run)
    with pytest.raises(SpecError, match=r"sweep\.yaml:3:13: population: needs `parameters`"):
        load_in(tmp_path, "run: run.yaml\nseeds: 1\npopulation: {members: 2, interval: 256}\n")


def test_a_population_is_refused_without_ray(cli: Callable[..., Any], tmp_path: Path) -> None:
    load_in(tmp_path)
    refused = cli("sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path)
    assert "sweep.yaml:5:1: population: needs Ray's scheduler: add --ray local" in refused.error


def test_members_begin_with_all_listed_values_and_with_seeds_of_their_own(tmp_path: Path) -> None:
    sweep = SWEEP.replace("members: 2", "members: 4") + "seeds: 2\n"
    spec = load_in(tmp_path, sweep)
    assert [trial.seed for trial in spec.trials] == list(range(8))
    for seed in range(2):
        rates = [trial.variant.values["agent.learning_rate"] for trial in spec.trials[4 * seed : 4 * seed + 4]]
        assert sorted(rates) == [1e-12, 1e-12, 1e-11, 1e-11]
    for trial in spec.trials:
        arm: Any = trial.spec.arm(trial.arm)
        shown = trial.variant.values["teacher.shown"]
        assert 0.2 <= shown <= 0.8
        assert arm.agent.config.learning_rate == trial.variant.values["agent.learning_rate"]
        assert (arm.teacher.config.shown, arm.world.settings["subgoal_dropout"]) == (shown, 1 - shown)
    assert load_in(tmp_path, sweep) == spec
    assert load_in(tmp_path, sweep.replace("seed: 3", "seed: 4")) != spec


def test_settings_that_are_said_to_be_changeable_exist_and_change() -> None:
    for registry in (AGENTS, TEACHERS, INTRINSIC_REWARDS):
        for name in registry.names():
            config = registry.load(name).Config
            assert set(getattr(config, "changeable", ())) <= set(config.model_fields), name
    text = RUN.replace("rollout_length", "intrinsic: {kind: rnd}, rollout_length")
    arm = RunSpec.from_yaml(text, "run.yaml").arm("main")
    values = {"agent.intrinsic.coefficient": 0.25, "arms.main.agent.gamma": 0.9, "agent.target_kl": 0.1}
    assert {"agent.intrinsic.coefficient", "agent.intrinsic.learning_rate", "teacher.shown"} < set(changeable(arm))
    other = changed(arm, values)
    assert {key: value_of(other, key) for key in values} == values
    assert changed(other, {key: value_of(arm, key) for key in values}) == arm
    with pytest.raises(ValueError, match="gamma"):
        changed(arm, {"agent.gamma": 2.0})


LEARNING = SWEEP.replace("1.0e-12, 1.0e-11", "0.001, 0.01")


def test_a_member_takes_over_all_of_another_and_goes_on_with_other_settings(tmp_path: Path) -> None:
    sweep = start_sweep(load_in(tmp_path, LEARNING), tmp_path / "sweeps")
    taker, source = members(sweep)
    first = [trial.first_values for trial in sweep.trials()]
    taker.do(1, first[0], None, 256, "return_mean")
    theirs = source.do(1, first[1], None, 256, "return_mean")
    values = {"agent.learning_rate": 0.002, "teacher.shown": 0.25}

    # Nothing is left to learn up to a step that the other has reached, so this is its state as it was taken over.
    taken = taker.do(2, values, source.name, 256, "return_mean")
    assert (taken.values, taken.source, taken.step, taken.iteration) == (
        values,
        source.name,
        theirs.step,
        theirs.iteration,
    )
    assert_same_state(taker, source)
    (trial, _) = sweep.trials()
    config: Any = trial.run.spec.arm("main")
    assert (config.agent.config.learning_rate, config.teacher.config.shown) == (0.002, 0.25)
    assert config.world.settings["subgoal_dropout"] == 0.75

    # From here on they differ, and the taker's run is one like any other.
    taker.do(3, values, None, 512, "return_mean")
    source.do(2, first[1], None, 512, "return_mean")
    assert end_of(taker, 3)[0].step == end_of(source, 2)[0].step == 512
    with pytest.raises(AssertionError):
        assert_same_weights(end_of(taker, 3)[1], end_of(source, 2)[1])
    header = header_of(trial.run.spec.arm("main"), trial.seed)
    assert end_of(taker, 3)[0] == header.model_copy(update={"iteration": 4, "step": 512})
    with taker.run.open_store(read_only=True) as store:
        assert len(store.query("SELECT 1 FROM events WHERE kind = ? AND iteration = 2", (TOOK_OVER,))) == 1
        assert store.query("SELECT count(*) FROM evaluations WHERE step = 256 AND mode = 'alone'") == [(1,)]
        assert read_events(store) == [], "a take-over is no failure"
    (said,) = page.content(taker.run)["take_overs"]
    assert said.startswith(f"took over the state of {source.name} at 256 steps")
    assert html.escape(said, quote=False) in page.render(taker.run).replace("&#34;", '"')


TURNS = """
world: {id: Heist, size: 7, doors: 2, num_envs: 8, max_steps: 16}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, epochs: 1, minibatch_size: 128}
teacher: {kind: environments, environments: 3, cycles: 2, steps_in_environments: 256, steps_in_original: 256}
budget: {steps: 1_280}
evaluation: {every: 512, episodes: 8}
checkpoint: {iterations: 1}
"""


def test_a_teacher_that_is_asked_in_turns_goes_on_with_other_settings(tmp_path: Path) -> None:
    text = (
        "run: run.yaml\nparameters: {teacher.environments: {low: 1, high: 4, whole: true}}\n"
        "population: {members: 2, interval: 512}\n"
    )
    sweep = start_sweep(load_in(tmp_path, text, TURNS), tmp_path / "sweeps")
    taker, source = members(sweep)
    for member, number in ((taker, 4), (source, 2)):
        member.do(1, {"teacher.environments": number}, None, 512, "return_mean")
    taker.do(2, {"teacher.environments": 1}, source.name, 1024, "return_mean")
    with taker.run.open_store(read_only=True) as store:
        rows = store.query("SELECT level_seed, lesson FROM lessons WHERE state = 'kept' ORDER BY id")
    asked = [(turn, len(json.loads(lesson)["tasks"])) for turn, lesson in rows]
    assert asked[0] == (0, 4)
    assert asked[-1] == (1, 1), "after the take-over the second turn's lesson has as many environments as it says now"


def assert_same_weights(some: dict[str, torch.Tensor], others: dict[str, torch.Tensor]) -> None:
    assert some.keys() == others.keys()
    assert all(torch.equal(some[name], others[name]) for name in some)


def assert_same_state(taker: Member, source: Member) -> None:
    newest = [
        checkpoint.load_newest(member.run.checkpoint_folder(member.arm, member.seed)) for member in (taker, source)
    ]
    (one, one_state), (other, other_state) = [(found.header, found.state) for found in newest]
    assert one is not None
    assert other is not None
    assert (one.iteration, one.step) == (other.iteration, other.step)
    assert (one.seed, one.config_hash) != (other.seed, other.config_hash)
    structure, tensors = tree.encode(one_state)
    other_structure, other_tensors = tree.encode(other_state)
    assert structure == other_structure, "everything but the header is the other's"
    assert_same_weights(tensors, other_tensors)


def test_an_interval_is_not_done_again_but_anew_where_the_exchange_was_another(tmp_path: Path) -> None:
    sweep = start_sweep(load_in(tmp_path, LEARNING), tmp_path / "sweeps")
    one, other = members(sweep)
    first = [trial.first_values for trial in sweep.trials()]
    for member, values in zip((one, other), first, strict=True):
        member.do(1, values, None, 256, "return_mean")
    alone = one.do(2, first[0], None, 512, "return_mean")
    kept = end_of(one, 2)
    assert Member(one.run.folder).do(2, first[0], None, 512, "return_mean") == alone
    assert one.do(2, first[1], other.name, 512, "return_mean").source == other.name
    again = one.do(2, first[0], None, 512, "return_mean")
    assert again == alone
    assert_same_weights(end_of(one, 2)[1], kept[1])

    # Its process ended amid the third, and somebody resumed its run by hand while the others waited.
    with pytest.raises(RunError, match="measures no score"):
        one.do(3, first[0], None, 640, "score")
    execute(one.run, 1)
    assert sweep.trials()[0].status == "done"
    assert Member(one.run.folder).do(3, first[0], None, 640, "return_mean").step == 640
    assert len(one.intervals()) == 3


def test_a_member_that_failed_is_the_worst_until_it_takes_over_another(tmp_path: Path) -> None:
    sweep = start_sweep(load_in(tmp_path, LEARNING), tmp_path / "sweeps")
    one, other = members(sweep)
    first = [trial.first_values for trial in sweep.trials()]
    other.do(1, first[1], None, 256, "return_mean")
    diverging = {**first[0], "agent.value_coefficient": 1e300}
    failed = one.do(1, diverging, None, 256, "return_mean")
    assert "no longer finite" in failed.failed
    assert (failed.score, sweep.trials()[0].status) == (None, "failed")
    assert one.do(2, diverging, None, 512, "return_mean").failed == failed.failed
    assert one.do(2, {**first[0], "agent.value_coefficient": 0.5}, other.name, 512, "return_mean").step == 512
    assert sweep.trials()[0].status == "interrupted"


def test_the_schedule_of_the_best_leads_through_the_members_it_came_from() -> None:
    def interval(rate: float, score: float | None, step: int | None, source: str | None = None) -> Interval:
        failed = "diverged" if score is None and step is None else ""
        return Interval(values={"agent.learning_rate": rate}, score=score, step=step, source=source, failed=failed)

    history = History(
        "main, seed 0",
        {
            1: [interval(0.1, 0.5, 100), interval(0.1, 0.6, 200), interval(0.3, 0.9, 300, "b")],
            2: [interval(0.2, None, None), interval(0.4, 0.7, 200, "c"), interval(0.4, 0.8, 300)],
            3: [interval(0.5, 0.55, 100), interval(0.5, 0.2, 200), interval(0.5, None, None)],
        },
        {"a": 1, "b": 2, "c": 3},
        "success",
    )
    assert history.best() == 1
    assert [(member, now.values["agent.learning_rate"]) for member, now in history.schedule(1)] == [
        (3, 0.5),
        (2, 0.4),
        (1, 0.3),
    ]
    assert [(one.step, one.member, one.source, one.score) for one in history.take_overs()] == [
        (100, 2, 3, None),
        (200, 1, 2, 0.6),
    ]
    assert history.settings_table()[1][1] == (
        "2",
        "learning_rate=0.2 → failed",
        "after 3: learning_rate=0.4 → 70 %",
        "learning_rate=0.4 → 80 %",
    )
    waiting = History("main, seed 0", {1: [interval(0.1, 0.5, 100)], 2: [Interval(values={})]}, {}, "return_mean")
    assert waiting.settings_table() == (
        ("Member", "To step 100"),
        [("1", "learning_rate=0.1 → 0.5"), ("2", "as it is → not ended")],
    )


def test_a_population_whose_process_died_after_the_last_interval_of_all_is_done(tmp_path: Path) -> None:
    pytest.importorskip("ray", reason="needs Ray: pip install 'palaestra[ray]'")
    from palaestra.sweep.ray_population import execute_populations

    run = RUN.replace("teacher: {kind: subgoals, levels: 4}\n", "").replace("steps: 768", "steps: 512")
    sweep = start_sweep(load_in(tmp_path, SWEEP.replace(", teacher.shown: {low: 0.2, high: 0.8}", ""), run), tmp_path)
    begun = sweep.unfinished()
    for member, trial in zip(members(sweep), begun, strict=True):
        for number in (1, 2):
            member.do(number, trial.first_values, None, 256 * number, "return_mean")
    account = [member.intervals() for member in members(sweep)]
    # No cluster is needed: nothing is left to be done on one.
    execute_populations(sweep, begun, threads=1, gpus=0.0)
    assert [member.intervals() for member in members(sweep)] == account
    assert sweep.unfinished() == []


@pytest.fixture
def ray_address() -> Iterator[str]:
    """Of a Ray cluster on this machine."""
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'palaestra[ray]'")
    from ray.cluster_utils import Cluster

    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 2, "include_dashboard": False})
    yield str(cluster.address)
    ray.shutdown()
    cluster.shutdown()


@contextmanager
def a_worker_killed() -> Iterator[list[int]]:
    """Inside, the first process of this test's cluster that does members is killed; gives its number."""
    import psutil  # pyright: ignore[reportMissingModuleSource]  # Ray brings it along

    ended, victims = threading.Event(), list[int]()
    here = psutil.Process()

    def kill() -> None:
        while not victims and not ended.wait(0.01):
            for process in here.children(recursive=True):
                with suppress(psutil.NoSuchProcess):
                    if "_Trainable" in " ".join(process.cmdline()):
                        process.kill()
                        victims.append(process.pid)
                        break

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield victims
    finally:
        ended.set()
        thread.join()


@pytest.mark.timeout(600)
def test_on_ray_members_take_over_others_alike_each_time_and_after_an_interruption_and_a_killed_process(
    cli: Callable[..., Any], tmp_path: Path, ray_address: str
) -> None:
    spec = load_in(tmp_path)
    done = cli("sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path / "sweeps", "--ray", ray_address)
    assert done.code == 0, done
    whole = Sweep(next((tmp_path / "sweeps").iterdir()))
    (history,) = read_histories(whole, whole.trials())
    exchanges = history.take_overs()
    assert [one.step for one in exchanges] == [256, 512], "the worse of two takes over the better at each exchange"
    by_number = dict(enumerate(members(whole), start=1))
    for one in exchanges:
        assert (one.score or 0) <= (one.source_score or 0)
        assert history.members[one.member][one.step // 256].source == by_number[one.source].name
        with by_number[one.member].run.open_store(read_only=True) as store:
            told = store.query(
                "SELECT message FROM events WHERE kind = ? AND iteration = ?", (TOOK_OVER, one.step // 128)
            )
        assert by_number[one.source].name in told[0][0]
    # Agents that as good as do not learn keep the weights that they took over.
    last = exchanges[-1]
    theirs, ours = end_of(by_number[last.source], 2), end_of(by_number[last.member], 3)
    assert ours[0].seed == by_number[last.member].seed != theirs[0].seed
    for name, weights in theirs[1].items():
        torch.testing.assert_close(ours[1][name], weights, rtol=0, atol=1e-7)
    for name in ("report.html", "report.md"):
        page = (whole.folder / name).read_text()
        for heading in ("Who took over whom", "the best, came about", "Settings over time"):
            assert heading in page, name

    # As if Ray and its driver had been killed when all had ended the second interval, before the second exchange.
    killed = start_sweep(spec, tmp_path / "again")
    assert killed.folder.name == whole.folder.name
    account = [member.intervals() for member in members(whole)]
    for number in (1, 2):
        for member, intervals in zip(members(killed), account, strict=True):
            now = intervals[number - 1]
            member.do(number, now.values, now.source, 256 * number, "return_mean")
    arguments = "sweep", tmp_path / "sweep.yaml", "--sweeps", tmp_path / "again", "--ray", ray_address
    assert "add --resume to go on" in cli(*arguments).error
    with a_worker_killed() as victims:
        assert cli(*arguments, "--resume").code == 0
    assert victims, "no process was killed"
    assert [member.intervals() for member in members(killed)] == account
