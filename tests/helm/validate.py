"""Validates objects against Kubernetes' own schemas, strictly, and those of the Prometheus operator.

Reads lines of JSON, each a [case, oldest, newest, object], from standard input: the versions of Kubernetes that the object is
for. Prints a line for each fault, and at last how many validations it did.
"""

import functools
import json
import sys

import jsonschema
from cloudcoil.models.prometheus_operator import v1 as operator
from kubernetes_validate import utils
from referencing import Registry, Resource

OLDEST = (1, 29)


@functools.cache
def versions():
    """All that the package ships, from the oldest that the chart supports."""
    found = {version for version in utils.all_versions() if not version.endswith("-strict")}
    pairs = sorted(tuple(int(part) for part in version.split(".")[:2]) for version in found)
    return [f"{major}.{minor}" for major, minor in pairs if (major, minor) >= OLDEST]


class Schemas:
    """One validator for each kind and version, made once."""

    def __init__(self):
        self.known = {}

    def of(self, version, kind, api):
        key = (version, kind, api)
        if key not in self.known:
            group = api.split("/")[0].split(".")[0]
            name = f"{group}-{api.split('/')[1]}" if "/" in api else api
            folder = f"kubernetes-json-schema/v{version}.0-local-strict"
            schema = utils.schema_contents(f"{folder}/{kind.lower()}-{name}.json", version)
            definitions = utils.schema_contents(f"{folder}/_definitions.json", version)
            registry = Resource.from_contents(definitions) @ (Resource.from_contents(schema) @ Registry())
            self.known[key] = jsonschema.validators.Draft202012Validator(schema, registry=registry)
        return self.known[key]


def operator_fault(item):
    """The model refuses wrong types; what it doesn't know, it drops."""
    model = getattr(operator, item["kind"]).model_validate(item)
    kept = model.model_dump(by_alias=True, exclude_unset=True, mode="json")
    return None if kept == item else f"has unknown fields; known are {kept}"


def faults(schemas, oldest, newest, item):
    if item["apiVersion"] == "monitoring.coreos.com/v1":
        try:
            fault = operator_fault(item)
        except ValueError as error:
            fault = str(error)
        yield "operator", fault
        return
    every = versions()
    for version in every[every.index(oldest) : every.index(newest) + 1]:
        try:
            errors = schemas.of(version, item["kind"], item["apiVersion"]).iter_errors(item)
            fault = "; ".join(f"{'.'.join(map(str, error.path))}: {error.message}" for error in errors)
        except FileNotFoundError:
            fault = "no such kind"
        yield version, fault


def main():
    schemas, count = Schemas(), 0
    for case, oldest, newest, item in map(json.loads, sys.stdin):
        for version, fault in faults(schemas, oldest, newest, item):
            count += 1
            if fault:
                print(f"{case}: {item['kind']} {item['metadata']['name']}, {version}: {fault}")
    print(f"{count} validations, Kubernetes {versions()[0]} to {versions()[-1]}")


main()
