"""Measures what runs cost as they grow: processor time, memory, waiting for a teacher. No language model is asked.

    python docs/costs.py [--part worlds|learner|teacher|threads|ray ...] [--folder runs/costs]

Each figure is a line of JSON in FOLDER/costs.jsonl. Processor time is that of the process: other programs on the
machine make little difference to it. Each measurement is a fork of this process, in which everything is imported
already; that of sweeps is of all processes that come of the command. Linux only (it reads /proc).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import palaestra_worlds
from palaestra.bench.learner import make_ours
from palaestra.bench.setting import Setting
from palaestra.run import start_run
from palaestra.spec import RunSpec
from palaestra.trials import execute
from palaestra.worker import torch_threads

WORLDS: dict[str, dict[str, Any]] = {
    "MiniGrid-DoorKey-8x8-v0": {"threads": 1},
    "Heist": {"threads": 1},
    "Crafter": {"observation": "symbolic", "threads": 1},
    "AGV": {"threads": 1},
    "Overworld": {"mobs": "passive", "threads": 1},
    "Quadruped": {"threads": 1},
    "gymnasium:CartPole-v1": {},
}
NUM_ENVS = 128
ENVIRONMENTS = (64, 256, 1024, 4096)
STEPS = 16
LATENCIES = (0.0, 0.1, 1.0, 10.0)
LEVELS, CONCURRENCY = 16, 8
THREADED = {"MiniGrid-DoorKey-8x8-v0": 4096, "Crafter": 4096, "AGV": 1024, "Overworld": 128}
"""Environments in which threads are compared: so many that all worlds take the threads that they are given."""
TRIALS = (2, 6)
TRIAL = """
name: short
world: {id: MiniGrid-Empty-5x5-v0, num_envs: 8}
agent: {network: {kind: mlp, hidden: [16]}, rollout_length: 16, minibatch_size: 64}
budget: {steps: 512}
evaluation: {every: 512, episodes: 4}
"""
SPEC = """
name: slow-teacher
world: {{id: MiniGrid-DoorKey-5x5-v0, num_envs: 64}}
agent: {{network: {{kind: mlp, hidden: [64, 64]}}, rollout_length: 32, minibatch_size: 512}}
teacher:
  kind: subgoals
  levels: {levels}
  concurrency: {concurrency}
  mode: {mode}
  retries: 0
  model: {{backend: openai, base_url: "http://127.0.0.1:{port}/v1", model: slow, api_key_env: null}}
budget: {{steps: 8_192}}
evaluation: {{every: 8_192, episodes: 8}}
"""


def memory() -> int:
    """Bytes of this process's own memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))


def in_fork(measure: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a measurement gives, done in a process of its own."""
    reading, writing = os.pipe()
    if os.fork() == 0:
        try:
            found = measure()
        except BaseException as error:
            found = {"error": f"{type(error).__name__}: {error}"}
        os.write(writing, json.dumps(found).encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as file:
        found = json.loads(file.read())
    os.wait()
    return found


def world_costs(id: str, num_envs: int, **changes: Any) -> dict[str, Any]:
    """Memory and processor time of a world with random actions."""
    # What is compiled and loaded once is not counted for each environment.
    for count in (2, num_envs):
        before = memory()
        world = palaestra_worlds.make(id, num_envs=count, copy_observations=False, **(WORLDS[id] | changes))
        world.reset(seed=0)
        world.action_space.seed(0)
        actions = [world.action_space.sample() for _ in range(8)]
        for step in range(STEPS):
            world.step(actions[step % 8])
    began = time.process_time()
    for step in range(STEPS):
        world.step(actions[step % 8])
    spent = time.process_time() - began
    return {"memory": memory() - before, "microseconds": 1e6 * spent / (STEPS * num_envs)}


def learner_costs(num_envs: int, threads: int = 1) -> dict[str, Any]:
    """Processor time of PPO, and the memory of it all."""
    with torch_threads(threads):
        return _learner_costs(num_envs)


def _learner_costs(num_envs: int) -> dict[str, Any]:
    before = memory()
    setting = Setting(num_envs=num_envs, rollout_length=16, batch=max(256, num_envs))
    agent, world = make_ours("MiniGrid-DoorKey-8x8-v0", setting)
    agent.train_iteration(world, progress=0.0)
    began = time.process_time()
    parts: dict[str, float] = {}
    for _ in range(2):
        metrics = agent.train_iteration(world, progress=0.0)
        for name in ("time/step", "time/act", "time/learn"):
            parts[name] = parts.get(name, 0.0) + metrics[name]
    steps, whole = 2 * 16 * num_envs, sum(parts.values())
    return {
        "memory": memory() - before,
        "microseconds": 1e6 * (time.process_time() - began) / steps,
        "shares": {name.removeprefix("time/"): value / whole for name, value in parts.items()},
    }


class Slow(BaseHTTPRequestHandler):
    """Answers every question after a while, with nothing to learn from: only the time is of interest."""

    latency = 0.0

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        time.sleep(self.latency)
        message = {"role": "assistant", "content": '{"subgoals": []}'}
        content = json.dumps({"id": "1", "object": "chat.completion", "created": 0, "model": "slow", "choices": [
            {"index": 0, "finish_reason": "stop", "message": message}]}).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


def teacher_costs(folder: Path, mode: str, latency: float) -> dict[str, Any]:
    """Wall and processor time of a short run whose teacher takes so many seconds for each answer."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Slower", (Slow,), {"latency": latency}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    text = SPEC.format(levels=LEVELS, concurrency=CONCURRENCY, mode=mode, port=server.server_address[1])
    run = start_run(RunSpec.from_yaml(text, "slow-teacher.yaml"), folder)
    wall, processor = time.monotonic(), time.process_time()
    done = execute(run, jobs=1).done
    found = {"wall": time.monotonic() - wall, "processor": time.process_time() - processor, "done": done}
    with run.open_store(read_only=True) as store:
        found["calls"] = store.query("SELECT COUNT(*) FROM calls")[0][0]
    return found


def sweep_costs(folder: Path, trials: int, *options: str) -> dict[str, Any]:
    """Processor time of a sweep of so many short trials: of all processes with the environment that it is given."""
    folder.mkdir(parents=True)
    (folder / "run.yaml").write_text(TRIAL)
    (folder / "sweep.yaml").write_text(f"name: costs\nrun: run.yaml\nseeds: {trials}\n")
    mark, spent = f"PALAESTRA_COSTS={time.time_ns()}", dict[str, float]()
    words = ["sweep", str(folder / "sweep.yaml"), "--sweeps", str(folder), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "palaestra", *words],
        env=os.environ | dict([mark.split("=")]),
        stdout=subprocess.DEVNULL,
    )
    while process.poll() is None:
        for path in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if mark.encode() in (path / "environ").read_bytes():
                    fields = (path / "stat").read_text().rpartition(")")[2].split()
                    spent[path.name] = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        time.sleep(0.2)
    return {"processor": sum(spent.values()), "processes": len(spent), "code": process.returncode}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = ("worlds", "learner", "teacher", "threads", "ray")
    parser.add_argument("--part", action="append", choices=parts, help="repeatable; default: all")
    parser.add_argument("--folder", type=Path, default=Path("runs/costs"))
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)

    def keep(part: str, key: dict[str, Any], found: dict[str, Any]) -> None:
        row = {"part": part} | key | found | {"load": os.getloadavg()[0]}
        with (options.folder / "costs.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    for part in options.part or parts:
        if part == "worlds":
            for id in WORLDS:
                keep(part, {"world": id, "num_envs": NUM_ENVS}, in_fork(lambda id=id: world_costs(id, NUM_ENVS)))
        elif part == "learner":
            for num_envs in ENVIRONMENTS:
                keep(part, {"num_envs": num_envs}, in_fork(lambda num_envs=num_envs: learner_costs(num_envs)))
        elif part == "threads":
            for threads in (1, 2):
                for id, count in THREADED.items():
                    found = in_fork(lambda id=id, count=count, threads=threads: world_costs(id, count, threads=threads))
                    keep(part, {"world": id, "num_envs": count, "threads": threads}, found)
                found = in_fork(lambda threads=threads: learner_costs(ENVIRONMENTS[-1], threads))
                keep(part, {"num_envs": ENVIRONMENTS[-1], "threads": threads}, found)
        elif part == "ray":
            for way in (("--jobs", "1"), ("--ray", "local")):
                for trials in TRIALS:
                    folder = options.folder / f"{time.time_ns()}"
                    keep(part, {"way": " ".join(way), "trials": trials}, sweep_costs(folder, trials, *way))
        else:
            for mode in ("ahead", "live"):
                for latency in LATENCIES:
                    folder = options.folder / f"{time.time_ns()}"
                    key = {"mode": mode, "latency": latency}
                    keep(part, key, in_fork(lambda key=key, folder=folder: teacher_costs(folder, **key)))


if __name__ == "__main__":
    main()
