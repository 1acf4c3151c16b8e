# The commands of this repository; `make help` lists them. `make demo` and `make test` need only Node and make.
.DEFAULT_GOAL := help
.PHONY: help demo test check format bench build generate kube cluster clean

# The Node installed with the packages, whatever the machine has.
NODE := PATH="$(CURDIR)/node_modules/.bin:$$PATH" node
INSTALLED := node_modules/.package-lock.json

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(INSTALLED): package.json package-lock.json
	@echo "Installing packages: npm ci"
	@npm ci --loglevel=error --no-progress
	@touch $(INSTALLED)

demo: $(INSTALLED) ## see it work: 20 teams, a connector killed, nothing lost; takes less than a minute
	@$(NODE) scripts/redis.ts
	@$(NODE) bin/relax.mjs demo

test: $(INSTALLED) ## run everything: checks, then all test suites
	@$(NODE) scripts/test.ts

check: $(INSTALLED) ## types, lint and import rules, generated files, chart, build
	@$(NODE) scripts/test.ts check

format: $(INSTALLED) ## format the sources and fix what lint can fix
	@$(NODE) node_modules/.bin/biome check --write .

generate: $(INSTALLED) ## write the generated files: CRD, references
	@$(NODE) scripts/generate.ts

bench: $(INSTALLED) ## measure everything and write docs/performance.md; takes 40 minutes on an idle machine
	@$(NODE) scripts/redis.ts
	@echo '== bench/performance.ts: what a connector takes, with tables and plots in docs/performance.md; 20 minutes (Linux only)'
	@[ "$$(uname)" != Linux ] || { $(NODE) scripts/build.ts && $(NODE) bench/performance.ts; }
	@echo '== bench/enqueue.ts: queueing an event exactly once, compared with plain RPUSH'
	@$(NODE) bench/enqueue.ts
	@echo '== bench/event.ts: an event from the text of its frame to the queue entry, step by step, on Node and on Bun'
	@$(NODE) bench/event.ts && node_modules/.bin/bun --bun bench/event.ts
	@echo '== bench/dedupe.ts: what a mark costs by rate, with 64 hashes a minute and with as many as the rate asks for'
	@$(NODE) bench/dedupe.ts
	@echo '== bench/plan.ts: one plan for 10,000 and 100,000 bots'
	@$(NODE) bench/plan.ts
	@echo '== bench/planner-idle.ts: the planner while nothing happens, 10,000 bots'
	@$(NODE) bench/planner-idle.ts --seconds 10
	@echo '== bench/sockets.ts: an idle socket over TLS, on Node and on Bun'
	@$(NODE) bench/sockets.ts
	@echo '== bench/replies.ts: what Relax takes of the 3 s that Slack waits for an answer, compared with the smallest program that does it'
	@$(NODE) bench/replies.ts
	@echo '== bench/outbound.ts: a message to Slack, and a burst of them at the rates that Slack allows'
	@$(NODE) bench/outbound.ts
	@echo '== bench/connector.ts: a whole connector, compared with the smallest program that does its job (Linux only)'
	@[ "$$(uname)" != Linux ] || $(NODE) bench/connector.ts
	@echo '== bench/storm.ts: all sockets of a connector end at once, compared with a bare loop that reconnects (Linux only)'
	@[ "$$(uname)" != Linux ] || $(NODE) bench/storm.ts
	@echo '== bench/outage.ts: how a fleet survives 30 s without Slack, in three of its ways (Linux only)'
	@[ "$$(uname)" != Linux ] || $(NODE) bench/outage.ts --only '^(API hangs|upgrade 503|no route)$$'
	@echo '== bench/hostile.ts: each fault of a hostile network, how soon it is noticed and over; six minutes'
	@$(NODE) bench/hostile.ts

build: $(INSTALLED) ## bundles, as in the image, and a single executable to dist/; TARGET=bun-linux-arm64 for another platform
	@$(NODE) scripts/build.ts

kube: $(INSTALLED) ## fetch an API server, etcd, kubectl and helm for the tests, once, if they are missing
	@$(NODE) scripts/kube.ts

cluster: $(INSTALLED) ## test the chart on a real cluster of three nodes; needs root, not part of make test
	@$(NODE) scripts/test.ts cluster

clean: ## remove what was installed and built
	rm -rf node_modules dist coverage
