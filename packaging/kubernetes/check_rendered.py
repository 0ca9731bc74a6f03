"""Looks at one rendered overlay: what no schema asks for, but these manifests promise. check_rendered.py FILE"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import yaml

_PIXIECORE = Path(sys.executable).with_name("pixiecore")


def check(rendered: Path) -> None:
    """AssertionError, or a command's own message, for what is wrong."""
    documents = [document for document in yaml.safe_load_all(rendered.read_text()) if document]
    kinds = [document["kind"] for document in documents]
    assert sorted(set(kinds)) == ["ConfigMap", "DaemonSet", "Namespace"], kinds
    maps = {document["metadata"]["name"]: document["data"] for document in documents if document["kind"] == "ConfigMap"}
    (pod,) = [document["spec"]["template"]["spec"] for document in documents if document["kind"] == "DaemonSet"]
    _check_pod(pod)
    _check_volumes(pod, maps)
    for data in maps.values():
        _check_files(data)
    sys.stdout.write(f"  {rendered.stem}: {len(documents)} objects\n")


def _check_pod(pod: dict[str, Any]) -> None:
    assert pod["hostNetwork"] is True
    assert pod["securityContext"]["runAsNonRoot"] is True
    # Else a Service's variables would be taken for settings.
    assert pod["enableServiceLinks"] is False
    containers = [*pod["containers"], *pod.get("initContainers", [])]
    for container in containers:
        rights = container["securityContext"]
        assert rights["allowPrivilegeEscalation"] is False
        assert rights["readOnlyRootFilesystem"] is True
        assert rights["capabilities"]["drop"] == ["ALL"]
        assert container["resources"]["limits"]["memory"]
        assert container["image"].startswith("localhost/"), "no registry is named here"
    (server,) = [container for container in containers if container["name"] == "pixiecore"]
    assert server["securityContext"]["capabilities"]["add"] == ["NET_BIND_SERVICE"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert server[probe]["httpGet"]["path"] == "/_/healthz"


def _check_volumes(pod: dict[str, Any], maps: dict[str, dict[str, str]]) -> None:
    volumes = {volume["name"]: volume for volume in pod["volumes"]}
    for container in (*pod["containers"], *pod.get("initContainers", [])):
        assert {mount["name"] for mount in container["volumeMounts"]} <= set(volumes)
    used = {volume["configMap"]["name"] for volume in volumes.values() if "configMap" in volume}
    assert used == set(maps), f"mounted: {used}; there are: {set(maps)}"
    for volume in volumes.values():
        assert len(volume) == 2, f"{volume}: it has a name and one kind"


def _check_files(data: dict[str, str]) -> None:
    """Settings as Pixiecore reads them, an inventory as it loads it."""
    with tempfile.TemporaryDirectory() as name:
        for file, text in data.items():
            Path(name, file).write_text(text)
        if "pixiecore.toml" in data:
            _run("config", "--config", f"{name}/pixiecore.toml")
        else:
            _run("inventory", "check", name)


def _run(*words: str) -> None:
    done = subprocess.run([_PIXIECORE, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


if __name__ == "__main__":
    check(Path(sys.argv[1]))
