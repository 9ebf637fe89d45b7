"""A node for pods that really run: kubelet, containerd, runc and kube-proxy in namespaces of their own.

The control plane of such a cluster runs in the node's network (network.py) and otherwise on the host; the
node's own programs run in its sandbox (sandbox.py). As on a machine, ending the process `node` ends them and
every pod, and starting it starts them again.

What such a node lacks: DNS for Services, the enforcement of NetworkPolicies, and a way to other machines.
"""

import os
import subprocess
import sys
from pathlib import Path

import cgroups
from control_plane import plain_get
from network import ADDRESS
from outcome import Failure, Unsupported, run
from sandbox import NAME

HERE = Path(__file__).resolve().parent
NETWORK = "network"
SANDBOX = "node"
SERVICES = ("containerd", "kubelet", "kube-proxy")
NAMES = (NETWORK, SANDBOX, *SERVICES, "scheduler")

PAUSE = "holdpoint.test/pause:1"
SOCKET = "/run/containerd/containerd.sock"
PODS = "10.244.0.0/24"
DNS = "10.0.0.10"  # Nobody answers there; pods take it for the cluster's.

CONTAINERD = """\
version = 3
root = "{state}/containerd"
state = "/run/containerd"
[grpc]
  address = "{socket}"
[plugins."io.containerd.internal.v1.opt"]
  path = "{state}/opt"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images"]
  snapshotter = "{snapshotter}"
  [plugins."io.containerd.cri.v1.images".pinned_images]
    sandbox = "{pause}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  [plugins."io.containerd.cri.v1.runtime".cni]
    bin_dirs = ["{assets}"]
    conf_dir = "{state}/cni"
"""

# One wire for each pod and a route to it. On a bridge, what one pod answers to another would go past the address
# translation of Services where the kernel has no br_netfilter.
CNI = """\
{{
  "cniVersion": "1.0.0",
  "name": "pods",
  "plugins": [
    {{
      "type": "ptp",
      "ipMasq": false,
      "ipam": {{
        "type": "host-local",
        "dataDir": "/run/cni-addresses",
        "ranges": [[{{"subnet": "{pods}"}}]],
        "routes": [{{"dst": "0.0.0.0/0"}}]
      }}
    }}
  ]
}}
"""

# Nothing is evicted and no image collected, however full the disk of a test machine is.
KUBELET = """\
apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
containerRuntimeEndpoint: unix://{socket}
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
enforceNodeAllocatable: []
makeIPTablesUtilChains: false
authentication:
  anonymous: {{enabled: false}}
  webhook: {{enabled: false}}
  x509: {{clientCAFile: {ca}}}
authorization: {{mode: AlwaysAllow}}
clusterDNS: [{dns}]
clusterDomain: cluster.local
resolvConf: {state}/resolv.conf
volumePluginDir: {state}/volume-plugins
serializeImagePulls: false
syncFrequency: 10s
imageGCHighThresholdPercent: 100
imageGCLowThresholdPercent: 99
evictionHard:
  memory.available: 0%
  nodefs.available: 0%
  nodefs.inodesFree: 0%
  imagefs.available: 0%
  imagefs.inodesFree: 0%
"""

KUBE_PROXY = """\
apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
clientConnection: {{kubeconfig: {folder}/kube-proxy.kubeconfig}}
clusterCIDR: {pods}
hostnameOverride: {name}
# Connection tracking is shared with the host: it stays as it is.
conntrack: {{maxPerCore: 0, min: 0, tcpCloseWaitTimeout: 0s, tcpEstablishedTimeout: 0s}}
nftables: {{minSyncPeriod: 100ms}}
"""


def check():
    """Unsupported, with the reason, where this machine cannot have a node."""
    if os.geteuid():
        raise Unsupported("a node needs root; without --node there is a cluster for anybody")
    command = "unshare --mount --net --pid --uts --ipc --cgroup --fork mount --make-rprivate /"
    trial = subprocess.run(command.split(), capture_output=True, text=True, check=False)
    if trial.returncode:
        raise Unsupported(f"a node needs namespaces of its own, but {trial.stderr.strip()}")
    cgroups.check()


class Ports:
    """All that the cluster's processes listen on, chosen at once: the network opens a door for each."""

    def __init__(self, ports, count):
        self.all = [ports.pick() for _ in range(count)]
        self._left = iter(self.all)

    def pick(self):
        return next(self._left)


class Node:
    API_OPTIONS = (
        "--bind-address=0.0.0.0",
        f"--advertise-address={ADDRESS}",
        "--kubelet-preferred-address-types=InternalIP",
    )
    # Whose kubeconfig it is: user, uid, group.
    IDENTITIES = {
        "kubelet": f"system:node:{NAME},kubelet,system:nodes",
        "kube-proxy": "system:kube-proxy,kube-proxy",
        "scheduler": "system:kube-scheduler,scheduler",
    }

    def __init__(self, folder, processes, assets, ports):
        self.folder = folder
        self.processes = processes
        self.assets = assets
        self.ports = ports
        self.state = folder / "node"

    def start_network(self):
        """First of all. What is defined afterwards runs in the node's network."""
        self.processes.define(
            NETWORK,
            "env",
            *self._environment().split(),
            sys.executable,
            f"{HERE}/network.py",
            str(_network_ready(self.processes)),
            *map(str, self.ports.all),
        )
        self.processes.spawn(NETWORK)
        self.processes.await_probe(NETWORK, lambda: ready(self.processes, NETWORK))
        self.processes.within = (sys.executable, f"{HERE}/sandbox.py", "net", str(self.folder))

    def define(self, pki):
        self._write_configuration(pki)
        in_network, self.processes.within = self.processes.within, ()
        self.processes.define(
            SANDBOX, sys.executable, f"{HERE}/sandbox.py", "hold", str(self.folder)
        )
        self.processes.within = within(self.processes, "keep")
        self.processes.define(
            "containerd", self.assets / "containerd", f"--config={self.state}/containerd.toml"
        )
        self.processes.define(
            "kubelet",
            self.assets / "kubelet",
            f"--config={self.state}/kubelet.yaml",
            f"--kubeconfig={self.folder}/kubelet.kubeconfig",
            f"--hostname-override={NAME}",
            f"--node-ip={ADDRESS}",
            f"--healthz-port={self.ports.pick()}",
        )
        self.processes.define(
            "kube-proxy", self.assets / "kube-proxy", f"--config={self.state}/kube-proxy.yaml"
        )
        self.processes.within = in_network
        self.processes.define(
            "scheduler",
            self.assets / "kube-scheduler",
            f"--kubeconfig={self.folder}/scheduler.kubeconfig",
            "--leader-elect=false",
            "--secure-port=0",
        )

    def start(self):
        """Returns when pods can run."""
        self.processes.spawn("scheduler")
        power_on(self.processes)
        pause = self.state / "pause.tar"
        run([HERE.parent / "image", pause, "--of", "pause", "--name", PAUSE])
        self.processes.await_probe("containerd", lambda: ready(self.processes, "containerd"))
        load(self.processes, pause)

    def _environment(self):
        """Lines for all that runs on the node: what was unpacked stands before what this machine has."""
        debian = self.assets / "debian"
        places = ("usr/sbin", "usr/bin", "sbin", "bin")
        programs = [self.assets, *(debian / place for place in places)]
        libraries = [path for path in sorted(debian.glob("**/lib/*-linux-gnu*")) if path.is_dir()]
        system = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
        lines = f"PATH={':'.join(map(str, programs))}:{system}\n"
        return lines + (f"LD_LIBRARY_PATH={':'.join(map(str, libraries))}\n" if libraries else "")

    def _write_configuration(self, pki):
        (self.state / "cni").mkdir(parents=True)
        kind = run(["stat", "--file-system", "--format=%T", self.state]).strip()
        words = {
            "folder": self.folder,
            "state": self.state,
            "assets": self.assets,
            "socket": SOCKET,
            "pause": PAUSE,
            # overlayfs cannot lie on itself, which a container's root usually is.
            "snapshotter": "native" if kind == "overlayfs" else "overlayfs",
            "pods": PODS,
            "dns": DNS,
            "ca": pki.ca,
            "name": NAME,
        }
        for path, text in (
            ("containerd.toml", CONTAINERD),
            ("cni/10-pods.conflist", CNI),
            ("kubelet.yaml", KUBELET),
            ("kube-proxy.yaml", KUBE_PROXY),
            ("resolv.conf", "nameserver {dns}\n"),
        ):
            (self.state / path).write_text(text.format(**words))
        (self.state / "environment").write_text(self._environment())


def within(processes, how="node"):
    """Words before a command that is to run on the node; with "keep" it is a service there."""
    return sys.executable, f"{HERE}/sandbox.py", how, str(processes.run.parent)


def power_on(processes):
    """Starts the sandbox and what always runs in it."""
    (processes.run / "node.init").unlink(missing_ok=True)
    cgroups.make(processes.run.parent)
    processes.spawn(SANDBOX)
    processes.await_probe(SANDBOX, lambda: ready(processes, SANDBOX))
    for name in SERVICES:
        processes.spawn(name)


def power_off(processes):
    """As if the plug were pulled. Safe to call at any time, for clusters without a node too.

    The sandbox ends first, and with it all that runs in it; those who started that see it, and end too.
    """
    for names in ((SANDBOX,), SERVICES):
        processes.stop([name for name in names if name in processes.names()], 5)
    cgroups.remove(processes.run.parent)


def ready(processes, name):
    """None when `name` does its work; else why not."""
    if name == NETWORK:
        return None if _network_ready(processes).exists() else "its namespace is not made yet"
    if name == SANDBOX:
        return None if (processes.run / "node.init").exists() else "its namespaces are not made yet"
    if name == "containerd":
        run([*_ctr(processes), "version"])
    if name == "kubelet":
        return plain_get(f"127.0.0.1:{processes.option(name, 'healthz-port')}", "/healthz")
    return None


def is_ready(plane):
    """None when the node takes pods; else why not."""
    found = plane.api("GET", f"/api/v1/nodes/{NAME}")
    conditions = {each["type"]: each for each in found["status"].get("conditions", [])}
    if conditions.get("Ready", {}).get("status") != "True":
        return conditions.get("Ready", {}).get("message", "the node has not reported yet")
    taints = [taint["key"] for taint in found["spec"].get("taints", [])]
    return f"the node is tainted: {', '.join(taints)}" if taints else None


def load(processes, archive):
    """Imports an image archive, and returns the names by which pods can use it from now on.

    containerd tells the kubelet's side of itself of an image only after it is there.
    """
    ctr = _ctr(processes)
    with open(archive, "rb") as content:
        imported = subprocess.run(
            [*ctr, "images", "import", "-"],
            stdin=content,
            capture_output=True,
            text=True,
            check=False,
        )
    if imported.returncode:
        raise Failure(f"containerd does not take {archive}:\n{imported.stderr or imported.stdout}")
    lines = imported.stdout.splitlines()
    # ctr cuts long names.
    begins = tuple({line.split()[0] for line in lines if line.split()[1:] == ["saved"]})

    def names(of_kubelet):
        listed = run([*ctr, "images", "list"]).splitlines()[1:]
        return {
            line.split()[0]
            for line in listed
            if line.startswith(begins)
            and ("io.cri-containerd.image=managed" in line or not of_kubelet)
        }

    processes.await_probe(
        "containerd", lambda: ", ".join(names(False).difference(names(True))) or None
    )
    return sorted(names(True))


def _ctr(processes):
    return [*within(processes), "ctr", f"--address={SOCKET}", "--namespace=k8s.io"]


def _network_ready(processes):
    return processes.run / "network.ready"
