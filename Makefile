# `make` alone prints the targets. Each makes what it needs first, down to Debian packages.
PRESET ?= release
TEST_PRESET ?= dev
# A test on a loaded machine may miss a deadline: it gets one more chance, and says so.
CTEST = ctest --preset $(TEST_PRESET) --no-tests=error --repeat until-pass:2
.DEFAULT_GOAL := help
.PHONY: help deps assets build programs build-test test unit chart cluster gitops gitops-assets argocd e2e node verify bench demo image plugin docs format clean

help: ## print this list
	@echo "build, bench, demo, image, e2e, node, docs: PRESET=$(PRESET); test, unit, chart, cluster, gitops: TEST_PRESET=$(TEST_PRESET)"
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

deps: ## install the missing Debian packages
	@hack/deps

assets: deps ## build etcd, kube-apiserver, kube-controller-manager, kubectl and helm, once
	@hack/assets >/dev/null

gitops-assets: deps
	@hack/assets --gitops >/dev/null

build: deps ## compile everything, and show where the time went
	@hack/build $(PRESET)

programs: deps
	@hack/build $(PRESET) holdpoint-webhook holdpoint-operator kubectl-holdpoint

build-test: deps
	@hack/build $(TEST_PRESET)

test: gitops-assets build-test ## everything: unit and cluster tests, with sanitizers
	@$(CTEST)

unit: build-test ## the tests that need no cluster
	@$(CTEST) --label-exclude 'cluster|gitops|e2e'

chart: assets build-test ## the test of the Helm chart: rendered, judged by an API server, installed
	@$(CTEST) --tests-regex '^chart$$'

cluster: assets build-test ## the tests against a real API server
	@$(CTEST) --label-regex cluster

gitops: gitops-assets build-test ## Flux, the Helm CLI and kubectl, each with a real API server
	@$(CTEST) --label-regex gitops

argocd: deps build-test ## the tests with Argo CD's own controller, which is built first and takes long
	@hack/assets --argocd >/dev/null
	@$(CTEST) --tests-regex '^argocd$$'

e2e: deps build ## the chart on a real node: its story, and what happens while parts fail; needs root
	@hack/assets --node >/dev/null
	@HOLDPOINT_BIN=build/$(PRESET)/bin tests/e2e/run

node: deps build ## the image on a real node alone, whose kubelet and containerd are built once; needs root
	@hack/assets --node >/dev/null
	@HOLDPOINT_BIN=build/$(PRESET)/bin tests/e2e/run --node

verify: deps ## rooms, white space and generated files: all as committed?
	@hack/build $(PRESET) holdpoint-gen
	@PRESET=$(PRESET) hack/verify

bench: assets build ## latency, throughput and memory of the admission path
	@hack/bench

demo: assets programs ## the whole story on a cluster of its own
	@hack/demo

image: programs ## one OCI image with both programs, without a container engine
	@HOLDPOINT_BIN=build/$(PRESET)/bin hack/image build/$(PRESET)/holdpoint-image.tar

plugin: programs ## the kubectl plugin as a tarball, with a krew manifest
	@HOLDPOINT_BIN=build/$(PRESET)/bin hack/plugin build/$(PRESET)/plugin

docs: deps ## generate CRDs, the reference docs and what the chart has of them
	@hack/build $(PRESET) holdpoint-gen
	@PRESET=$(PRESET) hack/generate

format: deps ## let clang-format decide white space
	@git ls-files -z --cached --others --exclude-standard '*.cpp' '*.hpp' | xargs -0r clang-format -i

clean: ## remove build/
	@rm -rf build
