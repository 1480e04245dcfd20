"""Everything that only a GPU can show, in one run: does it work there, is it right, how fast is it.

    python -m benchmarks.gpu --output DIR --minutes 9 [--data FOLDER] [--device cuda]

Each part runs in a process of its own with a limit of its own, the most valuable first, and leaves
DIR/PART.json; DIR/summary.md is written again after each, so that an interrupted run keeps what it
found. Parts that only ask whether something works run beside each other; whatever is timed runs
alone. `--device cpu --small` rehearses all of it on a machine without a GPU, with figures that mean
nothing. FOLDER holds `medmnist/pneumoniamnist.npz` and `vesselmnist3d.npz`; without them the
phantoms stand in.
"""
