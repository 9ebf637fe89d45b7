"""Keys, certificates and kubeconfigs of one test cluster, made by openssl."""

import base64
import secrets
from pathlib import Path

from outcome import run

CERTIFICATE = (
    "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650".split()
)


class Pki:
    def __init__(self, folder: Path):
        self.folder = folder
        self.ca = folder / "ca.crt"

    def make_authority(self):
        self.folder.mkdir()
        key = self.folder / "ca.key"
        run([*CERTIFICATE, "-subj", "/CN=holdpoint test cluster", "-keyout", key, "-out", self.ca])
        key = self.folder / "sa.key"
        run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key])

    def make_server(self, name, alt_names):
        extensions = ["extendedKeyUsage=serverAuth", f"subjectAltName={alt_names}"]
        self._make_leaf(name, name, extensions)

    def make_client(self, name, common_name):
        self._make_leaf(name, common_name, ["extendedKeyUsage=clientAuth"])

    def secret(self, name, size):
        """Keeps `size` random bytes as hex in a file `name`, and returns that text."""
        text = secrets.token_hex(size)
        (self.folder / name).write_text(text + "\n")
        return text

    def write_kubeconfig(self, path, server, tokens):
        """One context for each name and token; the first is current."""
        authority = base64.b64encode(self.ca.read_bytes()).decode()
        users = "".join(f"- name: {name}\n  user: {{token: {tokens[name]}}}\n" for name in tokens)
        contexts = "".join(
            f"- name: {name}\n  context: {{cluster: test, user: {name}}}\n" for name in tokens
        )
        path.write_text(
            "apiVersion: v1\nkind: Config\n"
            f"clusters:\n- name: test\n  cluster:\n    server: {server}\n"
            f"    certificate-authority-data: {authority}\n"
            f"users:\n{users}contexts:\n{contexts}current-context: {next(iter(tokens))}\n"
        )

    def _make_leaf(self, name, common_name, extensions):
        signer = ["-CA", self.ca, "-CAkey", self.folder / "ca.key", "-subj", f"/CN={common_name}"]
        for extension in ["basicConstraints=critical,CA:FALSE", *extensions]:
            signer += ["-addext", extension]
        files = ["-keyout", self.folder / f"{name}.key", "-out", self.folder / f"{name}.crt"]
        run([*CERTIFICATE, *signer, *files])
