"""Write measurements of simulated devices, as an example for ``analognas device fit``.

python examples/simulate_measurements.py PCM examples/simulated-pcm.csv
python examples/simulate_measurements.py ReRAMWan2022 examples/simulated-reram.csv
"""

import sys

import torch

from analognas.core import write_text
from analognas.physics import PowerLawDevice, find_device
from analognas.physics.fitting import simulate_measurements

name, path = sys.argv[1:]
device = find_device(name)
targets = [round(share * device.g_max, 3) for share in (0.02, 0.1, 0.25, 0.5, 0.75, 1.0)]
times = [1.0, 60.0, 3600.0, 21600.0, 86400.0, 2592000.0]
if not isinstance(device, PowerLawDevice):
    times = [1.0, 60.0, 3600.0, 21600.0, 86400.0, 172800.0]  # where the model is known
generator = torch.Generator().manual_seed(0)
data = simulate_measurements(device, targets, times, 50, generator=generator)
lines = ["target_uS,device,time_s,conductance_uS"]
for g, number, t_row, g_row in zip(
    data.target, data.device, data.time, data.conductance, strict=True
):
    lines += [f"{g:g},{number},{t:g},{y:.4f}" for t, y in zip(t_row, g_row, strict=True)]
write_text(path, "\n".join(lines) + "\n")
