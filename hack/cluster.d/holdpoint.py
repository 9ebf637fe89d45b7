"""Holdpoint in a test cluster: CRDs, roles and policies, its operator and its webhook processes."""

from control_plane import plain_get

# Allowed once the roles of Holdpoint have become part of `edit` and `view`.
EXPECTED = [
    ("developer", "create", "holdpoint.dev", "approvals"),
    ("auditor", "list", "holdpoint.dev", "auditrecords"),
]


def install(plane, root):
    """Applies what an administrator would, before any process of Holdpoint runs."""
    crds = root / "crds"
    manifests = root / "charts" / "manifests"
    plane.kubectl("apply", "--server-side", "-f", crds, "-f", manifests)
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", "-f", crds)


def define(plane, binaries, webhooks):
    """Defines operator and webhooks; returns their names and what `env` tells about them.

    All webhook processes listen on one port (SO_REUSEPORT), so the kernel spreads the API server's
    connections over them as a Service would.
    """
    url = f"127.0.0.1:{plane.ports.pick()}"
    operator_health = f"127.0.0.1:{plane.ports.pick()}"
    health = [f"127.0.0.1:{plane.ports.pick()}" for _ in range(webhooks)]
    pki = plane.pki
    pki.make_server("webhook", "IP:127.0.0.1,DNS:localhost")
    pki.secret("path-token", 16)
    pki.secret("secret-key", 32)
    for name in ("webhook", "operator"):
        plane.write_account_kubeconfig("holdpoint-system", f"holdpoint-{name}")

    names = ["webhook", *(f"webhook-{number}" for number in range(2, webhooks + 1))]
    for name, address in zip(names, health):
        plane.processes.define(
            name,
            binaries / "holdpoint-webhook",
            f"--kubeconfig={plane.folder}/webhook.kubeconfig",
            f"--listen={url}",
            "--reuse-port",
            f"--tls-cert={pki.folder}/webhook.crt",
            f"--tls-key={pki.folder}/webhook.key",
            f"--path-token-file={pki.folder}/path-token",
            f"--secret-key-file={pki.folder}/secret-key",
            f"--health-listen={address}",
            "--linger=0",
            "--log-format=json",
        )
    plane.processes.define(
        "operator",
        binaries / "holdpoint-operator",
        f"--kubeconfig={plane.folder}/operator.kubeconfig",
        "--namespace=holdpoint-system",
        f"--webhook-url=https://{url}",
        f"--ca-bundle={pki.ca}",
        f"--path-token-file={pki.folder}/path-token",
        f"--secret-key-file={pki.folder}/secret-key",
        f"--health-listen={operator_health}",
        f"--checkpoint-file={plane.folder}/run/checkpoint",
        "--log-format=json",
        keep_up=True,  # It ends when it loses its Lease, such as while the API server is away.
    )
    return [*names, "operator"], {
        "HOLDPOINT_WEBHOOK_URL": f"https://{url}",
        "HOLDPOINT_WEBHOOK_HEALTH": " ".join(health),
        "HOLDPOINT_OPERATOR_HEALTH": operator_health,
        "HOLDPOINT_PATH_TOKEN_FILE": pki.folder / "path-token",
        "HOLDPOINT_CA_FILE": pki.ca,
    }


def ready(processes, name):
    return plain_get(processes.option(name, "health-listen"), "/readyz")
