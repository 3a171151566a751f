# docker gpu. `make help` lists the targets.

# The last release and what came after it; before the first, only the commit.
VERSION  ?= $(shell git describe --match 'v[0-9]*' --dirty --tags 2>/dev/null || \
	echo 0.1.0-dev$$(git describe --exclude '*' --always --dirty 2>/dev/null | sed 's/^/+g/'))
LDFLAGS   = -s -w -X github.com/dockergpu/docker-gpu/internal/version.version=$(VERSION)
PLUGINS  ?= $(or $(DOCKER_CONFIG),$(HOME)/.docker)/cli-plugins
# go-nvml marks calls of NVML as deprecated; -O2 is what Go would have set.
export CGO_CFLAGS ?= -O2 -Wno-deprecated-declarations
# The race detector takes cgo; Go turns that off where no C compiler is.
RACE      = $(if $(filter 1,$(shell go env CGO_ENABLED)),-race)
# Code behind a tag of tests is held to the same rules.
TAGS      = -tags e2e,bench,gpu

.DEFAULT_GOAL := help
.PHONY: help build worker install uninstall demo test unit e2e e2e-torch gpu-tests cross lint bench bench-startup docs clean

help: ## list the targets
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-14s %s\n", $$1, $$2}'

build: worker ## build bin/docker-gpu with the programs that run beside a GPU inside
	go build -trimpath -ldflags '$(LDFLAGS)' -o bin/docker-gpu ./cmd/docker-gpu

# The worker takes libcuda when it runs and no cgo, the probe needs nothing: each is built on
# any machine. gzip -n leaves out the time, so that the same program is the same file.
worker: ## build the programs that run beside a GPU and on a remote machine, for the plugin to take in
	@for p in gpu-worker gpu-probe; do for a in amd64 arm64; do f=internal/worker/bin/$$p-linux-$$a; echo "build $$f.gz"; \
		CGO_ENABLED=0 GOOS=linux GOARCH=$$a go build -trimpath -ldflags '$(LDFLAGS)' -o $$f ./cmd/$$p && \
		gzip -9nf $$f || exit 1; done; done

install: build ## put the plugin where docker finds it
	install -D -m 0755 bin/docker-gpu '$(DESTDIR)$(PLUGINS)/docker-gpu'

uninstall: ## remove the plugin again
	rm -f '$(DESTDIR)$(PLUGINS)/docker-gpu'

demo: install ## build and prove a real PyTorch image, on a private engine if none answers
	scripts/demo

test: unit cross e2e ## everything that CI runs: unit tests, cross builds, tests on the private engine

unit: ## unit tests; they need nothing but Go
	@test -z "$$(gofmt -l .)" || { echo 'not gofmt-ed:'; gofmt -l .; exit 1; }
	go vet $(TAGS) ./...
	go test $(RACE) -timeout 30m ./...
	@# Under the race detector setup is killed at every seventh point of its journal.
	$(if $(RACE),go test ./hostsetup/setup/apply)

e2e: build ## tests on the private engine, which this builds and starts
	scripts/e2e

e2e-torch: build ## the full PyTorch build on every kind of builder, recorded in docs/results
	scripts/e2e-torch

gpu-tests: build ## compile the tests that run on a machine with a real GPU (test/gpu)
	CGO_ENABLED=0 go test -c -trimpath -ldflags '-s -w' -tags gpu -o bin/gpu.test ./test/gpu

cross: ## compile for the other clients, without CGO
	@for t in linux/amd64 linux/arm64 darwin/arm64 windows/amd64 freebsd/amd64; do \
		echo "build $$t"; CGO_ENABLED=0 GOOS=$${t%/*} GOARCH=$${t#*/} go build -o /dev/null ./cmd/docker-gpu || exit 1; done

lint: ## static analysis: staticcheck, and golangci-lint where it is installed
	go vet $(TAGS) ./...
	go mod tidy -diff
	go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 $(TAGS) ./...
	@if command -v golangci-lint >/dev/null; then golangci-lint run; fi

docs: ## write the command reference and the help in the script tests anew
	go test ./plugin -run TestReference -update
	go test ./cmd/docker-gpu -run TestScripts -update

bench: build ## the table of docs/benchmarks.md, on the private engine
	test/bench/run

.PHONY: bench-contexts
bench-contexts: build ## how long doctor takes over 50 contexts of which 5 are dead; private engines that run are measured, too
	go test -tags bench -count=1 -v -run "TestContexts" ./test/bench

bench-startup: build ## how long the binary takes to answer --help
	go test -tags bench -count=1 -v -run "TestStartup|TestInit|TestParse" ./test/bench

clean: ## remove what was built here; `make engine-clean` removes the private engine
	rm -rf bin internal/worker/bin/gpu-worker-* internal/worker/bin/gpu-probe-*

-include test/engine/engine.mk
