"""The software bill of materials of an image, SPDX 2.3: the Debian packages that its content comes from."""

import re
import subprocess


def packages_of(files):
    """Name -> version of the packages that own the files. A file that no package owns fails."""
    # dpkg knows files of the merged /usr by either name.
    known_as = {file: {str(file), str(file).removeprefix("/usr")} for file in files}
    asked = sorted(set().union(*known_as.values()))
    found = subprocess.run(["dpkg", "-S", *asked], capture_output=True, text=True, check=False).stdout
    owners = {}
    for line in found.splitlines():
        owner, _, path = line.partition(": ")
        owners[path] = owner.split(",")[0]
    names = set()
    for file, spellings in known_as.items():
        owner = next((owners[path] for path in spellings if path in owners), None)
        if owner is None:
            raise LookupError(f"no Debian package owns {file}")
        names.add(owner)
    show = ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", *sorted(names)]
    listed = subprocess.run(show, capture_output=True, text=True, check=True).stdout
    return dict(line.split() for line in listed.splitlines())


def document(name, version, image, created, contained, built_in):
    """`contained` stands in the image as files; `built_in` is compiled into our programs."""

    def package(identity, called, its_version, **more):
        return {
            "SPDXID": f"SPDXRef-{re.sub('[^A-Za-z0-9.-]', '-', identity)}",
            "name": called,
            "versionInfo": its_version,
            "downloadLocation": "NOASSERTION",
            "licenseConcluded": "NOASSERTION",
            "licenseDeclared": "NOASSERTION",
            "copyrightText": "NOASSERTION",
            "filesAnalyzed": False,
        } | more

    def debian(called, its_version):
        reference = {
            "referenceCategory": "PACKAGE-MANAGER",
            "referenceType": "purl",
            "referenceLocator": f"pkg:deb/debian/{called}@{its_version.replace(':', '%3A').replace('+', '%2B')}",
        }
        return package(f"deb-{called}", called, its_version, supplier="Organization: Debian", externalRefs=[reference])

    def relation(one, kind, other):
        return {"spdxElementId": one, "relationshipType": kind, "relatedSpdxElement": other}

    checksum = {"algorithm": "SHA256", "checksumValue": image.removeprefix("sha256:")}
    root = package("image", name, version, licenseDeclared="Apache-2.0", checksums=[checksum])
    kinds = [("CONTAINS", contained), ("STATIC_LINK", built_in)]
    parts = [(kind, debian(*each)) for kind, packages in kinds for each in sorted(packages.items())]
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": f"urn:holdpoint:image:{image}",
        "creationInfo": {"created": created, "creators": ["Tool: hack/image"]},
        "packages": [root, *(part for _, part in parts)],
        "relationships": [
            relation("SPDXRef-DOCUMENT", "DESCRIBES", "SPDXRef-image"),
            *(relation("SPDXRef-image", kind, part["SPDXID"]) for kind, part in parts),
        ],
    }
