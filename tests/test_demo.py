"""The main job, at its real size: what a newcomer's first command ends with."""

import json

import pytest

from cardigan.__main__ import main


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_dcgan_learns_to_draw_clothes(seed, tmp_path):
    run = tmp_path / "run"
    assert main(["train", "dcgan", "--out", str(run), "--training.seed", str(seed)]) == 0
    found = json.loads((run / "metrics.jsonl").read_text().splitlines()[-1])
    shares, distance = found["class_histogram"]["shares"], found["frechet_distance"]
    assert len(shares) == 10 and min(shares.values()) >= 0.05
    assert distance["value"] <= 12 * distance["floor"]
    assert found["about"]["samples"] == 2000 and (run / "report.html").stat().st_size > 50_000
