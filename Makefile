# Everything sets itself up: a virtual environment in .venv, with the pinned versions of .ci/constraints.txt.

PYTHON ?= python3
BIN := .venv/bin
READY := .venv/ready
DEMO := build/demo
SHELF := fc fc-28 fc-deep cnn cnn-deep reader reader-deep
RECORDS := cnn-2k cnn-5k cnn-8k cnn-16k fc-best cnn-best
PYTEST := OMP_NUM_THREADS=1 $(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder
unexport PYTHONDONTWRITEBYTECODE  # or each of the processes that tests start, by the thousand, compiles the package anew

.DEFAULT_GOAL := help
.PHONY: help demo test proofs languages fuzz faults loops devices lint format bench engines targets reader records search record-gpu tables exports pictures dist clean

help: ## Show these lines
	@while IFS= read -r line; do case "$$line" in \
		[a-z]*': '*'## '*) printf 'make %-9s %s\n' "$${line%%:*}" "$${line#*## }" ;; \
	esac; done < $(firstword $(MAKEFILE_LIST))

$(READY): pyproject.toml .ci/constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo 'EdgeDigits needs Python 3.11 or later. Name one: make PYTHON=python3.12 ...' >&2; exit 1; }
	@echo 'Setting up .venv: torch and the other packages are about 3 GB to download. This takes some minutes, once.' >&2
	$(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint .ci/constraints.txt --editable '.[dev]'
	@touch $@

demo: $(READY) ## Train, export and verify fc and cnn on MNIST (or on 5,000 of its digits, without a network)
	@data=mnist; $(BIN)/edgedigits data --fetch mnist > /dev/null || \
		{ data=mnist-5k; echo 'MNIST is not at hand: going on with mnist-5k, 5,000 of its digits.'; }; \
	set -ex; \
	$(BIN)/edgedigits train --dataset $$data --runs $(DEMO)/runs; \
	$(BIN)/edgedigits export --quantize --runs $(DEMO)/runs --exports $(DEMO)/exports; \
	$(BIN)/edgedigits verify --runs $(DEMO)/runs --exports $(DEMO)/exports
	@echo 'The trained models are in $(DEMO)/runs, the exported files in $(DEMO)/exports.'

test: $(READY) ## Run the tests, several files at once
	$(PYTEST)

proofs: $(READY) ## Run the tests that prove at length: the README, all images, engines, killed commands, Ray and Spark; or those of MARKS
	$(PYTEST) -m "$(or $(MARKS),lengthy)"

languages: $(READY) ## Build and prove the embed targets that are compiled, with what each language brings
	$(PYTEST) -m languages

fuzz: $(READY) ## Try mutated files for SECONDS=60, or INPUTS=1000000 of each TARGETS="onnx idx"; SEED, WORKERS, STATE=folder
	nice $(BIN)/python -m tests.fuzz $(TARGETS) --seed $(or $(SEED),0) --workers $(or $(WORKERS),1) \
		$(if $(INPUTS),--inputs $(INPUTS),--seconds $(or $(SECONDS),60)) $(if $(STATE),--state $(STATE))

faults: $(READY) ## Kill, starve and mislead commands: SCENES="train export", ATTACKS="kill full", EVERY=10 boundaries, SEED
	OMP_NUM_THREADS=1 nice $(BIN)/python -m tests.faults $(SCENES) $(addprefix --attack ,$(ATTACKS)) \
		--every $(or $(EVERY),1) --seed $(or $(SEED),0)

loops: $(READY) ## Train by the tutorials' published loops, adopt what they save, and prove it (20 minutes)
	$(PYTEST) -m published

devices: $(READY) ## Prove what C files show on emulated devices: NAMES="cnn fc", IMAGES=10000 (all), COUNTED=1000, CANVASES, EXPORTS, RUNS, UNTIMED=1
	nice $(BIN)/python -m tests.devices $(NAMES) --images $(or $(IMAGES),1000) --counted $(or $(COUNTED),100) \
		--canvases $(or $(CANVASES),20000) --exports $(or $(EXPORTS),exports) --runs $(or $(RUNS),build/runs) \
		$(if $(UNTIMED),--untimed)

lint: $(READY) ## Check style and types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: $(READY) ## Format the code
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(READY) ## Measure training and files beside the tutorials' loops, into edgedigits/bench/measured.json (20 minutes)
	$(BIN)/python -m edgedigits.cli.measure training

engines: $(READY) ## Measure the files of exports/ in every engine, into edgedigits/bench/engines.json; TIMES=1: the times alone
	$(BIN)/python -m edgedigits.cli.measure engines $(if $(TIMES),--times)

targets: $(READY) ## Measure what embed makes in each language, into edgedigits/bench/languages.json
	$(BIN)/python -m tests.helpers.onnxruntime build/onnxruntime
	$(BIN)/python -m edgedigits.cli.measure languages --onnxruntime build/onnxruntime

reader: $(READY) ## Measure what the canvas files of exports/ read and refuse, into edgedigits/bench/reader.json; STRANGERS=folder of pictures
	$(BIN)/python -m edgedigits.cli.measure reader $(if $(STRANGERS),--strangers $(STRANGERS))

records: $(READY) ## Train the presets of few bits, all seeds, two at a time, into edgedigits/bench/records/; goes on where it was stopped
	OMP_NUM_THREADS=1 $(BIN)/python -m edgedigits.cli.measure records

search: $(READY) ## Search for networks of BUDGET=5000 bytes, FAMILY=cnn or fc, into edgedigits/bench/search.jsonl; goes on likewise
	OMP_NUM_THREADS=1 $(BIN)/python -m edgedigits.cli.measure search $(or $(BUDGET),5000) --family $(or $(FAMILY),cnn)

record-gpu: $(READY) ## Measure how fast a GPU trains fc to 98% and cnn to 99%, into edgedigits/bench/gpu.json
	$(BIN)/python -m edgedigits.cli.measure gpu

tables: $(READY) ## Write exports/README.md from what was measured
	$(BIN)/python -m edgedigits.cli.measure tables

exports: $(READY) ## Train the presets of exports/ on MNIST and write it anew (the readers take an hour, the records two)
	$(BIN)/edgedigits train $(addprefix --model ,$(SHELF)) --runs build/runs
	$(BIN)/edgedigits export --format onnx --quantize --runs build/runs --exports exports --force
	$(BIN)/edgedigits export --input canvas --quantize --runs build/runs --exports exports --force
	$(BIN)/edgedigits export --model cnn --model fc-28 --format c-int8 --runs build/runs --exports exports --force
	$(BIN)/edgedigits verify $(SHELF) --runs build/runs --exports exports --force
	$(BIN)/edgedigits train $(addprefix --model ,$(RECORDS)) --threads 1 --resume --runs build/records/0
	$(BIN)/edgedigits export --format c-int8 --runs build/records/0 --exports exports --force
	$(BIN)/edgedigits verify $(RECORDS) --runs build/records/0 --exports exports --force
	$(BIN)/edgedigits card --license mit --exports exports --force
	$(BIN)/python -m edgedigits.cli.measure tables

pictures: $(READY) ## Take the README's pictures of a real run, in a headless Chromium
	$(BIN)/python -m tests.pictures

dist: $(READY) ## Build sdist and wheel, prove them, and write bom.json, into dist/
	$(BIN)/python -m tests.release

clean: ## Remove everything that make made
	rm -rf .venv build dist *.egg-info .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
