# `make run` and `make test` set everything up by themselves, in .venv. `make help` lists the rest.

PYTHON := .venv/bin/python
SCREEN := $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s)))
# Tests press keys and move the mouse: give them a screen of their own, not the one that you work on.
NO_DISPLAY := env -u DISPLAY -u WAYLAND_DISPLAY
WITH_DISPLAY := $(NO_DISPLAY) scripts/with-display
# A process of tests for every core, at most eight of them, each with its screen.
WORKERS := $(shell n=$$(getconf _NPROCESSORS_ONLN) && [ $$n -lt 8 ] && echo $$n || echo 8)*popen//python=scripts/with-display
# More words for the command: make run ARGS=photo.jpg, make test ARGS='-k movie'
ARGS :=

.DEFAULT_GOAL := help
.PHONY: help run test check format pictures film bench pins clean

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /  make \1	/p' Makefile | expand -t 18

run: ## open the studio; without a screen, make a picture, a model and a movie in output/
ifneq ($(SCREEN),)
	@scripts/setup.sh window
	@$(PYTHON) -m scalefree_studio $(ARGS)
else
	@scripts/setup.sh headless
	@$(PYTHON) -m scalefree_studio demo $(ARGS)
endif

test: ## run all tests, the window's too, on a hidden screen
	@scripts/setup.sh test
	$(NO_DISPLAY) $(PYTHON) -m pytest --dist worksteal --tx '$(WORKERS) $(PYTHON)' $(ARGS)

check: ## style, types, and who imports whom
	@scripts/setup.sh tools
	$(PYTHON) -m ruff check
	$(PYTHON) -m ruff format --check
	$(PYTHON) -m mypy
	.venv/bin/lint-imports --no-logo

format: ## lay out the code, and fix what ruff can fix
	@scripts/setup.sh tools
	$(PYTHON) -m ruff check --fix
	$(PYTHON) -m ruff format

pictures: ## make the README's pictures of the window
	@scripts/setup.sh test
	$(WITH_DISPLAY) $(PYTHON) scripts/pictures.py $(ARGS)

film: ## make the README's animation
	@scripts/setup.sh test
	$(PYTHON) scripts/film.py $(ARGS)

bench: ## measure learning against a naive reference, rendering, and how fast the window answers
	@scripts/setup.sh test
	$(PYTHON) benchmarks/dividers.py
	$(PYTHON) benchmarks/render.py
	$(PYTHON) benchmarks/pixelcnn.py
	$(PYTHON) benchmarks/reformer.py
	$(PYTHON) benchmarks/codebooks.py
	$(PYTHON) benchmarks/som.py
	$(PYTHON) benchmarks/vqvae_step.py
	$(PYTHON) benchmarks/tokens.py
	$(PYTHON) benchmarks/data.py
	$(WITH_DISPLAY) $(PYTHON) benchmarks/latency.py

pins: ## write constraints.txt afresh (ARGS=torch==2.13.0 holds one back)
	@scripts/setup.sh tools
	$(PYTHON) scripts/pin.py $(ARGS)

clean: ## remove the environment and what tools left behind; output/ stays
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
