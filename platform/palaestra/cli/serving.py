"""`palaestra serve-teacher`: a language model of Palaestra's behind OpenAI's chat API."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Annotated

import typer

from palaestra.cli.errors import CommandError
from palaestra.cli.models import model_of
from palaestra.cli.servers import ended_by_signals

if TYPE_CHECKING:
    pass

EXAMPLES = (
    "palaestra serve-teacher",
    "palaestra serve-teacher --backend noisy --set accuracy=0.7 --port 8001",
    "palaestra serve-teacher --backend local --set folder=models/my-model --set device=cuda",
    "palaestra serve-teacher --host 0.0.0.0 --api-key-env MY_KEY",
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def serve_teacher(
    backend: Annotated[
        str, typer.Option("--backend", help="Who answers: scripted, noisy, local, or what `list models` shows.")
    ] = "scripted",
    settings: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A setting of the backend. Repeatable.")
    ] = None,
    host: Annotated[str, typer.Option("--host", help="Address to listen at; 0.0.0.0: at all of them.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65_535, help="Port; 0: any that is free.")] = 8000,
    api_key_env: Annotated[
        str | None,
        typer.Option("--api-key-env", metavar="NAME", help="Variable with a key that clients have to send."),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No line for each request.")] = False,
) -> None:
    """Serve a teacher's model as OpenAI's chat API, to any client.

    Try a spec with an endpoint without a key, or put a scripted teacher behind another program.
    Replies are sent whole (no streaming), over plain HTTP. Ctrl-C ends it.
    """
    from palaestra.serve import TeacherServer

    model = model_of(backend, settings or ())
    key = None if api_key_env is None else _key(api_key_env)
    try:
        server = TeacherServer(model, host, port, key, None if quiet else lambda line: print(line, flush=True))
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise CommandError(f"cannot listen at {host}, port {port}: {why}; try another --port or --host") from error
    with server, ended_by_signals(server):
        _introduce(server.url, model.name, api_key_env)
        if key is None and host not in LOOPBACK:
            typer.echo(f"palaestra: whoever reaches {host} can use it; --api-key-env asks for a key", err=True)
        server.serve_forever(poll_interval=0.1)
    print("Ended.")


def _key(variable: str) -> str:
    key = os.environ.get(variable, "").strip()
    if not key:
        raise CommandError(
            f"--api-key-env: the environment variable {variable} is not set; set it to the key to ask for"
        )
    return key


def _introduce(url: str, name: str, api_key_env: str | None) -> None:
    settings = {"backend": "openai", "base_url": url, "model": name, "api_key_env": api_key_env}
    words = ", ".join(f"{key}: {value if key == 'backend' else json.dumps(value)}" for key, value in settings.items())
    print(f"Serving '{name}' at {url}; Ctrl-C ends it. In a spec:\n")
    print(f"teacher:\n  kind: subgoals\n  model: {{{words}}}\n", flush=True)
