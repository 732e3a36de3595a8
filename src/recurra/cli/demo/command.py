"""The demo's command: its acts in order."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

__all__ = ["demo"]


def demo(
    out: Annotated[Path, typer.Option(help="The folder for the picture and the models.")] = Path(
        "recurra-demo"
    ),
    seed: Annotated[int, typer.Option(min=0, help="The same seed gives the same numbers.")] = 0,
    scale: Annotated[
        float, typer.Option(min=0.001, max=1.0, help="Less than 1 is quicker and learns less.")
    ] = 1.0,
) -> None:
    """Show the whole idea: what a state is for, learned, streamed, and at work on recordings."""
    import torch
    from rich.table import Table

    from recurra.cli.console import console
    from recurra.cli.demo.idea import hand_set_cells, two_input_window, without_a_state
    from recurra.cli.demo.learning import train_all
    from recurra.cli.demo.picture import draw_states
    from recurra.cli.demo.recordings import real_recordings
    from recurra.cli.demo.running import save_all, stream_all

    started = time.perf_counter()
    out.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)  # the layers are small: a second thread would only be waited for
    without_a_state(console)
    two_input_window(console)
    hand_set_cells(console)

    console.rule("4  Learned from examples", align="left")
    console.print(
        "Nobody tells a trained cell what to keep. Three cells learn “equal to the one before?” "
        "and “seen at all?” from sequences of at most 32 symbols."
    )
    models = train_all(console, seed, scale)
    files = save_all(models, out)
    console.print(
        "Each is then read from its file and fed new symbols one by one, its state kept:\n"
    )
    table = Table(box=None, pad_edge=False)
    for head in ("question", "cell", "trained", "events", "resets", "wrong", "right", "an event"):
        table.add_column(head, justify="left" if head in {"question", "cell"} else "right")
    for done in stream_all(console, files, seed, scale):
        table.add_row(
            done.trained.question,
            done.trained.cell,
            f"{done.trained.seconds:.1f} s",
            f"{done.events:,}",
            f"{done.sequences - 1:,}",
            f"{done.wrong:,}",
            f"{done.right:.2%}",
            f"{done.microseconds:.0f} µs",
        )
    console.print(table)
    console.print()

    console.rule("5  What they hold", align="left")
    picture = draw_states([m for m in models if m.question == "seen"], out / "states.png", seed)
    console.print(f"The states over one sequence, and the answers under them: {picture}\n")
    real_recordings(console, out / "vowels-gru.recurra", seed, scale)

    console.rule(f"Done in {time.perf_counter() - started:.0f} s", align="left")
    console.print(f"Picture and models are in {out}/. Try next:")
    for command in (
        f"recurra inspect {out}/seen-lstm.recurra",
        "recurra train --data japanese-vowels --out vowels.recurra",
        "recurra --help",
    ):
        console.print(f"  {command}", markup=False)
