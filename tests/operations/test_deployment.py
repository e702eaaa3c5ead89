"""What is deployed agrees with the code: names of settings, of metrics, of files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
KUBERNETES = ROOT / "deploy" / "kubernetes"
OURS = (
    *("cats4ml/settings.py", "cats4ml/serving.py", "cats4ml/operations/metrics.py"),
    *("scoring/settings.py", "scoring/logs.py"),
)
# What libraries and the system read.
OTHERS = re.compile(r"AWS_\w+|OTEL_\w+|TMPDIR|BACKUP_\w+|REMOTE_CLASSIFIER\w+")


def read_by(*sources: str) -> set[str]:
    text = "".join((ROOT / source).read_text(encoding="utf-8") for source in sources)
    return set(re.findall(r'(?:env_\w+|read\.\w+|environ\.get|self\.text)\(\s*"([A-Z0-9_]+)"', text))


def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))


def manifests() -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(KUBERNETES.rglob("*.yaml")):
        for document in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            yield path, document


def containers(thing: Any) -> Iterator[dict[str, Any]]:
    """Every container that runs our image, however deep."""
    if isinstance(thing, dict):
        if thing.get("image") == "cats4ml:latest":
            yield thing
        for value in thing.values():
            yield from containers(value)
    elif isinstance(thing, list):
        for value in thing:
            yield from containers(value)


def test_compose_and_manifests_name_no_setting_that_nobody_reads() -> None:
    named = {name for one in compose()["services"].values() if "cats4ml" in one["image"] for name in one["environment"]}
    for _path, document in manifests():
        named |= {one["name"] for container in containers(document) for one in container.get("env", [])}
        if document.get("kind") == "ConfigMap":
            named |= set(document["data"])
    known = read_by(*OURS)
    assert {"SECRET_KEY", "WEB_THREADS", "SCORING_METRICS_PORT", "WORKER_METRICS_PORT"} <= known
    assert sorted(name for name in named - known if not OTHERS.fullmatch(name)) == []


def test_compose_hands_every_setting_on_to_those_who_read_it() -> None:
    services = compose()["services"]
    local = {"DEBUG", "CATS4ML_HOME", "WEB_BIND", "WEB_ACCESS_LOG", "WEB_GRACE_SECONDS", "WEB_KEEPALIVE_SECONDS"}
    web = read_by("cats4ml/settings.py", "cats4ml/serving.py") - local
    assert sorted(web - set(services["web"]["environment"])) == []
    pooled = {name for name in web if name.startswith("WEB_")} | {"DATABASE_POOLED", "DATABASE_DIRECT_URL"}
    assert sorted(web - pooled - set(services["worker"]["environment"])) == []
    scoring = read_by("scoring/settings.py", "scoring/logs.py") - {"CATS4ML_HOME", "XDG_CACHE_HOME"}
    assert sorted(scoring - set(services["scoring-gpu"]["environment"])) == []


def test_the_scoring_worker_is_given_no_secret_of_the_site_and_no_database() -> None:
    forbidden = {"SECRET_KEY", "DATABASE_URL", "DATABASE_DIRECT_URL", "METRICS_TOKEN"}
    services = compose()["services"]
    assert forbidden & set(services["scoring-cpu"]["environment"]) == set()
    for path, document in manifests():
        if path.name == "scoring.yaml":
            [container] = containers(document)
            assert container["envFrom"] == [{"secretRef": {"name": "scoring", "optional": True}}]
            assert forbidden & {one["name"] for one in container["env"]} == set()


def test_every_container_of_ours_is_locked_down() -> None:
    for name, service in compose()["services"].items():
        if "cats4ml" in service["image"]:
            locked = (service.get("read_only"), service.get("cap_drop"), service.get("security_opt"))
            assert locked == (True, ["ALL"], ["no-new-privileges:true"]), name
    for path, document in manifests():
        for container in containers(document):
            assert container["securityContext"] == {
                "allowPrivilegeEscalation": False,
                "readOnlyRootFilesystem": True,
                "capabilities": {"drop": ["ALL"]},
            }, path


def test_there_is_one_clock_and_a_new_one_waits_for_the_end_of_the_old() -> None:
    [beat] = [one for _, one in manifests() if one.get("kind") == "Deployment" and one["metadata"]["name"] == "beat"]
    assert (beat["spec"]["replicas"], beat["spec"]["strategy"]) == (1, {"type": "Recreate"})


def test_every_manifest_belongs_to_a_kustomization_and_each_of_those_names_files_that_are_there() -> None:
    named = set()
    for path in KUBERNETES.rglob("kustomization.yaml"):
        for resource in yaml.safe_load(path.read_text(encoding="utf-8"))["resources"]:
            found = (path.parent / resource).resolve()
            assert found.exists(), resource
            named.add(found)
    files = {path for path in KUBERNETES.rglob("*.yaml") if path.name != "kustomization.yaml"}
    assert files - named == set()


def expressions() -> dict[str, list[str]]:
    """What alerts and dashboard ask Prometheus, by file."""
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
    panels = json.loads((ROOT / "deploy/grafana/cats4ml.json").read_text(encoding="utf-8"))["panels"]
    return {
        "alerts": [rule["expr"] for group in groups for rule in group["rules"]],
        "dashboard": [target["expr"] for panel in panels for target in panel.get("targets", [])],
    }


@pytest.mark.parametrize("where", ["alerts", "dashboard"])
def test_alerts_and_dashboard_ask_for_metrics_that_are_told(db: None, where: str) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    from scoring import metrics as scoring_metrics  # noqa: F401 - registers them as the worker does
    from tests.operations.test_metrics import exposition

    told = set()
    for family in text_string_to_metric_families(exposition()):
        told |= {family.name, f"{family.name}_total"} if family.type == "counter" else {family.name}
        if family.type == "histogram":
            told |= {f"{family.name}_bucket", f"{family.name}_count", f"{family.name}_sum"}
    asked = {name for one in expressions()[where] for name in re.findall(r"cats4ml_\w+", one)}
    assert len(asked) > 10
    assert sorted(asked - told) == []


def test_what_an_alert_says_to_do_is_in_the_operators_guide() -> None:
    guide = (ROOT / "docs" / "operators.md").read_text(encoding="utf-8")
    titles = set(re.findall(r"^#+ (.+)$", guide, re.MULTILINE))
    groups = yaml.safe_load((ROOT / "deploy/prometheus/alerts.yml").read_text(encoding="utf-8"))["groups"]
    assert {rule["annotations"]["do"] for group in groups for rule in group["rules"]} - titles == set()
