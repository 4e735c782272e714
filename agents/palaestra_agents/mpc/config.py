"""Settings of the planners: what a user writes under `planner:`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from palaestra_agents.base import AgentConfig
from palaestra_agents.mpc.spline import Interpolation


class PlannerConfig(AgentConfig):
    """What every planner takes."""

    horizon: float = Field(default=0.35, gt=0.0, le=10.0, description="Seconds that a plan looks ahead.")
    iterations: int = Field(default=1, ge=1, le=1000, description="Improvements of a plan before it is used.")
    action_rate: float = Field(
        default=2e-5, ge=0.0, description="Weight of half the squared change of the controls per second."
    )
    threads: int | None = Field(
        default=None, ge=1, le=1024, description="Threads that rollouts run on; null: one for each processor."
    )


class SamplingConfig(PlannerConfig):
    """What planners take that try samples of control splines."""

    knots: int = Field(default=3, ge=1, le=100, description="Knots of the control spline, evenly over the horizon.")
    interpolation: Interpolation = Field(default="cubic", description="How controls go from knot to knot.")
    samples: int = Field(default=60, ge=2, le=100_000, description="Rollouts of one iteration.")
    noise: float = Field(
        default=0.1, gt=0.0, le=10.0, description="Standard deviation of a knot's noise, in control scales."
    )
    finest: float = Field(
        default=1.0,
        gt=0.0,
        le=1.0,
        description="Share of the noise that the calmest sample gets; the others lie between it and all of it, evenly "
        "by ratio. Below 1 a plan can be bold far from its goal and precise near it.",
    )


class PredictiveSamplingConfig(SamplingConfig):
    """Keeps the best of noisy copies of the last plan, the plan itself among them (arXiv 2212.00541)."""

    kind: Literal["predictive_sampling"] = "predictive_sampling"


class CrossEntropyConfig(SamplingConfig):
    """Fits mean and standard deviation of the knots to the best samples."""

    kind: Literal["cross_entropy"] = "cross_entropy"
    elites: float = Field(default=0.1, gt=0.0, le=1.0, description="Share of the samples that is fitted, at least 2.")
    least_noise: float = Field(
        default=0.05, gt=0.0, description="Standard deviation that is kept at least, in control scales."
    )


class MPPIConfig(SamplingConfig):
    """Averages all samples, weighted by the exponential of their negative cost (model-predictive path integral)."""

    kind: Literal["mppi"] = "mppi"
    temperature: float = Field(
        default=0.1,
        gt=0.0,
        description="Cost difference that weighs 1/e, in standard deviations of the samples' costs.",
    )


class SampleGradientConfig(SamplingConfig):
    """Estimates the cost's gradient from pairs of opposite samples and goes down it as far as rollouts say."""

    kind: Literal["sample_gradient"] = "sample_gradient"
    steps: int = Field(default=10, ge=2, le=1000, description="Step lengths that are tried at once.")
    longest_step: float = Field(
        default=0.5, gt=0.0, description="Largest change of a knot that is tried, in control scales."
    )


class ILQGConfig(PlannerConfig):
    """Iterative linear-quadratic-Gaussian control with control limits (Tassa et al. 2014)."""

    kind: Literal["ilqg"] = "ilqg"
    step_sizes: int = Field(default=8, ge=1, le=1000, description="Step sizes that are tried at once.")
    least_step: float = Field(default=0.01, gt=0.0, lt=1.0, description="The smallest of them; the largest is 1.")
    finite_difference: float = Field(default=1e-6, gt=0.0, le=1e-2, description="Width of finite differences.")
    first_regularization: float = Field(default=1e-6, ge=0.0, description="Added to the controls' curvature at first.")
    most_regularization: float = Field(default=1e6, gt=0.0, description="The plan is kept when more were needed.")


AnyPlannerConfig = Annotated[
    PredictiveSamplingConfig | CrossEntropyConfig | MPPIConfig | SampleGradientConfig | ILQGConfig,
    Field(discriminator="kind"),
]
