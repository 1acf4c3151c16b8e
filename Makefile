# The commands of this repository; `make help` lists them. `make demo` and `make test` need nothing but Node and make.
.DEFAULT_GOAL := help
.PHONY: help demo test check format bench build generate kube cluster clean

# The Node that came with the packages, whatever the machine has.
NODE := PATH="$(CURDIR)/node_modules/.bin:$$PATH" node
INSTALLED := node_modules/.package-lock.json

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json
	@echo "Installing packages: npm ci"
	@npm ci --loglevel=error --no-progress
	@touch $(INSTALLED)

demo: $(INSTALLED) ## see it work: 20 teams, a connector killed, nothing lost; less than a minute
	@$(NODE) scripts/redis.ts
	@$(NODE) bin/relax.mjs demo

test: $(INSTALLED) ## run everything: checks, then all test suites
	@$(NODE) scripts/test.ts

check: $(INSTALLED) ## types, lint and import rules, generated files, chart, build
	@$(NODE) scripts/test.ts check

format: $(INSTALLED) ## format the sources and mend what lint can mend
	@$(NODE) node_modules/.bin/biome check --write .

generate: $(INSTALLED) ## write the files that are made from the sources: CRD, references
	@$(NODE) scripts/generate.ts

bench: $(INSTALLED) ## measure what putting events on the queue costs
	@$(NODE) scripts/redis.ts
	@$(NODE) bench/enqueue.ts

build: $(INSTALLED) ## compile to dist/, as in the image
	@$(NODE) scripts/build.ts

kube: $(INSTALLED) ## build an API server for the tests with Go, once
	@$(NODE) scripts/kube.ts

cluster: $(INSTALLED) ## test the chart on a real cluster of three nodes; needs root, not part of make test
	@$(NODE) scripts/test.ts cluster

clean: ## remove what was installed and built
	rm -rf node_modules dist coverage
