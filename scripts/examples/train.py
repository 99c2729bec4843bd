#!/usr/bin/env python3
"""train.py - train one amp's model with the official trainer's networks, data
sets and exporter (PyPI neural-amp-modeler), and write it as a .nam file.

    train.py AMP IN.wav TARGET.wav VALIDATION_START MINUTES OUT.nam [RESUME]

The trainer's own loop counts epochs; this one counts minutes, so that the
learning rate comes down in the time there is.  OUT.nam always holds the best
model so far; OUT.nam.pt its state, which RESUME (such a file) starts from."""
import json
import math
import os
import random
import sys
import time
from pathlib import Path

import numpy as np
import torch
from nam.data import Dataset
from nam.models.metadata import GearType, ToneType, UserMetadata
from nam.train.lightning_module import LightningModule

POWERS = [2**i for i in range(10)]
SHORT, LONG = POWERS[:7], POWERS[7:] + POWERS


def wavenet(channels, dilations):
    """The two-array shapes that players know as standard, lite, feather, nano."""
    (c1, c2), (d1, d2) = channels, dilations

    def array(size, c, head, bias, d):
        return {
            "input_size": size, "condition_size": 1, "channels": c, "kernel_size": 3, "dilations": d,
            "activation": "Tanh", "head": {"out_channels": head, "kernel_size": 1, "bias": bias},
        }

    layers = [array(1, c1, c2, False, d1), array(c1, c2, 1, True, d2)]
    return {"name": "WaveNet", "config": {"layers_configs": layers, "head_scale": 0.02}}


def lstm(hidden):
    return {"name": "LSTM", "config": {"num_layers": 1, "hidden_size": hidden,
                                       "train_burn_in": 2048, "train_truncate": 2048}}


# name, model, tone, network, batch, frames a segment, learning rate from and
# to, frames before each segment that an LSTM settles in
AMPS = {
    "harbor": ("Harbor 22 clean", "Harbor 22", ToneType.CLEAN, lstm(16), 48, 2048, 1e-2, 1e-4, 2048),
    "crown": ("Crown 45 crunch", "Crown 45", ToneType.CRUNCH,
              wavenet((12, 6), (SHORT, LONG)), 4, 8192, 5e-3, 5e-5, 0),
    "anvil": ("Anvil 100 high gain", "Anvil 100", ToneType.HI_GAIN,
              wavenet((16, 8), (POWERS, POWERS)), 4, 8192, 4e-3, 5e-5, 0),
    "mudlark": ("Mudlark 60 fuzzy lead", "Mudlark 60", ToneType.FUZZ,
                wavenet((8, 4), (SHORT, LONG)), 4, 8192, 6e-3, 5e-5, 0),
}


def batches(data, size):
    """Segments in random order, without end."""
    while True:
        order = list(range(len(data)))
        random.shuffle(order)
        for i in range(0, len(order) - size + 1, size):
            x, y = zip(*(data[j] for j in order[i : i + size]))
            yield torch.stack(x), torch.stack(y)


def esr_of(net, data):
    net.eval()
    with torch.no_grad(), torch.compiler.set_stance("force_eager"):
        y = net(data.x, pad_start=True)[-len(data.y) :] if net.receptive_field == 1 else \
            net(data.x, pad_start=False)
        t = data.y[-len(y) :]
        esr = ((y - t) ** 2).sum() / (t**2).sum()
    net.train()
    return float(esr)


def shortest(weights):
    """Each weight as the shortest decimal that is the same float32."""
    return "[" + ", ".join(np.format_float_positional(np.float32(w), trim="-") if 1e-4 <= abs(w) < 1e6
                           else np.format_float_scientific(np.float32(w), trim="-") for w in weights) + "]"


def plain(config):
    """A WaveNet's config in the words of file version 0.5, which every player
    reads: the trainer writes many keys that our networks leave switched off."""
    def array(a):
        return {"input_size": a["input_size"], "condition_size": a["condition_size"],
                "head_size": a["head"]["out_channels"], "channels": a["channels"], "kernel_size": 3,
                "dilations": a["dilations"], "activation": "Tanh", "gated": False,
                "head_bias": a["head"]["bias"]}

    return {"layers": [array(a) for a in config["layers"]], "head": None, "head_scale": config["head_scale"]}


def tidy(source, out):
    """The trainer's file source as out: plain config, weights as short as float32 allows."""
    model = json.loads(source.read_text())
    weights = model.pop("weights")
    model["version"] = "0.5.4"
    model["metadata"].pop("output_level_dbu", None)   # the simulation has no such level
    if model["architecture"] == "WaveNet":
        model["config"] = plain(model["config"])
    tmp = out.parent / (out.name + ".tmp")
    tmp.write_text(json.dumps(model)[:-1] + ', "weights": ' + shortest(weights) + "}\n")
    os.replace(tmp, out)


def export(net, user, esr, facts, out):
    training = {"training": {**facts, "validation_esr": esr}}
    with torch.compiler.set_stance("force_eager"):
        net.export(out.parent, basename=out.stem + ".full", user_metadata=user, other_metadata=training)
    full = out.parent / (out.stem + ".full.nam")
    tidy(full, out)
    full.unlink()


def main():
    amp, x_path, y_path, start, minutes, out = sys.argv[1:7]
    name, gear, tone, network, size, ny, lr0, lr1, mask = AMPS[amp]
    start, minutes, out = int(start), float(minutes), Path(out)
    torch.manual_seed(1)
    random.seed(1)
    torch.set_num_threads(1)
    module = LightningModule.init_from_config({
        "net": network, "loss": {"val_loss": "mse", "mask_first": mask},
        "optimizer": {"lr": lr0}, "lr_scheduler": None})
    net = module.net
    best = math.inf
    common = {"x_path": x_path, "y_path": y_path, "nx": net.receptive_field, "delay": 0}
    train = Dataset.init_from_config({**common, "ny": ny + mask, "stop_samples": start})
    valid = Dataset.init_from_config({**common, "ny": None, "start_samples": start})
    net.sample_rate = train.sample_rate
    if len(sys.argv) > 7:
        net.load_state_dict(torch.load(sys.argv[7]))
        best = esr_of(net, valid)
        lr0 *= 0.5               # gentler the second time
    optimizer = torch.optim.Adam(module.parameters(), lr=lr0)
    if network["name"] == "WaveNet":
        net._net.compile()   # 1.6 times as fast on one core
    user = UserMetadata(name=name, modeled_by="guitar-tone-shootout project", gear_type=GearType.AMP,
                        gear_make="Larkfield", gear_model=gear, tone_type=tone, input_level_dbu=5.23)
    net.train()
    began = checked = time.time()
    for step, (x, y) in enumerate(batches(train, size)):
        done = (time.time() - began) / 60 / minutes
        warm = min(1, (step + 1) / 50)
        for group in optimizer.param_groups:
            group["lr"] = warm * (lr1 + (lr0 - lr1) * 0.5 * (1 + math.cos(math.pi * min(1, done))))
        optimizer.zero_grad()
        loss = module.training_step((x, y), step)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()
        if time.time() - checked > 90 or done >= 1:
            esr = esr_of(net, valid)
            print(f"{amp} {60 * done * minutes:5.0f} s, step {step}: ESR {esr:.5f}", flush=True)
            if esr < best:
                best = esr
                facts = {"trainer": "neural-amp-modeler 0.13.0", "steps": step + 1,
                         "train_seconds": start / 48000, "validation_seconds": len(valid.y) / 48000}
                torch.save(net.state_dict(), str(out) + ".pt")
                export(net, user, esr, facts, out)
            checked = time.time()
        if done >= 1:
            break
    print(f"{amp}: best ESR {best:.5f}")


if __name__ == "__main__":
    main()
