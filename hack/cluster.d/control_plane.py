"""etcd, kube-apiserver and kube-controller-manager: their command lines, credentials and people."""

import http.client
import json
import ssl

from outcome import Failure, run
from pki import Pki

NAMES = ("etcd", "apiserver", "controller-manager")

# The contexts of the kubeconfig and the group of each; users.yaml says what a group may do.
GROUPS = {
    "admin": "system:masters",
    "developer": "developers",
    "lead": "leads",
    "second-lead": "leads",
    "security": "appsec",
    "sre": "sre",
    "auditor": "auditors",
}

# Allowed once the controller manager has filled the aggregated roles: who, verb, group, resource.
EXPECTED = [("developer", "create", "apps", "deployments"), ("lead", "list", "apps", "deployments")]

LOOPBACK_OPTIONS = (
    "--bind-address=127.0.0.1",
    "--advertise-address=127.0.0.1",
    "--endpoint-reconciler-type=none",
)

ADMISSION = """\
apiVersion: apiserver.config.k8s.io/v1
kind: AdmissionConfiguration
plugins:
- name: MutatingAdmissionWebhook
  configuration: &webhooks
    apiVersion: apiserver.config.k8s.io/v1
    kind: WebhookAdmissionConfiguration
    kubeConfigFile: {pki}/webhook-client.kubeconfig
- name: ValidatingAdmissionWebhook
  configuration: *webhooks
"""

WEBHOOK_CLIENT = """\
apiVersion: v1
kind: Config
users:
- name: "*"
  user:
    client-certificate: {pki}/apiserver-client.crt
    client-key: {pki}/apiserver-client.key
"""


class ControlPlane:
    def __init__(self, folder, processes, assets, ports, node=None):
        self.folder = folder
        self.processes = processes
        self.assets = assets
        self.ports = ports
        self.node = node  # A Node, or None for a cluster without a real one.
        self.identities = dict(node.IDENTITIES if node else {})  # Of more than the control plane.
        self.kubeconfig = folder / "kubeconfig"
        self.pki = Pki(folder / "pki")

    def define(self, fsync, cbor):
        etcd, peer, api = (f"127.0.0.1:{self.ports.pick()}" for _ in range(3))
        pki = self.pki.folder
        self._make_credentials(f"https://{api}")
        # etcd has neither TLS nor users: whoever may use a test machine's loopback may read it.
        self.processes.define(
            "etcd",
            self.assets / "etcd",
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls=http://{etcd}",
            f"--advertise-client-urls=http://{etcd}",
            f"--listen-peer-urls=http://{peer}",
            f"--initial-advertise-peer-urls=http://{peer}",
            f"--initial-cluster=default=http://{peer}",
            f"--unsafe-no-fsync={'false' if fsync else 'true'}",
            "--log-level=warn",
        )
        # The Service `kubernetes` refuses endpoints on loopback, hence no reconciler for them without a node.
        reached_at = self.node.API_OPTIONS if self.node else LOOPBACK_OPTIONS
        self.processes.define(
            "apiserver",
            self.assets / "kube-apiserver",
            f"--etcd-servers=http://{etcd}",
            f"--secure-port={api.partition(':')[2]}",
            *reached_at,
            "--enable-aggregator-routing=true",
            "--service-cluster-ip-range=10.0.0.0/24",
            f"--tls-cert-file={pki}/apiserver.crt",
            f"--tls-private-key-file={pki}/apiserver.key",
            f"--cert-dir={pki}",
            f"--token-auth-file={pki}/tokens.csv",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={pki}/sa.key",
            f"--service-account-signing-key-file={pki}/sa.key",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--kubelet-client-certificate={pki}/apiserver-client.crt",
            f"--kubelet-client-key={pki}/apiserver-client.key",
            f"--feature-gates=CBORServingAndStorage={str(cbor).lower()}",
            "--allow-privileged=true",
            f"--admission-control-config-file={pki}/admission.yaml",
            "--profiling=false",
        )
        # With the client limits of production, its many controllers take 5 s to start, not 0.5 s.
        self.processes.define(
            "controller-manager",
            self.assets / "kube-controller-manager",
            f"--kubeconfig={self.folder}/controller-manager.kubeconfig",
            "--use-service-account-credentials=true",
            f"--service-account-private-key-file={pki}/sa.key",
            f"--root-ca-file={self.pki.ca}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            f"--flex-volume-plugin-dir={self.folder}/run/volumes",
            "--profiling=false",
        )

    def _make_credentials(self, server):
        names = "IP:127.0.0.1,IP:10.0.0.1,IP:172.30.0.1,DNS:localhost,DNS:kubernetes.default.svc"
        self.pki.make_authority()
        self.pki.make_server("apiserver", names)
        # Any webhook that asks for a client certificate gets this one: CN=kube-apiserver.
        self.pki.make_client("apiserver-client", "kube-apiserver")
        for name, text in (
            ("admission.yaml", ADMISSION),
            ("webhook-client.kubeconfig", WEBHOOK_CLIENT),
        ):
            (self.pki.folder / name).write_text(text.format(pki=self.pki.folder))

        tokens = {name: self.pki.secret(f"{name}.token", 16) for name in GROUPS}
        rows = [f"{tokens[name]},{name},{name},{group}" for name, group in GROUPS.items()]
        components = {"controller-manager": "system:kube-controller-manager,controller-manager"}
        for name, identity in (components | self.identities).items():
            token = self.pki.secret(f"{name}.token", 16)
            rows.append(f"{token},{identity}")
            self.pki.write_kubeconfig(self.folder / f"{name}.kubeconfig", server, {name: token})
        (self.pki.folder / "tokens.csv").write_text("\n".join(rows) + "\n")
        self.pki.write_kubeconfig(self.kubeconfig, server, tokens)

    def server(self):
        return f"https://127.0.0.1:{self.processes.option('apiserver', 'secure-port')}"

    def write_account_kubeconfig(self, namespace, name):
        """Credentials of a service account and nothing more, in a file whose path is returned."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 30 * 86400},
        }
        token = self.api("POST", path, request)["status"]["token"]
        kubeconfig = self.folder / f"{name.removeprefix('holdpoint-')}.kubeconfig"
        self.pki.write_kubeconfig(kubeconfig, self.server(), {name: token})
        return kubeconfig

    def kubectl(self, *words):
        cache = self.processes.run / "kubectl-cache"
        command = [self.assets / "kubectl", f"--kubeconfig={self.kubeconfig}"]
        return run([*command, f"--cache-dir={cache}", *words])

    def api(self, method, path, body=None):
        return call_api(self.processes, method, path, body)

    def accounts_ready(self, expected):
        """None when pods can be made and the people of the contexts have the `expected` rights."""
        for namespace in ("default", "production", "staging"):
            self.api("GET", f"/api/v1/namespaces/{namespace}/serviceaccounts/default")
        for user, verb, group, resource in expected:
            review = {
                "apiVersion": "authorization.k8s.io/v1",
                "kind": "SubjectAccessReview",
                "spec": {
                    "user": user,
                    "groups": [GROUPS[user]],
                    "resourceAttributes": {
                        "namespace": "production",
                        "verb": verb,
                        "group": group,
                        "resource": resource,
                    },
                },
            }
            path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
            if not self.api("POST", path, review)["status"]["allowed"]:
                return f"{user} may not {verb} {resource} in production"
        return None


def call_api(processes, method, path, body=None):
    """One call as admin. An answer other than 2xx is a Failure with the server's words."""
    pki = processes.run.parent / "pki"
    context = ssl.create_default_context(cafile=pki / "ca.crt")
    port = int(processes.option("apiserver", "secure-port"))
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)
    token = (pki / "admin.token").read_text().strip()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    connection.request(method, path, json.dumps(body) if body else None, headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    if answer.status // 100 != 2:
        raise Failure(f"{method} {path} was answered with {answer.status}: {text}")
    return json.loads(text) if text.startswith("{") else text


def plain_get(address, path):
    """None when GET answers 200, else why not."""
    host, port = address.rsplit(":", 1)
    connection = http.client.HTTPConnection(host, int(port), timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode(errors="replace")
    connection.close()
    return None if answer.status == 200 else f"{path} says {answer.status}: {text.strip()}"


def ready(processes, name):
    """None when `name`, etcd or the API server, answers; else why not."""
    if name == "etcd":
        address = processes.option(name, "listen-client-urls").removeprefix("http://")
        return plain_get(address, "/readyz")
    call_api(processes, "GET", "/readyz")
    return None
