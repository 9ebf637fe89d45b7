#!/usr/bin/env python3
"""What can be told of the chart without an API server, and of its output as JSON.

tests/chart/check.py sources
    values.yaml and values.schema.json have the same keys; the copies in the chart are up to date; alerts and
    dashboard ask for metrics that the source counts; every alert has its runbook
tests/chart/check.py same CHART MANIFESTS
    both files hold objects as JSON: roles, bindings and admission policies of the chart under default values
    are those of charts/manifests, but for labels, which the chart only adds to
tests/chart/check.py args CHART DEPLOYMENT
    prints the arguments of a Deployment's only container, a line each
"""

import importlib.machinery
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CHART = ROOT / "charts" / "holdpoint"
LOCKED = re.compile(r"(Cluster)?Role(Binding)?|ServiceAccount|ValidatingAdmissionPolicy(Binding)?")


def load_chart_docs():
    loader = importlib.machinery.SourceFileLoader("chart_docs", str(ROOT / "hack" / "chart-docs"))
    module = importlib.util.module_from_spec(importlib.util.spec_from_loader("chart_docs", loader))
    sys.dont_write_bytecode = True
    loader.exec_module(module)
    return module


def schema_keys(schema, definitions, path=""):
    """The paths that the schema names. What stands in values in flow style is one key there, and here."""
    if "$ref" in schema:
        schema = definitions[schema["$ref"].removeprefix("#/definitions/")]
    for key, below in schema.get("properties", {}).items():
        yield path + key
        yield from schema_keys(below, definitions, f"{path}{key}.")


def check_keys(chart_docs):
    values = {path for path, _, _ in chart_docs.read_values((CHART / "values.yaml").read_text())}
    schema = json.loads((CHART / "values.schema.json").read_text())
    known = set(schema_keys(schema, schema["definitions"]))
    for path in sorted(values - known):
        yield f"values.yaml has {path}, and values.schema.json refuses it"
    for path in sorted(known - values - {"global"}):
        parts = path.split(".")
        prefixes = {".".join(parts[:length]) for length in range(1, len(parts))}
        if not prefixes & values and not any(value.startswith(path + ".") for value in values):
            yield f"values.schema.json has {path}, and values.yaml does not tell of it"


def check_metrics():
    sources = [path for path in ROOT.glob("*/*.cpp") if path.parent.name not in ("build", "tests")]
    counted = {name for path in sources for name in re.findall(r'"(holdpoint_[a-z_]+)"', path.read_text())}
    for path in (CHART / "files" / "alerts.yaml", CHART / "files" / "dashboards" / "holdpoint.json"):
        asked = set(re.findall(r"\b(holdpoint_[a-z_]+)", path.read_text()))
        for name in sorted(asked - counted):
            yield f"{path.relative_to(ROOT)} asks for {name}, which nothing counts"
        for name in sorted(counted - asked) if path.suffix == ".json" else ():
            yield f"{path.relative_to(ROOT)} does not show {name}"


def check_runbooks():
    alerts = re.findall(r"(?m)^- alert: (\w+)$", (CHART / "files" / "alerts.yaml").read_text())
    runbooks = re.findall(r"(?m)^## (\w+)$", (ROOT / "docs" / "runbooks.md").read_text())
    if alerts != runbooks:
        yield f"alerts {alerts} and the headings of docs/runbooks.md {runbooks} differ"


def check_sources():
    chart_docs = load_chart_docs()
    yield from check_keys(chart_docs)
    yield from check_metrics()
    yield from check_runbooks()
    if subprocess.run([ROOT / "hack" / "chart-docs", "--check"], check=False).returncode:
        yield "what is generated in charts/holdpoint is not up to date; run hack/chart-docs"


def objects(path):
    """The objects of a file with JSON texts one after the other, or Lists of them."""
    text = Path(path).read_text()
    at = 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        item, at = json.JSONDecoder().raw_decode(text, at)
        yield from item["items"] if item["kind"] == "List" else [item]


def locked(path):
    """By kind, namespace and name: labels, and all that says who may do what."""
    found = {}
    for item in objects(path):
        if LOCKED.fullmatch(item["kind"]):
            metadata = item["metadata"]
            name = (item["kind"], metadata.get("namespace", ""), metadata["name"])
            rest = {
                key: value for key, value in item.items() if key not in ("metadata", "automountServiceAccountToken")
            }
            found[name] = metadata.get("labels", {}), rest
    return found


def check_same(chart, manifests):
    chart, manifests = locked(chart), locked(manifests)
    for name in sorted(set(chart) | set(manifests)):
        what = " ".join(filter(None, name))
        if name not in manifests:
            yield f"the chart has {what}, and charts/manifests has not"
        elif name not in chart:
            yield f"charts/manifests has {what}, and the chart has not"
        elif chart[name][1] != manifests[name][1]:
            yield f"{what} says in the chart\n{json.dumps(chart[name][1])}\nand in charts/manifests\n" + json.dumps(
                manifests[name][1]
            )
        elif not manifests[name][0].items() <= chart[name][0].items():
            yield f"{what} lacks labels in the chart that it has in charts/manifests"


def print_args(chart, deployment):
    for item in objects(chart):
        if item["kind"] == "Deployment" and item["metadata"]["name"] == deployment:
            print(*item["spec"]["template"]["spec"]["containers"][0]["args"], sep="\n")


def main():
    match sys.argv[1:]:
        case ["sources"]:
            wrong = list(check_sources())
        case ["same", chart, manifests]:
            wrong = list(check_same(chart, manifests))
        case ["args", chart, deployment]:
            wrong = print_args(chart, deployment) or []
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    for line in wrong:
        print(f"check: {line}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
