"""Several processes train one network: the same numbers as one, what they send, and losing one.

To start a process takes seconds, so what two of them do is done in a few starts.
"""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from datetime import timedelta
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.nn.functional import binary_cross_entropy_with_logits as bce

from recsys_lib.data import DataError
from recsys_lib.evaluation import watching
from recsys_lib.models import GMF, MLP, BinaryMF, NeuMF, load_model
from recsys_lib.scale import group as group_module
from recsys_lib.scale import processes, scaling
from recsys_lib.scale.group import Group, LostProcessError, joined, launch, place
from recsys_lib.scale.processes import parallel, read_state, share, step_losses, train
from recsys_lib.scale.scaling import measured, ring_bytes, sent
from recsys_lib.scale.sharded import ShardedEmbedding, compare, sharded, train_sharded

from model_suite import planted

WAIT = 300  # seconds; a bound for a machine that is very busy
ROOT = Path(__file__).parents[2]
RUN = {"factors": 3, "layers": (8, 4), "dropout": 0.3, "init_scale": 0.3, "learning_rate": 0.01}
RUN |= {"batch_size": 64, "epochs": 5, "patience": 5, "metric": "loss"}
AN_EPOCH = 38  # steps of RUN
MODELS = {  # the last batches have 32, 1 and 44 samples
    "NeuMF": NeuMF(3, (8, 6, 4), dropout=0.3, batch_size=37, init_scale=0.3, learning_rate=0.01),
    "GMF": GMF(3, batch_size=2399, learning_rate=0.05),
    "MLP": MLP((8, 4), batch_size=57, init_scale=0.3),
}
STEPS = {"NeuMF": 100, "GMF": 4, "MLP": 45}


class Double:
    """The library's own model, trained by one process, in float64."""

    def _network(self, n_users, n_items):
        return super()._network(n_users, n_items).double()

    def _step(self, optimizer, users, items, labels):  # a loss has the labels' precision
        return super()._step(optimizer, users, items, labels.double())


def in_double(model):
    return type(type(model).__name__, (Double, type(model)), {})(**model.parameters)


@pytest.fixture(scope="module")
def data():
    return planted().train


# ------------------------------------------------------------------------- what two processes do


def together(group, folder):
    """All that two processes can be asked without losing one; returned by each."""
    interactions = planted().train
    found = {"place": (group.rank, group.size, group.device), "threads": torch.get_num_threads()}
    for name, model in MODELS.items():
        losses = step_losses(parallel(group, model, "float64"), interactions, STEPS[name])
        found[name] = losses
    group.added, calls = type(group.added)(), 3
    step_losses(parallel(group, MODELS["MLP"], "float64"), interactions, calls)
    found["added"] = group.added.calls, group.added.bytes
    found["sharded"] = sharded_numbers(group, interactions)
    found["compare"] = [compare(group, 41, 3, n) for n in (16, 1)]
    found["ddp"] = as_distributed_data_parallel(group)
    found["measured"] = measured(group, MODELS["NeuMF"], (50, 40), [16, 64], seconds=0.01)
    found["whole"] = train(group, NeuMF(**RUN), interactions, dtype="float64")
    found["refused"] = refusals(group, interactions)
    found["silent"] = one_is_silent(group)
    return found


def sharded_numbers(group, interactions):
    """Losses of the steps with split tables, the weights after them, and a fitted model."""
    model = MODELS["NeuMF"]
    own = sharded(group, model, "float64")
    losses = step_losses(own, interactions, 70)
    held = {name: len(p) for name, p in own.network_.named_parameters()}
    weights = {name: one.numpy() for name, one in own.whole_weights().items()}
    fitted = train_sharded(group, GMF(3, epochs=2), interactions, dtype="float64")
    return losses, held, weights, fitted


def as_distributed_data_parallel(group):
    """The gradients of one batch, ours and those of PyTorch's own wrapper."""
    own = parallel(group, GMF(3, batch_size=8), "float64")
    torch.manual_seed(0)
    network = own.network_ = own._network(6, 5)
    users, items = torch.tensor([0, 1, 2, 3, 4, 5, 0, 1]), torch.tensor([0, 1, 2, 3, 4, 0, 1, 1])
    labels = torch.tensor([1.0, 0, 0, 1, 0, 1, 0, 0])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.0)
    kept = {}
    optimizer.register_step_pre_hook(
        lambda *_: kept.update({k: p.grad.clone() for k, p in network.named_parameters()})
    )
    own._step(optimizer, users, items, labels)
    wrapped, rows = torch.nn.parallel.DistributedDataParallel(network), share(8, group.rank, 2)
    bce(wrapped(users[rows], items[rows]), labels[rows].double()).backward()
    theirs = {k: p.grad for k, p in network.named_parameters()}
    return max(float((kept[k] - theirs[k]).abs().max()) for k in kept), len(kept)


def refusals(group, interactions):
    """What every process says of arguments that are wrong, or are not the same in all."""
    found = []
    other = NeuMF(**RUN | {"seed": group.rank})
    for model in (GMF(batch_size=1), other):
        with pytest.raises((ValueError, DataError)) as error:
            train(group, model, interactions)
        found.append(str(error.value))
    return found


def one_is_silent(group):
    """What a process says when the other one is there and does not answer."""
    whole, short = dist.all_reduce, dist.new_group(timeout=timedelta(seconds=1))
    if group.rank == 1:
        return ""
    dist.all_reduce = partial(whole, group=short)
    with pytest.raises(LostProcessError) as error:
        group.add_up([torch.ones(2)])
    dist.all_reduce = whole
    return str(error.value)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """What `together` returned in each of two processes."""
    return launch(2, together, tmp_path_factory.mktemp("two"), timeout=WAIT)


@pytest.mark.parametrize("name", list(MODELS))
def test_the_losses_are_those_of_one_process(two, data, name):
    """Of the library's own loop and step: with dropout, unequal shares and empty ones."""
    one = step_losses(in_double(MODELS[name]), data, STEPS[name])
    assert len(one) == STEPS[name]
    assert len(set(one)) > 2  # each step has another
    for process in two:
        np.testing.assert_allclose(process[name], one, rtol=1e-10)
    assert two[0][name] == two[1][name]


def test_each_process_computes_on_one_thread(two):
    assert [one["place"] for one in two] == [(0, 2, "cpu"), (1, 2, "cpu")]
    assert [one["threads"] for one in two] == [1, 1]


def test_what_is_sent_is_every_gradient(two, data):
    """3 steps of float64: each parameter, the loss, and how many samples were right."""
    n_users, n_items = data.shape
    numbers = (n_users + n_items) * 4 + (8 * 4 + 4) + (4 + 1) + 2
    model = MODELS["MLP"]
    assert sent(model, data.shape, 2, itemsize=8)["added_up"] == numbers * 8
    assert [one["added"] for one in two] == [(3, 3 * numbers * 8)] * 2


def test_split_tables_give_the_numbers_of_one_process(two, data):
    model = in_double(MODELS["NeuMF"])
    one = step_losses(model, data, 70)  # step 65 begins the second epoch
    whole = {name: len(p) for name, p in model.network_.named_parameters()}
    for rank, process in enumerate(two):
        losses, held, weights, fitted = process["sharded"]
        np.testing.assert_allclose(losses, one, rtol=1e-10)
        assert weights.keys() == whole.keys()
        for name, n in whole.items():
            assert weights[name].shape[0] == n
            assert held[name] == ((n + 1 - rank) // 2 if "embedding" in name else n)
        own = GMF(3, epochs=2).fit(data)
        np.testing.assert_allclose(fitted.score([0, 5]), own.score([0, 5]), atol=1e-4)
        assert type(fitted) is GMF
    for name, array in two[0]["sharded"][2].items():
        np.testing.assert_array_equal(array, two[1]["sharded"][2][name])


def test_the_weights_of_split_tables_are_those_of_one_table(two, data):
    """After more steps than an epoch has, whose last batch is smaller."""
    model = in_double(MODELS["NeuMF"])
    step_losses(model, data, 70)
    for name, array in model._weights().items():
        np.testing.assert_allclose(two[0]["sharded"][2][name], array, atol=1e-9)


def test_a_split_table_is_a_table(two):
    """Forward, backward and a step of Adam; the second time one process looks up nothing."""
    for found in two[0]["compare"]:
        assert max(found["forward"], found["gradient"], found["step"]) < 1e-10
        assert found["bytes_added_up"] == 41 * 3 * 8
    _, single = two[0]["compare"]
    # of one row: a count and an id to the owner at most, or the row and a count
    assert 0 < single["bytes"] <= 8 + 8 + 2 * 3 * 8
    assert two[0]["compare"] == two[1]["compare"]


def test_gradients_are_those_of_distributed_data_parallel(two):
    for process in two:
        apart, n = process["ddp"]
        assert n == 4
        assert apart < 1e-15


def test_what_was_measured_adds_up(two):
    for rank in range(2):
        rows = two[rank]["measured"]
        assert [row["batch_size"] for row in rows] == [16, 64]
        for row in rows:
            assert row["n_processes"] == 2
            assert row["steps"] >= 3
            assert min(row["compute"], row["sending"], row["update"]) > 0
            assert row["step"] == pytest.approx(row["compute"] + row["sending"] + row["update"])
            assert row["samples_per_second"] == pytest.approx(
                1000 * row["batch_size"] / row["step"]
            )
            assert row["bytes"] == sent(MODELS["NeuMF"], (50, 40), 2)["added_up"]


def test_both_processes_have_the_model(two, data):
    a, b = (process["whole"] for process in two)
    assert type(a) is NeuMF
    assert a.parameters == NeuMF(**RUN).parameters
    np.testing.assert_array_equal(a.score(np.arange(5)), b.score(np.arange(5)))
    alone = in_double(NeuMF(**RUN)).fit(data)
    np.testing.assert_allclose(a.history_["loss"], alone.history_["loss"], rtol=1e-10)
    np.testing.assert_array_equal(a.history_["accuracy"], alone.history_["accuracy"])
    np.testing.assert_allclose(a.score([3]), alone.score([3]), atol=1e-5)


def test_processes_refuse_what_they_cannot_share(two):
    for process in two:
        small, unlike = process["refused"]
        assert small == "batch_size must be at least 2, one sample for each process, got 1"
        assert "what is trained must be the same in all processes" in unlike
        assert "'seed': 0" in unlike
        assert "'seed': 1" in unlike


def test_a_process_that_does_not_answer_is_given_up(two):
    assert "process 0 of 2 has lost another one" in two[0]["silent"]
    assert "has not answered" in two[0]["silent"]


# ---------------------------------------------------------------------------- losing a process


def killed(group, folder):
    """Train; in its first life, process 1 is killed in the middle of the third epoch."""
    interactions, state = planted().train, folder / "run.state"
    if os.environ["TORCHELASTIC_RESTART_COUNT"] == "0":
        if group.rank == 1:
            die_in_step(2 * AN_EPOCH + AN_EPOCH // 2)
    elif group.rank == 0:
        shutil.copy(state, folder / "left.state")
    fitted = train(group, NeuMF(**RUN), interactions, state=state, dtype="float64")
    fitted.save(folder / f"{group.rank}.npz")
    group.collect(None)
    if group.rank == 1:
        raise ValueError("on purpose")


def die_in_step(n):
    step, taken = processes.DataParallel._step, iter(range(n))

    def last(self, *batch):
        if next(taken, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)
        return step(self, *batch)

    processes.DataParallel._step = last


@pytest.fixture(scope="module")
def after_a_kill(tmp_path_factory):
    """The folder of a run that lost a process, was started again and ended, and what was said."""
    folder = tmp_path_factory.mktemp("killed")
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(LostProcessError) as error:
        launch(2, killed, folder, timeout=WAIT, restarts=1)
    assert signal.getsignal(signal.SIGTERM) is before
    return folder, str(error.value)


def test_a_run_that_lost_a_process_goes_on_bit_for_bit(two, after_a_kill):
    folder, _ = after_a_kill
    left = read_state(folder / "left.state")
    assert [row["epoch"] for row in left["run"]["rows"]] == [1, 2]
    whole = two[0]["whole"]
    for rank in range(2):
        again = load_model(folder / f"{rank}.npz")
        same(again, whole)
    assert [path.name for path in folder.glob(".*")] == []


def same(model, other):
    assert model.best_epoch_ == other.best_epoch_
    for column in ("epoch", "loss", "accuracy"):
        np.testing.assert_array_equal(model.history_[column], other.history_[column])
    weights = other._weights()
    for name, array in model._weights().items():
        np.testing.assert_array_equal(array, weights[name])


def test_what_a_process_raised_is_said(after_a_kill):
    _, message = after_a_kill
    assert message == "process 1 of 2 failed: ValueError: on purpose; the others were ended"


def test_the_command_goes_on_from_a_state(two, after_a_kill, data, tmp_path):
    """The one that stands in the documentation, to the same numbers bit for bit."""
    folder, _ = after_a_kill
    state = shutil.copy(folder / "left.state", tmp_path)
    data.save(tmp_path / "data.npz")
    start = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    settings = [f"{name}={value}".replace(" ", "") for name, value in RUN.items()]
    command = ["-m", "recsys_lib.scale.processes", "data.npz", "model.npz", "--state", state]
    command += ["--dtype", "float64", "--set", *settings]
    done = subprocess.run(
        [sys.executable, *start, *command],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=WAIT,
    )
    assert done.returncode == 0, done.stderr
    assert "wrote model.npz: NeuMF(factors=3" in done.stdout
    same(load_model(tmp_path / "model.npz"), two[0]["whole"])


def test_without_torchrun_the_others_end_too(data, tmp_path):
    """Two processes that nobody watches over, as on two machines: one is killed."""
    data.save(tmp_path / "data.npz")
    command = ["-m", "recsys_lib.scale.processes", "data.npz", "model.npz", "--state", "run.state"]
    command += ["--timeout", str(WAIT), "--set", "epochs=100000", "factors=2", "layers=(4,2)"]
    with contextlib.ExitStack() as stack:
        pair = [
            stack.enter_context(by_hand(command, rank, port, tmp_path)) for rank, port in ports()
        ]
        until((tmp_path / "run.state").exists, pair)
        pair[1].kill()
        _, said = pair[0].communicate(timeout=WAIT)
        assert pair[0].returncode == 1
        assert "error: process 0 of 2 has lost another one: it has ended" in said
        assert "they go on from the last state that was kept" in said
    assert read_state(tmp_path / "run.state")["run"]["rows"]
    assert not (tmp_path / "model.npz").exists()


def ports():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    return [(0, port), (1, port)]


@contextlib.contextmanager
def by_hand(command, rank, port, folder):
    """A process started as torchrun would, and ended with the test in any case."""
    told = {"RANK": str(rank), "LOCAL_RANK": str(rank), "MASTER_ADDR": "127.0.0.1"}
    told |= {"WORLD_SIZE": "2", "LOCAL_WORLD_SIZE": "2", "MASTER_PORT": port}
    with subprocess.Popen(
        [sys.executable, *command],
        cwd=folder,
        env=os.environ | told | {"PYTHONPATH": str(ROOT)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def until(condition, running):
    end = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < end, "it takes too long"
        assert all(process.poll() is None for process in running), "a process has ended"
        time.sleep(0.05)


def test_a_process_ends_with_its_parent():
    """Even if the parent is killed: the connection that it holds breaks."""
    child = (
        "import socket, time; from recsys_lib.scale.group import _end_with_parent; "
        "_end_with_parent(); held = socket.create_connection(('127.0.0.1', {})); time.sleep(1000)"
    )
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(WAIT)
        code = child.format(server.getsockname()[1])
        env = os.environ | {"PYTHONPATH": str(ROOT)}
        with subprocess.Popen([sys.executable, "-c", parent, code], env=env) as process:
            connection, _ = server.accept()
            process.kill()
            with connection:
                connection.settimeout(WAIT)
                assert connection.recv(1) == b""


@pytest.mark.parametrize(
    ("failures", "message"),
    [
        ({0: (1, "Lost"), 1: (-9, "")}, "process 1 of 2 was killed by SIGKILL; the others were"),
        ({1: (1, "Error: no")}, "process 1 of 2 failed: Error: no; the others were ended"),
    ],
)
def test_a_killed_process_is_named_before_those_that_lost_it(failures, message):
    class Failure:
        def __init__(self, exitcode, text):
            self.exitcode, self.message, self.timestamp = exitcode, {"message": text}, 0

        def signal_name(self):
            return signal.Signals(-self.exitcode).name

    error = ChildFailedError.__new__(ChildFailedError)
    error.failures = {rank: Failure(*one) for rank, one in failures.items()}
    assert group_module._told(error, 2).startswith(message)


# ------------------------------------------------------------------- what cannot be sent


class Unmade:
    """Can be pickled, and not unpickled."""

    def __reduce__(self):
        return int, ("no number",)


def rank_of(group, *_):
    return group.rank


def one_returns_a_lambda(group):
    return group.rank if group.rank == 0 else lambda: None


def nothing_starts(*_):
    pytest.fail("processes were started")


def of_no_module(group):
    return group.rank


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (lambda group: 1, (), "function must be of a module .*, got <function <lambda> .*Pickling"),
        (rank_of, (lambda: 1,), r"arguments\[0\] must be what pickle can send, .* got <function"),
        (rank_of, (1, (n for n in "ab")), r"arguments\[1\] must be .*, got <generator .*TypeError"),
    ],
)
def test_what_cannot_be_sent_is_named_before_anything_starts(
    function, arguments, message, monkeypatch
):
    monkeypatch.setattr(group_module, "elastic_launch", nothing_starts)
    with pytest.raises(TypeError, match=message):
        launch(2, function, *arguments, timeout=WAIT)


def test_what_a_process_cannot_unpickle_or_send_back_is_named(monkeypatch):
    with pytest.raises(TypeError, match=r"arguments\[1\] must be what pickle can send.*ValueError"):
        launch(2, rank_of, 0, Unmade(), timeout=WAIT)
    with pytest.raises(
        TypeError, match=r"the result of process 1 must be what.* got <function one_"
    ):
        launch(2, one_returns_a_lambda, timeout=WAIT)
    # as of a notebook, which the processes have not got
    monkeypatch.setattr(of_no_module, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "of_no_module", of_no_module, raising=False)
    with pytest.raises(TypeError, match=r"function must be of a module or a script.*of_no_module"):
        launch(1, of_no_module, timeout=WAIT)


# ------------------------------------------------------------------------- in this process alone


@pytest.fixture(scope="module")
def alone():
    """A group of this process."""
    dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    yield Group("cpu", WAIT)
    dist.destroy_process_group()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_group_of_one_is_the_library(alone, data, dtype):
    model = NeuMF(**RUN)
    own = train(alone, model, data, dtype=dtype)
    library = (in_double(model) if dtype == "float64" else NeuMF(**RUN)).fit(data)
    rtol = 1e-12 if dtype == "float64" else 1e-5
    np.testing.assert_allclose(own.history_["loss"], library.history_["loss"], rtol=rtol)
    assert not hasattr(model, "network_")  # it was not changed


def test_one_process_goes_on_where_two_were(alone, after_a_kill, two, data, tmp_path):
    """The numbers are equal but for rounding: sums of two shares are not those of one."""
    state = Path(shutil.copy(after_a_kill[0] / "left.state", tmp_path))
    fitted = train(alone, NeuMF(**RUN), data, state=state, dtype="float64")
    expected = two[0]["whole"].history_
    np.testing.assert_allclose(fitted.history_["loss"], expected["loss"], rtol=1e-10)
    np.testing.assert_array_equal(fitted.history_["accuracy"], expected["accuracy"])


def test_watch_is_asked_after_each_epoch_and_a_run_that_has_ended_stays(alone, tmp_path):
    split, state = planted(), tmp_path / "run.state"
    model = GMF(3, epochs=3, patience=1, learning_rate=0.05)
    watch = watching(split)
    first = train(alone, model, split.train, watch=watch, state=state)
    library = GMF(3, epochs=3, patience=1, learning_rate=0.05).fit(split.train, watch=watch)
    assert list(first.history_) == list(library.history_)
    assert first.best_epoch_ == library.best_epoch_
    again = train(alone, model, split.train, watch=watch, state=state)
    same(again, first)
    assert list(again.history_["seconds"]) == list(first.history_["seconds"])  # nothing was done


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"model": GMF(3, epochs=2)}, "holds the state of another model"),
        ({"model": NeuMF(**RUN | {"learning_rate": 0.02})}, "holds the state of another model"),
        ({"dtype": "float64"}, "holds the state of another model"),
        ({"rows": 400}, "holds the state of another data set"),
    ],
)
def test_a_state_of_another_run_is_refused(alone, data, tmp_path, other, what):
    state = tmp_path / "run.state"
    train(alone, NeuMF(**RUN | {"epochs": 5}), data, state=state)
    before = state.read_bytes()
    rows = data.select(np.arange(len(data)) < other.get("rows", len(data)))
    model, dtype = other.get("model", NeuMF(**RUN)), other.get("dtype", "float32")
    with pytest.raises(DataError, match=f"{what}.*Give another file, or delete this one"):
        train(alone, model, rows, state=state, dtype=dtype)
    assert state.read_bytes() == before


@pytest.mark.parametrize("change", [lambda b: b[:-200], lambda b: b"", lambda b: b"words" * 99])
def test_a_damaged_state_is_refused(alone, data, tmp_path, change):
    state = tmp_path / "run.state"
    train(alone, GMF(2, epochs=1), data, state=state)
    state.write_bytes(change(state.read_bytes()))
    with pytest.raises(DataError, match=r"run.state is damaged or not the state of a run"):
        train(alone, GMF(2, epochs=1), data, state=state)


def test_a_file_of_something_else_is_no_state(tmp_path):
    torch.save({"network": {}}, tmp_path / "a.state")
    with pytest.raises(DataError, match="it holds other things"):
        read_state(tmp_path / "a.state")


def test_a_full_disk_leaves_the_last_state_whole(alone, data, tmp_path, monkeypatch):
    state, save = tmp_path / "run.state", torch.save

    def full(held, file):
        if len(held["run"]["rows"]) == 2:
            file.write(b"half of it")
            raise OSError(28, "No space left on device")
        save(held, file)

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(OSError, match="No space left"):
        train(alone, GMF(2, epochs=3), data, state=state)
    assert len(read_state(state)["run"]["rows"]) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["run.state"]


def test_scaling_measures_each_number_of_processes(alone, monkeypatch):
    def here(n, function, *arguments, timeout):
        return [function(alone, *arguments)]

    monkeypatch.setattr(scaling, "launch", here)
    rows = scaling.scaling([8, 16], GMF(2), (30, 20), n_processes=[1, 1], seconds=0.01)
    assert [row["batch_size"] for row in rows] == [8, 16, 8, 16]
    assert {row["bytes"] for row in rows} == {0}  # alone, it sends nothing
    assert all(row["samples_per_second"] > 0 for row in rows)


def test_a_split_table_of_one_process(alone):
    table = torch.nn.Embedding(5, 2)
    split = ShardedEmbedding(table, alone)
    ids = torch.tensor([4, 0, 4])
    torch.testing.assert_close(split(ids), table(ids))
    split(ids).sum().backward()
    np.testing.assert_array_equal(split.weight.grad[:, 0], [1, 0, 0, 0, 2])  # row 4 twice
    assert split(ids[:0]).shape == (0, 2)
    torch.testing.assert_close(split.whole(), table.weight.detach())


def test_what_a_step_sends_by_hand():
    """A table of 10 users and one of 6 items, 3 numbers each, and 3 + 1 above."""
    found = sent(GMF(3, batch_size=4), (10, 6), n_processes=4)
    assert found == {
        "parameters": 52,
        "embeddings": 48,
        "touched": 24,
        "added_up": 54 * 4,
        "bytes": 2 * 3 / 4 * 54 * 4,
    }
    assert ring_bytes(10, 1) == 0


@pytest.mark.parametrize("n", [0, 1, 2, 7, 64])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_shares_are_all_of_a_batch(n, size):
    parts = [np.arange(n)[share(n, rank, size)] for rank in range(size)]
    np.testing.assert_array_equal(np.concatenate(parts), np.arange(n))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: launch(0, print), ValueError, "n_processes must be at least 1, got 0"),
        (lambda: launch(1.5, print), TypeError, "n_processes must be an integer"),
        (lambda: launch(1, "print"), TypeError, "function must be a function of a module"),
        (lambda: launch(1, print, timeout=0), ValueError, "timeout must be a finite number"),
        (lambda: launch(1, print, restarts=-1), ValueError, "restarts must be at least 0"),
        (lambda: ring_bytes(10, 0), ValueError, "n_processes must be at least 1"),
        (
            lambda: scaling.scaling([1], GMF(), (9, 9), (1, 2)),
            ValueError,
            "batch_sizes must be at least 2, got 1",
        ),
    ],
)
def test_arguments_are_checked(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_what_is_trained_is_checked(alone, data):
    with pytest.raises(TypeError, match=r"model must be a NetworkModel such as NeuMF\(\), got Bin"):
        train(alone, BinaryMF(), data)
    with pytest.raises(ValueError, match="dtype must be one of 'float32', 'float64', got 'half'"):
        train(alone, GMF(), data, dtype="half")
    with pytest.raises(TypeError, match="interactions must be"):
        train(alone, GMF(), [1, 2])
    with pytest.raises(ValueError, match="n_rows must be at least 1"):
        compare(alone, n_rows=0)


def test_a_process_that_nobody_started_is_told_how(monkeypatch, capsys):
    for name in group_module.NEEDED:
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(DataError, match=r"RANK, WORLD_SIZE.*torch.distributed.run"), joined():
        pass
    assert processes.main(["data.npz", "model.npz"]) == 1
    assert "error: the environment must say which process this is" in capsys.readouterr().err


def test_graphics_cards_are_used_where_there_are_some(monkeypatch):
    assert place(5) == ("cpu", "gloo")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    assert place(1) == ("cuda:1", "nccl")
    with pytest.raises(ValueError, match="n_processes must be at most 2"):
        place(2)
