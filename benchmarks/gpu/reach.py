"""Time from the command to the report, and the AUC that it reaches."""

from __future__ import annotations

from .commands import PHANTOM, command, data_of, test_auc
from .setting import Setting


def results(setting: Setting) -> dict[str, object]:
    """Run `medmonai run` with few and with the shipped number of epochs; wall seconds and AUC."""
    cells: list[tuple[str, dict[str, object]]] = []
    for name, numbers in (("pneumoniamnist", (3, 20)), ("vesselmnist3d", (30,))):
        folder = data_of(setting, name)
        if folder and not setting.small:
            for epochs in numbers:
                warm_up = round(0.7 * epochs)
                ids = {"dataset_dir": folder, "max_epochs": epochs, "warmup_epochs": warm_up}
                cells.append((name, ids))
    if not cells:
        ids = {"train_cases": 128, "max_epochs": 2, "warmup_epochs": 1, "spatial_size": "[16,16]"}
        cells = [(PHANTOM, ids)]
    found = {}
    for name, ids in cells:
        output = setting.output / f"{name}-{ids['max_epochs']}"
        given = [f"--{key}={value}" for key, value in ids.items()]
        done = command(["medmonai", "run", name, f"--output_dir={output}", *given])
        if done["works"]:
            done = {"seconds": done["seconds"], "test AUC": test_auc(output)}
        found[f"{name}, {ids['max_epochs']} epochs"] = done
    return found
