# Everything this project does, each target with all that it needs. `make` alone lists them.
# Needs: Python 3.11 or newer with venv, make, and a package registry that pip can reach.

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
PORT   ?= 8000
J      ?= 1
SITE   := _build/html/book/intro.html

# The kernel of this environment is used, whatever other kernels the machine has under its name.
export JUPYTER_PREFER_ENV_PATH := 1
export PYDEVD_DISABLE_FILE_VALIDATION := 1
# Without the network, nothing of ours should wait for it: pip still uses the registries it is told.
export PIP_DISABLE_PIP_VERSION_CHECK := 1

LIBRARY   := $(shell find recsys_lib -name '*.py' -o -name '*.txt')
PAGES     := tools/execute.py tools/student.py $(wildcard book/*.md book/*/*.md book/*.bib book/_ext/* book/_assets/* book/_assets/fonts/* _config.yml _toc.yml)
NOTEBOOKS := $(sort $(wildcard notebooks/*.ipynb))
RESULTS   := $(wildcard results/*.json)

# Jupyter refuses to run for root, who is the only user of many a container, unless it is told.
ROOT_TOO := $(if $(filter 0,$(shell id -u)),--allow-root)

.PHONY: help book serve chapter test test-library test-notebooks test-site test-scale everywhere lab student nbgrader handout \
        record scale scale-full check hooks mutants reproduce verify bench paint pdf clean
.DELETE_ON_ERROR:

help:
	@echo "make book            build the site: every notebook runs, a warning is an error"
	@echo "make serve           show the site on this machine only (PORT=$(PORT))"
	@echo "make chapter N=02    build one chapter alone and say where to open it"
	@echo "make lab             open JupyterLab on the student's notebooks"
	@echo "make student         write the student's notebooks into student/, keeping what is there"
	@echo "make nbgrader        write the chapters as sources of nbgrader into nbgrader/, keeping what is there"
	@echo "make handout         one folder, and a zip of it, for a class that does not have this project"
	@echo "make test            library, notebooks and site"
	@echo "make everywhere      library and chapters as other processors would run them (S=generic: one)"
	@echo "make check           style, types, and that no unchecked output is committed"
	@echo "make mutants         change the library at 300 places: which does no test notice? (hours; J=2 at a time)"
	@echo "make hooks           let git run these checks before every commit"
	@echo "make record N=02     run a chapter and keep the outputs of its checked cells"
	@echo "make reproduce       make the files in results/ again: hours (needs RECSYS_DATA)"
	@echo "make verify          make their cheap parts again and compare (needs RECSYS_DATA)"
	@echo "make bench           time this library beside others (installs them in .venv-bench)"
	@echo "make scale           chapter 13's engines, cluster and processes, small: minutes (in .venv-scale)"
	@echo "make scale-full      the same as it is recorded: hours, 15 GB of disk (FOLDER=where)"
	@echo "make test-scale      the tests of these (needs Java 17)"
	@echo "make paint           when the first words of each page are seen over a slow line"
	@echo "make pdf             the whole book as one PDF, with links and page numbers (needs Chromium)"
	@echo "make clean           remove what was built; the environment, student/ and nbgrader/ stay"

%:
	@echo "make: there is no target '$@'. These are the targets:" >&2
	@$(MAKE) --no-print-directory help >&2
	@exit 2

# Files that exist are no targets of the rule above.
Makefile requirements.txt pyproject.toml $(LIBRARY) $(PAGES) $(NOTEBOOKS) $(RESULTS): ;

# ---- environment ---------------------------------------------------------------------------------

# An environment of the same Python is brought up to date in place: a kernel may be running in it.
# Only one that is broken, or of another Python, is made anew.
WHICH := import sys; print(sys.version_info[:2], sys.base_prefix)

$(VENV)/.installed: requirements.txt pyproject.toml tools/require_python.py
	@command -v $(PYTHON) >/dev/null || { \
	  echo "$(PYTHON) is not found. Install Python 3.11 or newer, or say which one to take: make PYTHON=/path/to/python3.12 ..." >&2; exit 1; }
	@$(PYTHON) tools/require_python.py
	@now=$$($(PYTHON) -c '$(WHICH)'); \
	$(BIN)/python -c 'import pip; $(WHICH)' 2>/dev/null | grep -qxF "$$now" || \
	$(PYTHON) -m venv --clear $(VENV) || { \
	  echo "The virtual environment could not be made. On Debian and Ubuntu: apt install python3-venv." >&2; exit 1; }
	@echo "Installing the packages of requirements.txt into $(VENV) (a minute or two, about 2 GB) ..."
	@{ $(BIN)/python -m pip install --quiet -r requirements.txt \
	   && $(BIN)/python -m pip install --quiet --no-deps --editable . ; } 2>$(VENV)/pip.log || { \
	  grep -v WARNING $(VENV)/pip.log | tail -n 5 >&2; \
	  echo "The installation failed; the whole output is in $(VENV)/pip.log. Can pip reach a package registry (pip config list)? Then run make again." >&2; exit 1; }
	@$(BIN)/python -m pip check
	@touch $@

# ---- the site ------------------------------------------------------------------------------------

# All chapters run before the pages are written, as many at a time as there are cores.
EXECUTED := $(CURDIR)/_build/.executed

# The stamp is made only by a build without a warning: a broken book is never taken for a whole one.
# Its time is that of the beginning: what is changed while the book is built counts as newer.
# Every comparison that the library puts into words is noted beside it, for the site's tests.
_build/.built: $(VENV)/.installed $(LIBRARY) $(PAGES) $(NOTEBOOKS) $(RESULTS)
	@mkdir -p _build
	@rm -f $@ _build/.comparisons
	@touch _build/.begun
	RECSYS_COMPARISONS=$(CURDIR)/_build/.comparisons $(BIN)/python tools/execute.py $(EXECUTED)
	RECSYS_EXECUTED=$(EXECUTED) \
	$(BIN)/jupyter-book build . --builder html -W -n --keep-going --all
	@mv _build/.begun $@

book: _build/.built
	@echo "The book is built. Open it: file://$(CURDIR)/$(SITE)  (or: make serve)"

# One file to print or to take along, in the look of the site.
pdf: _build/.built
	$(BIN)/python tools/pdf.py _build/recommender-systems.pdf

serve: book
	@echo "http://127.0.0.1:$(PORT)/  (Ctrl-C stops it)"
	@$(BIN)/python -m http.server $(PORT) --bind 127.0.0.1 --directory _build/html

chapter: $(VENV)/.installed
	@$(BIN)/python tools/chapter.py preview $(N)

# ---- students ------------------------------------------------------------------------------------

student: $(VENV)/.installed
	@$(BIN)/python tools/student.py

# Of nbgrader's buttons "Validate" alone is on; the others want a course that hands out and collects.
lab: export JUPYTER_CONFIG_PATH := $(CURDIR)/tools/lab
lab: student
	@$(BIN)/jupyter lab --notebook-dir=. $(ROOT_TOO) student/00_start_here.ipynb

# ---- teachers ------------------------------------------------------------------------------------

nbgrader: $(VENV)/.installed
	@$(BIN)/python tools/student.py --nbgrader

# What a class needs and nothing else, as a folder and as one file.
handout: $(VENV)/.installed
	@$(BIN)/python tools/handout.py

# ---- checks --------------------------------------------------------------------------------------

# The chapters run once, for the site, and what their checked cells printed then is compared with what
# they store. `make test-notebooks` runs them again, each alone in a fresh kernel, and so does CI.
test: test-library test-site

# Two processes, each with one thread: more of them would only wait for each other.
test-library test-notebooks: export OMP_NUM_THREADS := 1
test-library test-notebooks: export OPENBLAS_NUM_THREADS := 1
test-library: $(VENV)/.installed
	$(BIN)/python -m pytest -n 2 --dist loadfile tests/library tests/notebooks

# Each notebook alone in a fresh kernel; cells tagged nbval-check-output must print what is stored.
test-notebooks: $(VENV)/.installed
	$(BIN)/python -m pytest --nbval-lax --nbval-current-env --nbval-cell-timeout 300 \
	  -n 2 --dist loadscope -p no:cacheprovider $(NOTEBOOKS)

# Two browsers at a time: a class of tests, which look at the same visits, stays in one process.
test-site: _build/.built
	$(BIN)/python -m pytest -n 2 --dist loadscope tests/site

# The same figures must come out with other instructions, other kernels, other numbers of threads.
everywhere: $(VENV)/.installed
	$(BIN)/python tools/everywhere.py $(S)

check: $(VENV)/.installed
	$(BIN)/pre-commit run --all-files

hooks: $(VENV)/.installed
	$(BIN)/pre-commit install

# In the background, so to say: whatever else the machine has to do comes first.
mutants: $(VENV)/.installed
	@nice -n 19 $(BIN)/python tools/mutants.py --jobs $(J)

record: $(VENV)/.installed
	@$(BIN)/python tools/chapter.py record $(N)
	@$(BIN)/python tools/readme.py

# ---- recorded runs and timings -------------------------------------------------------------------

reproduce: $(VENV)/.installed
	$(BIN)/python -m recsys_lib.reproduce run all --again

verify: $(VENV)/.installed
	$(BIN)/python -m recsys_lib.reproduce verify all --quick

.venv-bench/.installed: requirements.txt benchmarks/requirements.txt pyproject.toml
	@$(PYTHON) -m venv --clear .venv-bench
	@.venv-bench/bin/python -m pip install --quiet -r benchmarks/requirements.txt 2>.venv-bench/pip.log || { \
	  tail -n 5 .venv-bench/pip.log >&2; echo "The installation failed; see .venv-bench/pip.log" >&2; exit 1; }
	@.venv-bench/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

# One thread for every library: algorithms are compared, not thread pools. S names one section.
bench: export OPENBLAS_NUM_THREADS := 1
bench: export OMP_NUM_THREADS := 1
bench: export MKL_NUM_THREADS := 1
bench: export NUMBA_NUM_THREADS := 1
bench: .venv-bench/.installed $(VENV)/.installed
	.venv-bench/bin/python benchmarks/run.py $(S)
	@$(BIN)/python tools/readme.py

# ---- larger than one machine ----------------------------------------------------------------------

.venv-scale/.installed: requirements-scale.txt pyproject.toml tools/require_python.py
	@$(PYTHON) tools/require_python.py
	@$(PYTHON) -m venv --clear .venv-scale
	@echo "Installing the packages of requirements-scale.txt into .venv-scale (some minutes, about 3 GB) ..."
	@.venv-scale/bin/python -m pip install --quiet -r requirements-scale.txt 2>.venv-scale/pip.log || { \
	  tail -n 5 .venv-scale/pip.log >&2; echo "The installation failed; see .venv-scale/pip.log" >&2; exit 1; }
	@.venv-scale/bin/python -m pip install --quiet --no-deps --editable .
	@touch $@

scale: .venv-scale/.installed
	@.venv-scale/bin/python -m recsys_lib.scale.record

scale-full: .venv-scale/.installed
	.venv-scale/bin/python -m recsys_lib.scale.record --full $(if $(FOLDER),--folder "$(FOLDER)")

test-scale: export RECSYS_REQUIRE_SCALE := 1
test-scale: .venv-scale/.installed
	.venv-scale/bin/python -m pytest tests/scale

# When the first words of each page are seen over a slow line.
paint: _build/.built
	$(BIN)/python benchmarks/first_paint.py

clean:
	rm -rf _build .pytest_cache .ruff_cache .mypy_cache .hypothesis
	find recsys_lib tests book tools benchmarks -name __pycache__ -type d -exec rm -rf {} +
