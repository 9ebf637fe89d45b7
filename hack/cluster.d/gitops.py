"""GitOps clients beside the control plane: Flux's controllers as host processes, and a node on which pods seem to run.

No git and no registry: a source object such as a GitRepository is given the status that source-controller would
give it, and points to an archive that lies in the folder `artifacts`, which the process of that name serves.
Pods are scheduled for real; kwok says that they run, and that those of Jobs complete.
"""

import sys

from control_plane import plain_get

# Whose kubeconfig it is: user, uid, group.
IDENTITIES = {
    "scheduler": "system:kube-scheduler,scheduler",
    "kwok": "system:kwok,kwok,system:masters",
}
CONTROLLERS = ("kustomize-controller", "helm-controller")
NAMES = ("artifacts", "scheduler", "kwok", *CONTROLLERS)
NODE = "kwok"
FLUX = "flux-system"


def install(plane):
    """Applies what `flux install` would: the kinds, and controllers that may do anything."""
    crds = plane.assets / "gitops" / "crds"
    plane.kubectl("apply", "--server-side", "-f", crds)
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", crds)
    plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": FLUX}})
    for name in CONTROLLERS:
        account = {"metadata": {"name": name}}
        plane.api("POST", f"/api/v1/namespaces/{FLUX}/serviceaccounts", account)
    binding = {
        "metadata": {"name": "cluster-reconciler"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": "cluster-admin",
        },
        "subjects": [
            {"kind": "ServiceAccount", "name": name, "namespace": FLUX} for name in CONTROLLERS
        ],
    }
    plane.api("POST", "/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)
    node = {
        "metadata": {
            "name": NODE,
            "labels": {"kubernetes.io/os": "linux", "kubernetes.io/hostname": NODE},
            "annotations": {"kwok.x-k8s.io/node": "fake"},
        }
    }
    plane.api("POST", "/api/v1/nodes", node)


def define(plane):
    """Defines the processes, and returns their names and what `env` tells about them."""
    processes = plane.processes
    files = plane.folder / "artifacts"
    files.mkdir()
    port = plane.ports.pick()
    serve = ("-m", "http.server", "--bind=127.0.0.1", f"--directory={files}", str(port))
    processes.define("artifacts", sys.executable, *serve)
    processes.define(
        "scheduler",
        plane.assets / "kube-scheduler",
        f"--kubeconfig={plane.folder}/scheduler.kubeconfig",
        "--leader-elect=false",
        "--secure-port=0",
    )
    stages = sorted((plane.assets / "gitops" / "stages").glob("*.yaml"))
    processes.define(
        "kwok",
        plane.assets / "kwok",
        f"--kubeconfig={plane.folder}/kwok.kubeconfig",
        f"--server-address=127.0.0.1:{plane.ports.pick()}",
        f"--manage-single-node={NODE}",
        "--node-lease-duration-seconds=40",
        *(f"--config={stage}" for stage in stages),
    )
    for name in CONTROLLERS:
        kubeconfig = plane.write_account_kubeconfig(FLUX, name)
        scratch = plane.folder / "run" / f"{name}.tmp"
        scratch.mkdir()
        # A Kustomization or release whose health is awaited keeps a worker: there are enough of them.
        processes.define(
            name,
            "env",
            f"KUBECONFIG={kubeconfig}",
            f"RUNTIME_NAMESPACE={FLUX}",
            f"TMPDIR={scratch}",
            f"HOME={scratch}",
            str(plane.assets / name),
            "--watch-all-namespaces",
            "--concurrent=20",
            "--requeue-dependency=2s",
            "--log-encoding=json",
            f"--metrics-addr=127.0.0.1:{plane.ports.pick()}",
            f"--health-addr=127.0.0.1:{plane.ports.pick()}",
        )
    return NAMES, {
        "HOLDPOINT_ARTIFACTS": files,
        "HOLDPOINT_ARTIFACTS_URL": f"http://127.0.0.1:{port}",
    }


def ready(processes, name):
    """None when `name` does its work; else why not."""
    if name == "artifacts":
        return plain_get(f"127.0.0.1:{processes.command(name)[-1]}", "/")
    if name == "kwok":
        return plain_get(processes.option(name, "server-address"), "/healthz")
    if name in CONTROLLERS:
        return plain_get(processes.option(name, "health-addr"), "/readyz")
    return None
