"""FID's Inception network: layer for layer that of torch-fidelity, its weights only from files."""

import hashlib
import pickle
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import torch
from fidelity_tools import fidelity
from safetensors.torch import save_file
from torch import nn

from cardigan.__main__ import main
from cardigan.data import downloads
from cardigan.errors import UserError
from cardigan.metrics import inception, inception_weights
from cardigan.metrics.features import extract
from cardigan.metrics.inception import Inception, prepared, published, stretched, with_weights

SIZES = [(1, 28, 28), (3, 32, 32), (3, 299, 299), (3, 300, 300), (3, 64, 48)]


@pytest.fixture(scope="module")
def state():
    """Weights under their published names, at scales that let signals through."""
    net, made = Inception(), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for module in net.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, generator=made)
            if isinstance(module, nn.BatchNorm2d):
                assert module.running_mean is not None and module.running_var is not None
                for values, low, high in (
                    (module.running_mean, -0.1, 0.1),
                    (module.bias, -0.1, 0.1),
                    (module.running_var, 0.5, 1.5),
                    (module.weight, 0.5, 1.5),
                ):
                    values.uniform_(low, high, generator=made)
    return published(net) | {"fc.bias": torch.randn(1008, generator=made)}


@pytest.fixture(scope="module")
def file(state, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "published.pth"
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def net(file):
    return inception_weights.inception(file)


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """No test finds weights of its machine, and none leaves any."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))


def noise(*shape):
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(1)).to(torch.uint8)


def relative(a, b):
    return ((a - b).abs().max() / b.abs().max()).item()


# -------------------------------------------------------------------------------- torch-fidelity's


def test_the_same_as_torch_fidelity(net, file):
    """Features and logits, at all kinds of sizes, for the same weights."""
    try:
        with fidelity("feature_extractor_inceptionv3") as module:
            features = ["2048", "logits_unbiased"]
            theirs = module.FeatureExtractorInceptionV3("", features, str(file))
    except ImportError:
        pytest.skip("torch-fidelity is not there")
    for shape in SIZES[:4]:
        images = noise(1, *shape)
        found = extract(net, images)
        with torch.no_grad():
            expected, logits = theirs(images.expand(-1, 3, -1, -1))
        assert found.features.shape == (1, 2048) and found.probabilities.shape == (1, 1008)
        assert relative(found.features, expected.double()) < 1e-4
        assert relative(found.probabilities, logits.double().softmax(1)) < 1e-4


@pytest.mark.parametrize("shape", [*SIZES, (1, 1, 1), (3, 2, 700)])
def test_resized_to_the_bit_as_torch_fidelity_does(shape):
    name = "interpolate_compat_tensorflow"
    images = noise(2, *shape).float()
    try:
        with fidelity(name) as module:
            resize = module.interpolate_bilinear_2d_like_tensorflow1x
            expected = resize(images, (299, 299), align_corners=False)
    except ImportError:
        pytest.skip("torch-fidelity is not there")
    assert torch.equal(stretched(images, 299), expected)


# ------------------------------------------------------------------------------------ by itself


def test_resized_from_corner_to_corner():
    """Pixel i lies at i * 2 / 4: between neighbours half of each, beyond the last the last."""
    row = torch.tensor([[[[0.0, 8.0]]]])
    assert stretched(row, 4)[0, 0].tolist() == [[0, 4, 8, 8]] * 4


def test_a_picture_of_its_size_only_changes_its_range():
    images = noise(1, 3, 299, 299)
    assert torch.equal(prepared(images), (images.float() - 128) / 128)


def test_grey_is_red_green_and_blue_alike():
    images = noise(1, 1, 28, 28)
    assert torch.equal(prepared(images), prepared(images.expand(-1, 3, -1, -1)))


@pytest.mark.parametrize(
    ("block", "before", "after"),
    [
        ("Mixed_5b", (192, 35), (256, 35)),
        ("Mixed_6a", (288, 35), (768, 17)),
        ("Mixed_6e", (768, 17), (768, 17)),
        ("Mixed_7a", (768, 17), (1280, 8)),
        ("Mixed_7c", (2048, 8), (2048, 8)),
    ],
)
def test_shapes_of_blocks(net, block, before, after):
    (c, size), (channels, side) = before, after
    with torch.no_grad():
        outputs = net.net.body.get_submodule(block)(torch.zeros(1, c, size, size))
    assert outputs.shape == (1, channels, side, side)


def test_number_of_weights(net):
    assert sum(p.numel() for p in net.net.parameters()) == 23_849_952
    assert sum(isinstance(m, nn.Conv2d) for m in net.net.modules()) == 94


def test_averages_leave_padding_out_and_the_last_block_takes_the_maximum(net):
    ones = torch.ones(1, 1, 5, 5)
    pools = {
        name: block.branches[-1].pool
        for name, block in net.net.body.named_children()
        if isinstance(block, inception.Side) and isinstance(block.branches[-1], nn.Sequential)
    }
    assert len(pools) == 9
    assert all(torch.equal(pool(ones), ones) for pool in pools.values())
    peak = torch.zeros(1, 1, 3, 3)
    peak[0, 0, 1, 1] = 9
    assert [n for n, pool in pools.items() if pool(peak).max() == 9] == ["Mixed_7c"]


def test_it_repeats_itself_in_any_batch_and_in_training_mode(net):
    images = noise(2, 3, 20, 20)
    first = extract(net, images)
    net.net.train()
    again, apart = extract(net, images), extract(net, images, 1)
    assert torch.equal(first.features, again.features)
    assert relative(apart.features, first.features) < 1e-5
    assert relative(apart.probabilities, first.probabilities) < 1e-5
    assert first.features.std(0).mean() > 0.01  # pictures are told apart


# -------------------------------------------------------------------------------------- weights


def test_any_kind_of_file_gives_the_same_network(state, net, file, tmp_path):
    save_file(state, tmp_path / "weights.safetensors")
    kept = inception_weights.keep(file)
    for weights in (tmp_path / "weights.safetensors", kept, ""):
        again = inception_weights.inception(weights)
        assert again.checksum == net.checksum
    old = {name: value for name, value in state.items() if "num_batches" not in name}
    assert torch.equal(published(with_weights(old))["fc.weight"], state["fc.weight"])
    other = state | {"fc.weight": state["fc.weight"] + 1}
    torch.save(other, tmp_path / "other.pth")
    assert inception_weights.inception(tmp_path / "other.pth").checksum != net.checksum


def test_nothing_is_fetched_unasked(monkeypatch):
    monkeypatch.setattr(downloads.pooch, "retrieve", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(UserError, match="got none: run cardigan data fetch inception"):
        inception_weights.inception()


@pytest.fixture
def served(file, monkeypatch):
    """The file under an address of this machine, which stands where the published one would."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=file.parent)) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/{file.name}"
        monkeypatch.setattr(inception_weights, "URL", url)
        yield url
        server.shutdown()


def test_fetched_weights_are_verified_and_kept(net, file, served, monkeypatch, capsys):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    near = f"{sha256[:8]}{sha256[:7:-1]}"  # the eight digits that a name tells are not enough
    for wrong in (inception_weights.SHA256, near):
        monkeypatch.setattr(inception_weights, "SHA256", wrong)
        assert main(["data", "fetch", "inception"]) == 2
        told = capsys.readouterr().err.strip().splitlines()[-1]
        assert told.startswith(f"cardigan: error: could not fetch {served}: ") and sha256 in told
        assert not inception_weights.place().parent.exists()
    monkeypatch.setattr(inception_weights, "SHA256", sha256)
    assert main(["data", "fetch", "inception"]) == 0
    out = capsys.readouterr().out
    assert served in out and f"inception is in {inception_weights.place()}" in out
    assert inception_weights.inception().checksum == net.checksum
    assert [p.name for p in inception_weights.place().parent.iterdir()] == [
        inception_weights.place().name
    ]


def test_a_download_shows_how_far_it_is(file, served, tmp_path, monkeypatch):
    seen = []
    update = downloads.Progress.update
    monkeypatch.setattr(
        downloads.Progress,
        "update",
        lambda bar, n: (seen.append((n, bar.task.total)), update(bar, n)),
    )
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    assert downloads.download(served, sha256, tmp_path).read_bytes() == file.read_bytes()
    megabytes = round(file.stat().st_size / 1e6)
    assert seen[-1] == (megabytes, megabytes) and len({n for n, _ in seen}) > 50


def test_a_network_that_cannot_be_reached_is_told(served, monkeypatch):
    monkeypatch.setattr(inception_weights, "URL", f"{served}.gone")
    with pytest.raises(UserError, match="could not fetch .*404.*try again later"):
        inception_weights.fetch()


def test_kept_weights_that_changed_are_refused(file):
    kept = inception_weights.keep(file)
    whole = kept.read_bytes()
    for place in (-1, len(whole) // 2):
        changed = bytearray(whole)
        changed[place] ^= 1
        kept.write_bytes(changed)
        with pytest.raises(UserError, match="changed since it was kept; run cardigan data fetch"):
            inception_weights.inception()


def without(state):
    return {name: value for name, value in state.items() if "Mixed_7c" not in name}


def of_torchvision(state):
    return state | {"fc.weight": torch.zeros(1000, 2048)}


def halved(state):
    return {n: v.half() if v.is_floating_point() else v for n, v in state.items()}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (without, r"missing, such as Mixed_7c\.branch1x1\.bn\.bias"),
        (lambda state: state | {"AuxLogits.fc.bias": torch.zeros(1000)}, "such as AuxLogits"),
        (of_torchvision, r"\[1008, 2048\], got torch.float32 \[1000, 2048\]"),
        (halved, r"got torch.float16"),
    ],
)
def test_other_weights_are_refused(state, change, told):
    with pytest.raises(UserError, match=told):
        with_weights(change(state))


class Bomb:
    def __init__(self, canary: Path) -> None:
        self.canary = canary

    def __reduce__(self):
        return Path.touch, (self.canary,)


def pickled(path, canary):
    path.write_bytes(pickle.dumps(Bomb(canary)))


def saved(path, canary):
    torch.save({"fc.weight": torch.zeros(1), "bomb": Bomb(canary)}, path)


def scripted(path, canary):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("m/constants.pkl", pickle.dumps(Bomb(canary)))
        archive.writestr("m/data.pkl", pickle.dumps(Bomb(canary)))
        archive.writestr("m/version", "3")


def of_numbers(path, canary):
    torch.save({"fc.weight": [1, 2]}, path)


def of_a_list(path, canary):
    torch.save([torch.zeros(1)], path)


def empty(path, canary):
    path.write_bytes(b"")


@pytest.mark.parametrize("write", [pickled, saved, scripted, of_numbers, of_a_list, empty])
def test_files_that_hold_more_than_tensors_are_not_opened(write, tmp_path):
    canary = tmp_path / "canary"
    write(tmp_path / "weights.pth", canary)
    with pytest.raises(UserError, match="pth of tensors alone"):
        inception_weights.inception(tmp_path / "weights.pth")
    assert not canary.exists()


def test_no_file_a_folder_and_a_huge_file_are_refused(tmp_path, monkeypatch):
    (tmp_path / "large").write_bytes(b"12")
    monkeypatch.setattr(inception_weights, "LARGEST", 1)
    for path in (tmp_path / "none", tmp_path, tmp_path / "large"):
        with pytest.raises(UserError, match="expected a file of at most"):
            inception_weights.read(path)


def test_a_cut_file_is_refused(file, tmp_path):
    (tmp_path / "cut").write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(UserError, match="damaged"):
        inception_weights.read(tmp_path / "cut")


def test_weights_that_are_not_finite_are_found_out(state, tmp_path):
    bias = state["Mixed_7c.branch1x1.bn.bias"].clone()
    bias[3] = torch.inf
    torch.save(state | {"Mixed_7c.branch1x1.bn.bias": bias}, tmp_path / "bad.pth")
    net = inception_weights.inception(tmp_path / "bad.pth")
    with pytest.raises(UserError, match="from inception, got NaN or infinity for 1 of 1"):
        extract(net, noise(1, 1, 8, 8))
