import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml

from benchmarks.allreduce_costs import Compute, Link, all_reduce_seconds, efficiency, speedup, step_seconds
from tfopt.cli import run as run_tfopt
from tfopt.distribution.workers.addresses import from_environment
from tfopt.errors import InputError

DOCS = Path(__file__).parents[1] / "docs"
SLURM = {
    "SLURM_PROCID": "1",
    "SLURM_LOCALID": "0",
    "SLURMD_NODENAME": "node2",
    "SLURM_STEP_NUM_TASKS": "4",
    "SLURM_STEP_NODELIST": "node[1-4]",
    "SLURM_STEP_TASKS_PER_NODE": "1(x4)",
}


@pytest.fixture
def understood(tmp_path, monkeypatch):
    """What a command line of `tfopt train` comes to, without training."""
    asked = {}

    def train(config, source, *, files, name, progress, workers):
        asked.update(config=config, source=source, files=files, workers=workers)
        raise InputError("that is all")

    monkeypatch.setattr("tfopt.api.train", train)
    monkeypatch.chdir(tmp_path)

    def call(arguments):
        asked.clear()
        assert run_tfopt(arguments) == 2
        return asked

    return call


@pytest.fixture
def step_of_slurm(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)

    def enter(**changes):
        for name, value in (SLURM | changes).items():
            monkeypatch.setenv(name, value)
        return SLURM | changes

    return enter


@pytest.fixture(scope="module")
def kubernetes():
    return {document["kind"]: document for document in yaml.safe_load_all((DOCS / "kubernetes.yaml").read_text())}


def test_every_pod_of_the_job_is_one_of_the_workers(kubernetes, understood, tmp_path):
    job, service = kubernetes["Job"], kubernetes["Service"]
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    count = job["spec"]["completions"]
    assert (job["spec"]["parallelism"], job["spec"]["completionMode"]) == (count, "Indexed")
    for index in range(count):
        line = [word.replace("$(JOB_COMPLETION_INDEX)", str(index)) for word in container["args"]]
        line = [word.replace("/models", str(tmp_path)) for word in line]
        assert container["command"] == ["tfopt"]
        asked = understood(line)
        workers = asked["workers"]
        port = container["ports"][0]["containerPort"]
        names = [f"{job['metadata']['name']}-{pod}.{service['metadata']['name']}:{port}" for pod in range(count)]
        assert (workers.workers, workers.rank) == (tuple(names), index)
        assert asked["files"].resume
        assert asked["files"].steps == 500


def test_the_service_names_the_pods_of_the_job_and_the_chief_keeps_its_files(kubernetes):
    job, service, claim = (kubernetes[kind] for kind in ("Job", "Service", "PersistentVolumeClaim"))
    pod = job["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert service["spec"]["clusterIP"] == "None"
    assert service["spec"]["selector"] == {"job-name": job["metadata"]["name"]}
    assert pod["subdomain"] == service["metadata"]["name"]
    assert service["spec"]["ports"][0]["port"] == container["ports"][0]["containerPort"]
    assert pod["restartPolicy"] == "OnFailure"
    assert [volume["name"] for volume in pod["volumes"]] == [mount["name"] for mount in container["volumeMounts"]]
    assert pod["volumes"][0]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]
    assert f"--output={container['volumeMounts'][0]['mountPath']}/model.keras" in container["args"]


def test_the_slurm_script_starts_one_worker_on_each_node(understood, step_of_slurm, tmp_path):
    script = DOCS / "slurm.sh"
    nodes = re.search(r"^#SBATCH --nodes=(\d+)$", script.read_text(), re.MULTILINE)[1]
    srun = tmp_path / "srun"
    srun.write_text('#!/bin/bash\nprintf "%s\\n" "$@"\n')
    srun.chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    ran = subprocess.run(
        ["bash", script],
        env={"PATH": path, "SLURM_SUBMIT_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    words = ran.stdout.splitlines()
    for node in range(int(nodes)):
        step_of_slurm(SLURM_PROCID=str(node), SLURMD_NODENAME=f"node{node + 1}")
        asked = understood(words[words.index("tfopt") + 1 :])
        assert asked["workers"].workers == ("node1:8888", "node2:8888", "node3:8888", "node4:8888")
        assert asked["workers"].rank == node
        assert asked["files"].resume


def test_nodes_of_slurm_are_found_by_name_where_text_sorts_them_otherwise(step_of_slurm):
    environment = step_of_slurm(
        SLURM_STEP_NUM_TASKS="12",
        SLURM_STEP_NODELIST="node[1-12]",
        SLURM_STEP_TASKS_PER_NODE="1(x12)",
    )
    addresses, rank = from_environment(environment)
    assert len(addresses) == 12
    assert addresses[rank] == "node2:8888"


def test_tasks_of_slurm_on_one_node_have_ports_of_their_own(step_of_slurm):
    environment = step_of_slurm(
        SLURM_STEP_NUM_TASKS="3", SLURM_STEP_NODELIST="a,b", SLURM_STEP_TASKS_PER_NODE="2,1", SLURMD_NODENAME="a",
        SLURM_LOCALID="1",
    )  # fmt: skip
    assert from_environment(environment) == (("a:8888", "a:8889", "b:8888"), 1)


@pytest.mark.parametrize("missing", ["SLURM_STEP_NODELIST", "SLURMD_NODENAME"])
def test_a_slurm_step_without_its_variables_is_one_sentence(step_of_slurm, monkeypatch, missing):
    environment = step_of_slurm()
    monkeypatch.delenv(missing)
    with pytest.raises(InputError, match=f"say not who the workers are: {missing} "):
        from_environment({name: value for name, value in environment.items() if name != missing})


def test_the_commands_of_the_guide_are_understood(understood, step_of_slurm):
    step_of_slurm()
    blocks = re.findall(r"^```bash\n(.*?)^```", (DOCS / "scaling.md").read_text(), re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line, comments=True) for block in blocks for line in block.splitlines()]
    commands = [words[1:] for words in lines if words[:2] == ["tfopt", "train"]]
    assert len(commands) >= 6
    for words in commands:
        assert understood(words)["config"]


def test_a_ring_sends_every_byte_almost_twice_and_waits_for_each_neighbour():
    assert all_reduce_seconds(100, 2, Link(latency=0, bandwidth=100)) == 1
    assert all_reduce_seconds(100, 4, Link(latency=0, bandwidth=100)) == 1.5
    assert all_reduce_seconds(0, 4, Link(latency=1, bandwidth=100)) == 6
    assert all_reduce_seconds(100, 2, Link(latency=1, bandwidth=100), messages=3) == 7
    assert all_reduce_seconds(100, 1, Link(latency=1, bandwidth=100)) == 0


def test_a_link_is_found_from_what_all_reduces_over_it_take():
    link = Link(latency=0.5, bandwidth=100)
    sizes = [4, 400, 4000]
    found = Link.through(sizes, [all_reduce_seconds(size, 3, link) for size in sizes], workers=3)
    assert found == pytest.approx(link)


def test_what_a_step_needs_for_itself_does_not_shrink_with_the_batch():
    compute = Compute.through((10, 20), (3, 5))
    assert compute == pytest.approx((1, 0.2))
    free = Link(latency=0, bandwidth=float("inf"))
    assert step_seconds(compute, 20, 100, 2, free) == 3
    assert speedup(compute, 20, 100, 2, free) == pytest.approx(5 / 3)
    assert efficiency(compute, 20, 100, 2, free) == 1


def test_waiting_costs_speed_and_efficiency():
    compute, link = Compute(fixed=0, sample=0.1), Link(latency=0, bandwidth=100)
    assert step_seconds(compute, 20, 100, 2, link) == 2  # a second for ten samples, and one for the gradients
    assert speedup(compute, 20, 100, 2, link) == 1
    assert efficiency(compute, 10, 100, 2, link) == 0.5
