"""The planners by kind."""

from __future__ import annotations

from palaestra_worlds.planning import PlanningModel

from palaestra_agents.mpc.config import AnyPlannerConfig
from palaestra_agents.mpc.cross_entropy import CrossEntropy
from palaestra_agents.mpc.ilqg import ILQG
from palaestra_agents.mpc.mppi import MPPI
from palaestra_agents.mpc.planner import Planner
from palaestra_agents.mpc.predictive_sampling import PredictiveSampling
from palaestra_agents.mpc.sample_gradient import SampleGradient

PLANNERS: dict[str, type[Planner]] = {
    "predictive_sampling": PredictiveSampling,
    "cross_entropy": CrossEntropy,
    "mppi": MPPI,
    "sample_gradient": SampleGradient,
    "ilqg": ILQG,
}


def make_planner(config: AnyPlannerConfig, problem: PlanningModel, seed: int = 0) -> Planner:
    """The planner that a configuration describes."""
    return PLANNERS[config.kind](config, problem, seed)
