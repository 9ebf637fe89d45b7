"""Layers and archives of OCI images (image-spec 1.1), the same bytes for the same content.

`docker load`, `podman load`, `skopeo copy oci-archive:...` and `ctr images import` take an archive.
"""

import gzip
import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"


@dataclass(frozen=True)
class File:
    content: bytes
    mode: int = 0o644
    source: Path | None = None  # Where on this machine it comes from, if it comes from a package.


@dataclass(frozen=True)
class Link:
    target: str


def digest(content):
    return "sha256:" + hashlib.sha256(content).hexdigest()


def folders_of(files):
    """Every folder that the files need, and /tmp, with its mode."""
    above = {str(parent) for path in files for parent in PurePosixPath(path).parents} - {"."}
    return {path: 0o755 for path in above} | {"tmp": 0o1777}


def layer(files, epoch):
    """The tar of {path without leading slash: File or Link}; all of it belongs to root."""
    folders = folders_of(files)
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for path in sorted(folders.keys() | files.keys()):
            entry = tarfile.TarInfo(path)
            entry.mtime = epoch
            match files.get(path):
                case None:
                    entry.type, entry.mode = tarfile.DIRTYPE, folders[path]
                    archive.addfile(entry)
                case Link(target):
                    entry.type, entry.mode, entry.linkname = tarfile.SYMTYPE, 0o777, target
                    archive.addfile(entry)
                case File(content, mode):
                    entry.size, entry.mode = len(content), mode
                    archive.addfile(entry, io.BytesIO(content))
    return tar.getvalue()


def canonical(name):
    """The name as containerd keeps it: one whose first part is no host means Docker's registry."""
    host, slash, _ = name.partition("/")
    return name if slash and ("." in host or ":" in host) else f"docker.io/{name}"


def archive(names, config, tar, epoch):
    """Returns the archive, the digest of the image's manifest, and the compressed size of the layer `tar`."""
    blobs = {}

    def add(content, media_type):
        blobs["blobs/" + digest(content).replace(":", "/")] = content
        return {"mediaType": media_type, "digest": digest(content), "size": len(content)}

    def text(value):
        return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()

    config = config | {"rootfs": {"type": "layers", "diff_ids": [digest(tar)]}}
    described, packed = add(text(config), CONFIG), add(gzip.compress(tar, 9, mtime=0), LAYER)
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": [packed]}
    image = add(text(manifest), MANIFEST)
    image["platform"] = {key: config[key] for key in ("architecture", "os")}
    named = [
        image
        | {
            "annotations": {
                "io.containerd.image.name": canonical(name),
                "org.opencontainers.image.ref.name": name.rpartition(":")[2],
            }
        }
        for name in names
    ]
    # manifest.json is what `docker load` reads.
    config_path, layer_path = ("blobs/" + blob["digest"].replace(":", "/") for blob in (described, packed))
    parts = blobs | {
        "oci-layout": text({"imageLayoutVersion": "1.0.0"}),
        "index.json": text({"schemaVersion": 2, "mediaType": INDEX, "manifests": named}),
        "manifest.json": text([{"Config": config_path, "RepoTags": names, "Layers": [layer_path]}]),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar_file:
        for path in sorted(parts):
            entry = tarfile.TarInfo(path)
            entry.mtime, entry.size, entry.mode = epoch, len(parts[path]), 0o644
            tar_file.addfile(entry, io.BytesIO(parts[path]))
    return out.getvalue(), image["digest"], packed["size"]
