# The private engine of the tests; included by the top Makefile.

ENGINE := test/engine/engine

.PHONY: engine-build engine-start engine-stop engine-status engine-clean engine-pack engine-test

engine-build: ## build the private engine from its pinned modules
	$(ENGINE) build

engine-start: ## start the private engine (VARIANT=containerd|graphdriver|buildkit|old, GPU=fake|none)
	$(ENGINE) start $(if $(VARIANT),--variant $(VARIANT)) $(if $(GPU),--gpu $(GPU))

engine-stop: ## stop the private engine, all variants unless VARIANT is given
	$(ENGINE) stop $(if $(VARIANT),--variant $(VARIANT),--all)

engine-status: ## show which private engines run
	$(ENGINE) status

engine-clean: ## stop the private engine and remove all that it built and kept
	$(ENGINE) clean

engine-pack: ## pack the private engine for a machine without a network
	$(ENGINE) pack

engine-test: ## test the private engine itself, in a folder of its own
	test/engine/engine_test.sh
