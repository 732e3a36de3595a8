# Everything runs from a fresh clone: the first target that needs it makes .venv, later runs reuse it.
# Another interpreter: make test PYTHON=python3.12        Some tests: make test ARGS="-k lstm"

PYTHON ?= python3
ARGS ?=
SECONDS ?= 120

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --no-input
# Bytecode is left to the first import: compiling all of torch would double the set-up.
INSTALL := $(PIP) install -qq --no-compile -c constraints.txt
KEYS := pyproject.toml constraints.txt src/recurra/_version.py

# The C++: built with the compiler that CXX names, or the machine's own.
CMAKE := $(BIN)/cmake
CONFIGURE := $(CMAKE) -G Ninja -S . -DRECURRA_TESTS=ON -DCMAKE_MAKE_PROGRAM='$(CURDIR)/$(BIN)/ninja'
SANITIZED := address,undefined thread
FUZZING := -max_total_time=$(SECONDS) -timeout=20 -verbosity=0 -print_final_stats=1 -artifact_prefix=build/fuzz/
WATCHED = ASAN_OPTIONS=detect_leaks=0 \
	LD_PRELOAD="$$($(CXX) -print-file-name=libasan.so) $$($(CXX) -print-file-name=libubsan.so)"
CPP = $(shell find native -name '*.h' -o -name '*.inl' -o -name '*.cpp')

# Stamps: what .venv holds, and of which version of the files above.
CREATED := $(VENV)/.created
RUNTIME := $(VENV)/.installed-runtime
DEV := $(VENV)/.installed-dev
BENCH := $(VENV)/.installed-bench

unexport PYTHONDONTWRITEBYTECODE
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:
.PHONY: help demo test check native layouts native-test native-test-arm fuzz torture wheel format bench docs clean

help:  ## Show this list
	@echo "recurra: recurrent layers that remember"
	@echo
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1@\2/p' $(MAKEFILE_LIST) | awk -F@ '{printf "%-19s %s\n", $$1, $$2}'

demo: native  ## See the whole idea at work, trained and streamed (about three minutes)
	@$(BIN)/recurra demo

test: check native  ## Check the sources and run every test, docstring example and docs example
	$(BIN)/python -m pytest $(ARGS)

check: $(DEV)  ## The fast static checks: formatting, lint, types
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	@echo $(BIN)/clang-format --dry-run native
	@$(BIN)/clang-format --dry-run --Werror $(CPP)

format: $(DEV)  ## Format all sources, and repair what lint can repair by itself
	$(BIN)/ruff format
	$(BIN)/ruff check --fix
	@$(BIN)/clang-format -i $(CPP)

# Ninja knows what has changed, so this is asked every time and mostly does nothing.
native: build/native/build.ninja  ## Build the C++ engine into the source tree, where Python finds it
	@$(CMAKE) --build build/native --target all allocation_counter -- --quiet
	@$(CMAKE) --install build/native --prefix src >/dev/null

native-test: layouts $(SANITIZED:%=build/%/build.ninja)  ## Run the C++ tests, plain and under sanitizers
	@for build in native $(SANITIZED); do \
		echo "== C++ tests in build/$$build"; \
		$(CMAKE) --build build/$$build --target native_tests -- --quiet && \
		$(BIN)/ctest --test-dir build/$$build/native --output-on-failure || exit 1; \
	done

layouts: native
	@$(BIN)/python native/tests/write_layouts.py build/layouts

build/native/build.ninja: $(RUNTIME) Makefile
	@echo "Building the native engine (half a minute or so, later only what has changed)"
	@$(CONFIGURE) -B $(@D) -DPython_EXECUTABLE='$(CURDIR)/$(BIN)/python' >/dev/null
	@touch $@

$(SANITIZED:%=build/%/build.ninja): build/%/build.ninja: $(RUNTIME) Makefile
	@$(CONFIGURE) -B $(@D) -DRECURRA_PYTHON=OFF -DRECURRA_SANITIZE=$* >/dev/null
	@touch $@

native-test-arm: native-test build/arm/build.ninja  ## Run the C++ tests for 64-bit Arm, emulated (g++-aarch64-linux-gnu, qemu-user)
	@$(CMAKE) --build build/arm --target native_tests -- --quiet
	@$(BIN)/ctest --test-dir build/arm/native --output-on-failure -E test_pool  # qemu fails at forks with threads
	build/native/native/tests/test_plan >build/bits-here
	qemu-aarch64 -L /usr/aarch64-linux-gnu build/arm/native/tests/test_plan >build/bits-arm
	cmp build/bits-here build/bits-arm

build/arm/build.ninja: $(RUNTIME) Makefile
	@$(CONFIGURE) -B $(@D) -DRECURRA_PYTHON=OFF -DRECURRA_TEST_SECONDS=900 -DCMAKE_SYSTEM_NAME=Linux \
		-DCMAKE_SYSTEM_PROCESSOR=aarch64 -DCMAKE_CXX_COMPILER=aarch64-linux-gnu-g++ \
		'-DCMAKE_CROSSCOMPILING_EMULATOR=qemu-aarch64;-L;/usr/aarch64-linux-gnu' >/dev/null
	@touch $@

fuzz: native build/watched/build.ninja  ## Feed the engine broken programs and files, two minutes each, or SECONDS=600
	@$(INSTALL) -e '.[train,native,fuzz]'
	@mkdir -p build/fuzz/corpus build/fuzz/corpus-of-files
	@$(BIN)/python -m fuzz.seeds build/fuzz/seeds
	$(BIN)/python -m fuzz.program_bytes $(FUZZING) build/fuzz/corpus build/fuzz/seeds
	$(BIN)/python -m fuzz.file_bytes build/fuzz/seeds-of-files $(FUZZING) \
		build/fuzz/corpus-of-files build/fuzz/seeds-of-files
	@echo "Building the native engine with sanitizers (minutes the first time)"
	@$(CMAKE) --build build/watched --target _native -- --quiet
	@$(WATCHED) $(BIN)/python -m fuzz.replay build/watched/native/_native.*.so $(SECONDS) \
		build/fuzz/seeds build/fuzz/corpus
	@$(WATCHED) $(BIN)/python -m fuzz.replay_files build/watched/native/_native.*.so $(SECONDS) \
		build/fuzz/stores build/fuzz/seeds-of-files build/fuzz/corpus-of-files

build/watched/build.ninja: $(RUNTIME) Makefile
	@$(CONFIGURE) -B $(@D) -DPython_EXECUTABLE='$(CURDIR)/$(BIN)/python' \
		-DCMAKE_BUILD_TYPE=RelWithDebInfo -DRECURRA_SANITIZE=address,undefined >/dev/null
	@touch $@

torture: $(DEV) native  ## Kill, fill, damage and replay durable streams for two minutes, or SECONDS=600
	$(BIN)/python -m torture $(SECONDS)

wheel: $(DEV)  ## Build the wheel from the sdist and import the engine from it, without torch
	@rm -rf dist build/wheel
	$(BIN)/python -m build --outdir dist >/dev/null
	@ls -l dist
	@[ -z "$$(find dist -name '*.whl' -size +3072k)" ] || { echo "The wheel is over 3 MB" >&2; exit 1; }
	@$(BIN)/python -m venv build/wheel
	@build/wheel/bin/python -m pip install -qq --no-input -c constraints.txt dist/*.whl
	cd build/wheel && bin/python -c "import recurra, recurra.engine._native"

bench: $(BENCH) native  ## Measure speed and memory against other libraries (a quarter of an hour; a try: ARGS=--quick)
	$(BIN)/python -m benchmarks.bars $(ARGS)

docs: $(DEV)  ## Build the documentation into site/
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict --site-dir site
	@echo "Open site/index.html"

clean:  ## Remove .venv and everything that was built
	rm -rf $(VENV) site build dist src/recurra/engine/_native.*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find src tests docs benchmarks -name __pycache__ -type d -prune -exec rm -rf {} + 2>/dev/null || true

$(CREATED):
	@command -v $(PYTHON) >/dev/null || { \
		echo "No '$(PYTHON)' found. recurra needs Python 3.10 or newer: make PYTHON=/path/to/python3" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || { \
		echo "recurra needs Python 3.10 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1)." >&2; \
		echo "Name another one: make PYTHON=python3.12" >&2; \
		exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "'$(PYTHON)' has no venv module. On Debian or Ubuntu: apt install python3-venv" >&2; \
		exit 1; }
	@echo "Setting up .venv (first time only)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install -qq --upgrade -c constraints.txt pip
	@touch $@

$(RUNTIME): $(CREATED) $(KEYS)
	@echo "Installing recurra with PyTorch into .venv (half a minute or so, longer where it must be downloaded)"
	@$(INSTALL) -e '.[train,draw,data,native]'
	@touch $@

$(BENCH): $(CREATED) $(KEYS)
	@echo "Installing recurra with PyTorch and the libraries it is measured against into .venv (a minute or so)"
	@$(INSTALL) -e '.[bench]'
	@touch $(RUNTIME) $@

$(DEV): $(CREATED) $(KEYS)
	@echo "Installing recurra with PyTorch and the development tools into .venv (a minute or so)"
	@$(INSTALL) -e '.[dev]'
	@touch $(RUNTIME) $@
